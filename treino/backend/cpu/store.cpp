// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/store.h"

#include <fmt/format.h>

#include <cstring>

#include "treino/base/convert.h"
#include "treino/base/error.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cpu {

namespace {

std::size_t place_bytes(const Variable& variable) {
  return whole_lines(static_cast<std::size_t>(bytes_of(variable.type)));
}

}  // namespace

CpuStore::CpuStore(std::span<const Variable> variables)
    : variables_(variables.begin(), variables.end()),
      slots_(variables.size()),
      owned_(variables.size(), false),
      versions_(variables.size(), 0) {
  for (const Role role :
       {Role::parameter, Role::statistic, Role::optimizer, Role::counter, Role::metric}) {
    std::size_t bytes = 0;
    for (const Variable& variable : variables_)
      bytes += variable.role == role ? place_bytes(variable) : 0;
    arenas_.emplace_back(bytes);
    std::byte* next = arenas_.back().data();
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      if (variables_[i].role != role) continue;
      slots_[i].data = next;
      next += place_bytes(variables_[i]);
    }
  }
}

const Variable& CpuStore::checked(int variable, const HostTensor& value) const {
  const Variable& known = variables_[static_cast<std::size_t>(variable)];
  if (!(known.type.shape == value.shape)) {
    throw Error::mistake(fmt::format("{} has shape {}, the value written to it {}", known.name,
                                     to_string(known.type.shape), to_string(value.shape)));
  }
  return known;
}

void CpuStore::write(int variable, const HostTensor& value) {
  const Variable& known = checked(variable, value);
  if (slot(variable).bound != nullptr) own(variable);
  changed(variable);
  convert(value.dtype, value.bytes.data(), known.type.dtype, data(variable),
          value.shape.elements());
}

void CpuStore::bind(int variable, std::shared_ptr<const HostTensor> value) {
  const Variable& known = checked(variable, *value);
  if (known.role != Role::data || known.type.dtype != value->dtype ||
      owned_[static_cast<std::size_t>(variable)]) {
    write(variable, *value);
    return;
  }
  changed(variable);
  Slot& table = slot(variable);
  table.memory = Memory();
  table.bound = std::move(value);
  // Programs that write a table make it the store's own at load; nothing else writes through this.
  table.data = const_cast<std::byte*>(table.bound->bytes.data());
  ++generation_;
}

HostTensor CpuStore::read(int variable, DType dtype) const {
  const Variable& known = variables_[static_cast<std::size_t>(variable)];
  const std::byte* from = slots_[static_cast<std::size_t>(variable)].data;
  if (from == nullptr) return HostTensor(dtype, known.type.shape);
  HostTensor result = HostTensor::unfilled(dtype, known.type.shape);
  convert(known.type.dtype, from, dtype, result.bytes.data(), known.type.shape.elements());
  return result;
}

std::byte* CpuStore::data(int variable) {
  Slot& table = slot(variable);
  if (table.data == nullptr) {
    table.memory = Memory(place_bytes(variables_[static_cast<std::size_t>(variable)]));
    table.data = table.memory.data();
    ++generation_;
  }
  return table.data;
}

void CpuStore::own(int variable) {
  owned_[static_cast<std::size_t>(variable)] = true;
  Slot& table = slot(variable);
  if (table.bound == nullptr) return;
  const std::shared_ptr<const HostTensor> old = std::move(table.bound);
  table.bound = nullptr;
  table.data = nullptr;
  std::memcpy(data(variable), old->bytes.data(), old->bytes.size());
}

}  // namespace treino::cpu
