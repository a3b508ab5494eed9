// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "treino/backend/cpu/memory.h"
#include "treino/runtime/device.h"

namespace treino::cpu {

// Variables in host memory, in their host representation. Those of one role lie together; tables
// (Role::data) stand alone: they are bound to the caller's tensor, or get memory when first
// written.
class CpuStore : public Store {
 public:
  explicit CpuStore(std::span<const Variable> variables);

  const std::vector<Variable>& variables() const override { return variables_; }
  void write(int variable, const HostTensor& value) override;
  void bind(int variable, std::shared_ptr<const HostTensor> value) override;
  HostTensor read(int variable, DType dtype) const override;
  using Store::read;
  using Store::write;

  // Where the variable is now; allocates an unwritten table as zeros.
  std::byte* data(int variable);
  // Changes whenever data() of some table does.
  std::int64_t generation() const { return generation_; }
  // Changes whenever the variable may have another value: when the host or a program wrote it.
  std::int64_t version(int variable) const { return versions_[static_cast<std::size_t>(variable)]; }
  void changed(int variable) { ++versions_[static_cast<std::size_t>(variable)]; }
  // From now on the variable has memory of its own (a program writes it).
  void own(int variable);

 private:
  struct Slot {
    std::byte* data = nullptr;
    Memory memory;                            // tables only
    std::shared_ptr<const HostTensor> bound;  // tables only
  };

  const Variable& checked(int variable, const HostTensor& value) const;
  Slot& slot(int variable) { return slots_[static_cast<std::size_t>(variable)]; }

  std::vector<Variable> variables_;
  std::vector<Slot> slots_;
  std::vector<bool> owned_;
  std::vector<std::int64_t> versions_;
  std::vector<Memory> arenas_;
  std::int64_t generation_ = 0;
};

}  // namespace treino::cpu
