// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/numbers_of.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace treino::golden {

namespace {

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

Stream stream(std::string_view network, std::string_view name) {
  return Stream(std::string(network) + "/" + std::string(name));
}

}  // namespace

Stream::Stream(std::string_view name) : base_(0xCBF29CE484222325) {
  for (const char c : name) base_ = (base_ ^ static_cast<unsigned char>(c)) * 0x100000001B3;
}

std::uint64_t Stream::word(std::int64_t index) const {
  return mix(base_ + static_cast<std::uint64_t>(index + 1) * 0x9E3779B97F4A7C15);
}

std::int64_t Stream::below(std::int64_t index, std::int64_t bound) const {
  return static_cast<std::int64_t>(word(index) % static_cast<std::uint64_t>(bound));
}

double Stream::unit(std::int64_t index) const {
  return (static_cast<double>(word(index) >> 40) - 0x1p23) / 0x1p23;
}

HostTensor starting_value(std::string_view network, std::string_view name, const Shape& shape) {
  const Stream numbers = stream(network, name);
  const std::string_view kind = name.substr(name.rfind('.') + 1);
  double width = 0.125, middle = 0;
  if (kind == "kernel") {
    double field = 1;
    for (int axis = 0; axis < shape.rank() - 2; ++axis) field *= static_cast<double>(shape[axis]);
    width = std::sqrt(6 / (field * static_cast<double>(shape[shape.rank() - 2] + shape.back())));
  } else if (kind == "gamma" || kind == "variance") {
    width = 0.25, middle = 1;
  }
  HostTensor tensor(DType::f32, shape);
  std::int64_t i = 0;
  for (float& element : tensor.as<float>())
    element = static_cast<float>(numbers.unit(i++) * width + middle);
  return tensor;
}

HostTensor samples(std::string_view network, DType dtype, const Shape& shape,
                   std::int64_t classes) {
  const Stream noise = stream(network, "samples"), patterns = stream(network, "patterns"),
               labels = stream(network, "labels");
  HostTensor tensor(dtype, shape);
  const std::int64_t elements = shape.elements() / shape[0];
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const std::int64_t pattern = labels.below(i / elements, classes) * elements + i % elements;
    const auto at = static_cast<std::size_t>(i);
    if (dtype == DType::u8) {
      const std::uint64_t sum = (noise.word(i) & 255) * 7 + (patterns.word(pattern) & 255);
      tensor.as<std::uint8_t>()[at] = static_cast<std::uint8_t>(sum >> 3);
    } else {
      tensor.as<float>()[at] =
          static_cast<float>((noise.unit(i) * 7 + patterns.unit(pattern)) * 0.125);
    }
  }
  return tensor;
}

HostTensor targets(std::string_view network, std::string_view kind, std::int64_t rows,
                   std::int64_t classes) {
  const Stream labels = stream(network, "labels"), table = stream(network, "targets");
  const bool one = kind == "one";
  HostTensor tensor(one ? DType::i32 : DType::f32, one ? Shape{rows} : Shape{rows, classes});
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t label = labels.below(row, classes), first = label * classes;
    if (one) {
      tensor.as<std::int32_t>()[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(label);
      continue;
    }
    const auto share = [&](std::int64_t i) { return static_cast<double>(table.word(i) & 7) + 1; };
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += share(first + c);
    for (std::int64_t c = 0; c < classes; ++c) {
      const double value = kind == "many"      ? static_cast<double>(table.word(first + c) & 1)
                           : kind == "numbers" ? table.unit(first + c) * 2
                                               : share(first + c) / sum;
      tensor.as<float>()[static_cast<std::size_t>(row * classes + c)] = static_cast<float>(value);
    }
  }
  return tensor;
}

std::vector<double> digest(std::span<const double> tensor) {
  if (tensor.size() <= kProjections) return {tensor.begin(), tensor.end()};
  static const Stream signs("signs");
  // Sums of runs, then of the runs' sums: the digest itself must not lose digits.
  constexpr std::size_t kRun = 256;
  std::vector<double> total(1 + kProjections, 0.0);
  for (std::size_t begin = 0; begin < tensor.size(); begin += kRun) {
    double squares = 0, sums[kProjections] = {};
    for (std::size_t i = begin; i < std::min(begin + kRun, tensor.size()); ++i) {
      const double x = tensor[i];
      const std::uint64_t word = signs.word(static_cast<std::int64_t>(i));
      squares += x * x;
      for (std::size_t k = 0; k < kProjections; ++k) sums[k] += (word >> k & 1) != 0 ? x : -x;
    }
    total[0] += squares;
    for (std::size_t k = 0; k < kProjections; ++k) total[1 + k] += sums[k];
  }
  total[0] = std::sqrt(total[0]);
  return total;
}

namespace {

double length(std::span<const double> numbers, const Mask& skip = {}) {
  double squares = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (skip.empty() || !skip[i]) squares += numbers[i] * numbers[i];
  return std::sqrt(squares);
}

}  // namespace

double norm(std::span<const double> digest, const Mask& skip) {
  if (digest.size() <= kProjections) return length(digest, skip);
  return !skip.empty() && skip[0] ? 0 : digest[0];
}

double distance(std::span<const double> got, std::span<const double> golden, const Mask& skip) {
  if (got.size() != golden.size()) return INFINITY;
  std::vector<double> away(got.size());
  for (std::size_t i = 0; i < got.size(); ++i) away[i] = got[i] - golden[i];
  double most = length(away, skip);
  if (got.size() > kProjections) {  // masked whole or not at all
    if (!skip.empty() && skip[0]) return 0;
    most =
        std::max(length(std::span(away).subspan(1)) / std::sqrt(kProjections), std::abs(away[0]));
  }
  return most == 0 ? 0 : most / norm(golden, skip);
}

}  // namespace treino::golden
