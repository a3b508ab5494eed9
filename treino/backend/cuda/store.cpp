// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/store.h"

#include <fmt/format.h>

#include "treino/base/convert.h"
#include "treino/base/error.h"
#include "treino/runtime/bind.h"

namespace treino::cuda {

namespace {

std::int64_t bytes_of(const Variable& variable) {
  return variable.type.shape.elements() * host_bytes(variable.type.dtype);
}

HostTensor converted(const HostTensor& value, DType dtype) {
  HostTensor result = HostTensor::unfilled(dtype, value.shape);
  convert(value.dtype, value.bytes.data(), dtype, result.bytes.data(), value.shape.elements());
  return result;
}

}  // namespace

CudaStore::CudaStore(std::shared_ptr<Gpu> gpu, std::span<const Variable> variables)
    : gpu_(std::move(gpu)),
      variables_(variables.begin(), variables.end()),
      addresses_(variables.size()) {
  const auto allocate = [&](std::int64_t bytes, const std::string& what) {
    Block block(gpu_, bytes);
    if (!block) {
      const Gpu::Free memory = gpu_->memory();
      throw Error::work(fmt::format(
          "the GPU's memory is full: {} asked for {}, {} of {} are free{}; end other programs on "
          "it, use a smaller set or network, or --device cpu",
          bytes_text(bytes), what, bytes_text(memory.free), bytes_text(memory.total),
          memory.limited ? " (--vram-limit)" : ""));
    }
    gpu_->clear(block.address(), std::max<std::int64_t>(bytes, 1));
    blocks_.push_back(std::move(block));
    return blocks_.back().address();
  };
  std::int64_t together = 0;
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    if (variables_[i].role == Role::data) {
      addresses_[i] = allocate(bytes_of(variables_[i]), variables_[i].name);
    } else {
      addresses_[i] = static_cast<Address>(together);
      together += padded(bytes_of(variables_[i]));
    }
  }
  const Address base = allocate(together, "parameters and the optimiser's state");
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    if (variables_[i].role != Role::data) addresses_[i] += base;
  }
}

void CudaStore::write(int variable, const HostTensor& value) {
  const Variable& target = variables_[static_cast<std::size_t>(variable)];
  check_write(target, value);
  if (value.dtype != target.type.dtype) return write(variable, converted(value, target.type.dtype));
  if (value.bytes.empty()) return;
  gpu_->write(address(variable), value.bytes.data(), value.bytes.size(), target.name);
}

HostTensor CudaStore::read(int variable, DType dtype) const {
  const Variable& source = variables_[static_cast<std::size_t>(variable)];
  HostTensor value = HostTensor::unfilled(source.type.dtype, source.type.shape);
  if (!value.bytes.empty())
    gpu_->read(value.bytes.data(), address(variable), value.bytes.size(), source.name);
  return dtype == value.dtype ? std::move(value) : converted(value, dtype);
}

}  // namespace treino::cuda
