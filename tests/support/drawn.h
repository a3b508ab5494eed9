// SPDX-License-Identifier: Apache-2.0
// Programs of a few ops on drawn numbers.
#pragma once

#include <cstdint>
#include <memory>

#include "treino/base/rng.h"
#include "treino/runtime/device.h"

namespace treino::test {

// Normal numbers, any bytes, or integers below 5; the same for one stream every time.
inline HostTensor drawn(const TensorType& type, std::uint64_t stream) {
  HostTensor tensor(type.dtype, type.shape);
  Rng rng(7, stream);
  switch (type.dtype) {
    case DType::f32:
      for (float& x : tensor.as<float>()) x = static_cast<float>(rng.normal());
      break;
    case DType::f64:
      for (double& x : tensor.as<double>()) x = rng.normal();
      break;
    case DType::u8:
      for (auto& x : tensor.as<std::uint8_t>()) x = static_cast<std::uint8_t>(rng.below(256));
      break;
    case DType::i32:
      for (auto& x : tensor.as<std::int32_t>()) x = static_cast<std::int32_t>(rng.below(5));
      break;
    case DType::i64:
      for (auto& x : tensor.as<std::int64_t>()) x = static_cast<std::int64_t>(rng.below(5));
      break;
  }
  return tensor;
}

struct Run {
  std::unique_ptr<Store> store;
  std::unique_ptr<Executable> executable;

  // Every variable of the program is drawn but its metrics, which are its results. It runs twice,
  // so that what is left of the first time shows.
  Run(Device& device, const Program& program) : store(device.make_store(program.variables)) {
    for (std::size_t i = 0; i < program.variables.size(); ++i) {
      const Variable& variable = program.variables[i];
      if (variable.role != Role::metric) store->write(static_cast<int>(i), drawn(variable.type, i));
    }
    executable = device.load(program, *store);
    executable->run(2);
  }
};

}  // namespace treino::test
