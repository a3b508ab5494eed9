// SPDX-License-Identifier: Apache-2.0
// Numbers both sides make for themselves, and digests of tensors; numbers_of.py is the same in
// Python and says what each is for.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "treino/base/host_tensor.h"

namespace treino::golden {

// A hash of (the stream's name, index).
class Stream {
 public:
  explicit Stream(std::string_view name);
  std::uint64_t word(std::int64_t index) const;
  std::int64_t below(std::int64_t index, std::int64_t bound) const;
  double unit(std::int64_t index) const;  // a multiple of 2^-23 in [-1, 1)

 private:
  std::uint64_t base_;
};

// f32 of a parameter or statistic ("dense_1.kernel").
HostTensor starting_value(std::string_view network, std::string_view name, const Shape& shape);

// u8 or f32 [rows, sample...].
HostTensor samples(std::string_view network, DType dtype, const Shape& shape, std::int64_t classes);

// i32 [rows] for kind "one"; f32 [rows, classes] for "many", "numbers" and "shares".
HostTensor targets(std::string_view network, std::string_view kind, std::int64_t rows,
                   std::int64_t classes);

inline constexpr std::size_t kProjections = 32;

// A tensor of at most kProjections numbers whole; of a larger one the norm and kProjections sums
// with random signs.
std::vector<double> digest(std::span<const double> tensor);

// Which numbers of a digest to leave alone; empty: none.
using Mask = std::vector<bool>;

// Norm of the tensor behind a digest, without what the mask leaves alone.
double norm(std::span<const double> digest, const Mask& skip = {});

// || got - golden || / || golden || from their digests: exact for tensors kept whole. For others
// the squares of the projections' differences have the squared distance as their mean, whatever the
// signs, so their average over 32 is that distance times chi squared of 32 degrees / 32: a tensor
// twice as far off as allowed passes once in 200,000, and a single wrong element is seen
// exactly.
double distance(std::span<const double> got, std::span<const double> golden, const Mask& skip = {});

}  // namespace treino::golden
