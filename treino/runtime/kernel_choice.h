// SPDX-License-Identifier: Apache-2.0
// Which kernel serves a heavy op where a device has several: what a run records, a resumed run
// gives back and tuning decides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "treino/runtime/program.h"

namespace treino {

struct KernelChoice {
  std::string op;           // "conv2d_grad_kernel"
  std::string shape;        // shape_key() of its step
  std::string kernel;       // "direct", "winograd", "onednn"; "product" for a matrix product
  std::int64_t slices = 0;  // its work is cut into; partial sums are added in their order

  bool same_op(const KernelChoice& other) const { return op == other.op && shape == other.shape; }
  friend bool operator==(const KernelChoice&, const KernelChoice&) = default;
};

struct KernelChoices {
  std::string instruction_set;  // all kernels were compiled for; empty: nothing is said
  std::vector<KernelChoice> ops;
  int revision = 0;  // of the device's arithmetic; 0: nothing is said
};

// Shapes and attributes of a step as text: steps of one op with the same key cost the same.
// "[32, 9, 9, 16] [3, 3, 16, 32] -> [32, 7, 7, 32] size=[3, 3]"
std::string shape_key(const Step& step);

}  // namespace treino
