// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace treino {

// The extents of a dense row-major tensor; images are channels-last: [batch, height, width,
// channels]. A rank-0 shape is a scalar and has one element.
class Shape {
 public:
  static constexpr int kMaxRank = 6;
  static constexpr std::int64_t kMaxElements = std::int64_t{1} << 56;  // their bytes fit 64 bits

  constexpr Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  // The product of the extents. Throws beyond kMaxElements: extents may come from a damaged file.
  std::int64_t elements() const;
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return extents_[static_cast<std::size_t>(axis)]; }
  std::int64_t back() const { return extents_[static_cast<std::size_t>(rank_ - 1)]; }
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }

  void append(std::int64_t extent);
  // The extents of axes [first, last), e.g. a sample's shape is sub(1, rank()).
  Shape sub(int first, int last) const;

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

// "[32, 28, 28]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

}  // namespace treino
