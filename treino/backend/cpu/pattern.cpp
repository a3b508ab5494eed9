// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/pattern.h"

#include <algorithm>
#include <cstring>

namespace treino::cpu {

namespace {

// Merges neighbouring axes that one stride serves.
Pattern merged(const Index* extents, const Index* strides, int rank) {
  Pattern pattern;
  for (int axis = 0; axis < rank; ++axis) {
    if (extents[axis] == 1) continue;
    if (pattern.rank > 0) {
      Index& extent = pattern.extents[pattern.rank - 1];
      Index& stride = pattern.strides[pattern.rank - 1];
      if (stride == strides[axis] * extents[axis]) {
        extent *= extents[axis];
        stride = strides[axis];
        continue;
      }
    }
    pattern.extents[pattern.rank] = extents[axis];
    pattern.strides[pattern.rank++] = strides[axis];
  }
  return pattern;
}

void strides_of(const Shape& shape, Index* strides) {
  Index stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
}

template <typename T>
void walk_elements(const Pattern& pattern, const T* from, Index first, Index count, T* to) {
  if (pattern.rank == 0) {
    std::fill_n(to, count, *from);
    return;
  }
  const int last = pattern.rank - 1;
  Index at[Shape::kMaxRank], offset = 0, rest = first;
  for (int axis = last; axis >= 0; --axis) {
    at[axis] = rest % pattern.extents[axis];
    rest /= pattern.extents[axis];
    offset += at[axis] * pattern.strides[axis];
  }
  const Index stride = pattern.strides[last];
  while (count > 0) {
    const Index run = std::min(pattern.extents[last] - at[last], count);
    if (stride == 1) {
      std::copy_n(from + offset, run, to);
    } else if (stride == 0) {
      std::fill_n(to, run, from[offset]);
    } else {
      for (Index i = 0; i < run; ++i) to[i] = from[offset + i * stride];
    }
    to += run;
    count -= run;
    at[last] += run;
    offset += run * stride;
    for (int axis = last; axis > 0 && at[axis] == pattern.extents[axis]; --axis) {
      offset += pattern.strides[axis - 1] - at[axis] * pattern.strides[axis];
      at[axis] = 0;
      ++at[axis - 1];
    }
  }
}

}  // namespace

Pattern broadcast_pattern(const Shape& from, const Shape& to) {
  Index own[Shape::kMaxRank]{}, strides[Shape::kMaxRank]{}, extents[Shape::kMaxRank]{};
  strides_of(from, own);
  for (int axis = 0; axis < to.rank(); ++axis) {
    const int source = axis - (to.rank() - from.rank());
    extents[axis] = to[axis];
    strides[axis] = source < 0 || from[source] == 1 ? 0 : own[source];
  }
  return merged(extents, strides, to.rank());
}

Pattern transpose_pattern(const Shape& from, const int* axes) {
  Index own[Shape::kMaxRank]{}, strides[Shape::kMaxRank]{}, extents[Shape::kMaxRank]{};
  strides_of(from, own);
  for (int axis = 0; axis < from.rank(); ++axis) {
    extents[axis] = from[axes[axis]];
    strides[axis] = own[axes[axis]];
  }
  return merged(extents, strides, from.rank());
}

void walk(const Pattern& pattern, const void* from, Index first, Index count, int element_bytes,
          void* to) {
  if (pattern.contiguous() && pattern.rank == 1) {
    std::memcpy(to, static_cast<const std::byte*>(from) + first * element_bytes,
                static_cast<std::size_t>(count * element_bytes));
  } else if (element_bytes == 1) {
    walk_elements(pattern, static_cast<const std::uint8_t*>(from), first, count,
                  static_cast<std::uint8_t*>(to));
  } else if (element_bytes == 4) {
    walk_elements(pattern, static_cast<const std::uint32_t*>(from), first, count,
                  static_cast<std::uint32_t*>(to));
  } else {
    walk_elements(pattern, static_cast<const std::uint64_t*>(from), first, count,
                  static_cast<std::uint64_t*>(to));
  }
}

}  // namespace treino::cpu
