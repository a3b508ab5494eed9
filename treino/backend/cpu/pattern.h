// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cpu/kernels.h"
#include "treino/base/shape.h"

namespace treino::cpu {

// How a tensor is walked when its elements are wanted in the row-major order of another shape: a
// stride in elements for each axis of that shape, 0 where it repeats. Axes that can be walked as
// one are merged.
struct Pattern {
  int rank = 0;
  Index extents[Shape::kMaxRank]{};
  Index strides[Shape::kMaxRank]{};

  bool contiguous() const { return rank == 0 || (rank == 1 && strides[0] == 1); }
  bool scalar() const { return rank == 1 && strides[0] == 0; }
  // The elements come round after this many; 0 when that is not all there is to it.
  Index period() const { return rank == 2 && strides[0] == 0 && strides[1] == 1 ? extents[1] : 0; }
};

// `from` broadcast to `to` (axes aligned at the right).
Pattern broadcast_pattern(const Shape& from, const Shape& to);
// Output axis i is input axis axes[i].
Pattern transpose_pattern(const Shape& from, const int* axes);

// Copies elements [first, first + count) of the walk to `to`; elements of 1, 4 or 8 bytes.
void walk(const Pattern& pattern, const void* from, Index first, Index count, int element_bytes,
          void* to);

}  // namespace treino::cpu
