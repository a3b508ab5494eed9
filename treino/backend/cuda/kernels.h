// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cuda/kernels/augment.h"
#include "treino/backend/cuda/kernels/elementwise.h"
#include "treino/backend/cuda/kernels/known_group.h"
#include "treino/backend/cuda/kernels/levels.h"
#include "treino/backend/cuda/kernels/library.h"
#include "treino/backend/cuda/kernels/movement.h"
#include "treino/backend/cuda/kernels/norm_quads.h"
#include "treino/backend/cuda/kernels/product.h"
#include "treino/backend/cuda/kernels/reduce.h"
#include "treino/backend/cuda/kernels/softmax.h"
#include "treino/backend/cuda/kernels/thin_product.h"
#include "treino/backend/cuda/kernels/tile_product.h"
#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

enum class Kernel : int {
#define TREINO_KERNEL(name, ...) name,
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
};

inline constexpr const char* kKernelNames[] = {
#define TREINO_KERNEL(name, ...) #name,
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
};
inline constexpr int kKernelCount = static_cast<int>(sizeof kKernelNames / sizeof *kKernelNames);

// The row of a structure; a structure without one does not compile.
template <typename Work>
constexpr Kernel kernel_of = [] {
  static_assert(sizeof(Work) == 0, "a row of kernels.def is missing");
  return Kernel{};
}();
#define TREINO_KERNEL(name, ...) \
  template <>                    \
  inline constexpr Kernel kernel_of<__VA_ARGS__> = Kernel::name;
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL

// Whether a structure has a row.
template <typename Work>
constexpr bool kHasKernel = false;
#define TREINO_KERNEL(name, ...) \
  template <>                    \
  inline constexpr bool kHasKernel<__VA_ARGS__> = true;
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL

// Whether it is part of the kernel that runs whole programs.
inline constexpr bool kInLevels[] = {
#define TREINO_KERNEL(name, ...) true,
#define TREINO_KERNEL_ALONE(name, ...) false,
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
};

}  // namespace treino::cuda
