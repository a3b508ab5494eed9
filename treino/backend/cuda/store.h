// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cuda/gpu.h"
#include "treino/runtime/device.h"

namespace treino::cuda {

// Variables in the GPU's memory, as hosts and files hold them. Tables (Role::data) have a block
// each.
class CudaStore : public Store {
 public:
  CudaStore(std::shared_ptr<Gpu> gpu, std::span<const Variable> variables);

  const std::vector<Variable>& variables() const override { return variables_; }
  void write(int variable, const HostTensor& value) override;
  HostTensor read(int variable, DType dtype) const override;
  using Store::read;
  using Store::write;

  Address address(int variable) const { return addresses_[static_cast<std::size_t>(variable)]; }

 private:
  std::shared_ptr<Gpu> gpu_;
  std::vector<Variable> variables_;
  std::vector<Address> addresses_;
  std::vector<Block> blocks_;
};

}  // namespace treino::cuda
