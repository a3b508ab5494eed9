// SPDX-License-Identifier: Apache-2.0
#include "treino/base/shape.h"

#include <algorithm>

#include "treino/base/error.h"

namespace treino {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) {
  for (std::int64_t extent : extents) append(extent);
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (std::int64_t extent : *this) {
    if (__builtin_mul_overflow(product, extent, &product) || product > kMaxElements ||
        product < -kMaxElements) {
      throw Error::mistake("a tensor of shape " + to_string(*this) + " is larger than any memory");
    }
  }
  return product;
}

void Shape::append(std::int64_t extent) {
  if (rank_ == kMaxRank) throw Error::mistake("a tensor has at most 6 axes");
  extents_[static_cast<std::size_t>(rank_++)] = extent;
}

Shape Shape::sub(int first, int last) const {
  return Shape(std::span<const std::int64_t>(begin() + first, begin() + last));
}

bool operator==(const Shape& a, const Shape& b) {
  return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}

}  // namespace treino
