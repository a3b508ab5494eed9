// SPDX-License-Identifier: Apache-2.0
#include "treino/data/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/base/convert.h"
#include "treino/base/error.h"
#include "treino/base/quote.h"

namespace treino::data {

std::size_t first_outside(std::span<const std::int32_t> labels, std::size_t classes) {
  const auto found = std::ranges::find_if(labels, [&](std::int32_t label) {
    return label < 0 || static_cast<std::size_t>(label) >= classes;
  });
  return static_cast<std::size_t>(found - labels.begin());
}

void check_labels(std::span<const std::int32_t> labels, int classes, const std::string& file,
                  std::int64_t first, std::int64_t stride) {
  const std::size_t i = first_outside(labels, static_cast<std::size_t>(classes));
  if (i == labels.size()) return;
  throw Error::mistake(fmt::format("{}: at byte {}: label {} of sample {} is outside 0..{}", file,
                                   first + static_cast<std::int64_t>(i) * stride, labels[i], i,
                                   classes - 1));
}

namespace {

double number_at(const HostTensor& from, std::size_t i) {
  double number = 0;
  convert(from.dtype, from.bytes.data() + i * static_cast<std::size_t>(host_bytes(from.dtype)),
          DType::f64, reinterpret_cast<std::byte*>(&number), 1);
  return number;
}

// The place of the one in a row that has zeros else.
std::int32_t hot_place(const HostTensor& from, std::int64_t row, const std::string& place) {
  const std::int64_t width = from.shape[1];
  std::int32_t found = -1;
  bool sound = true;
  for (std::int64_t c = 0; c < width; ++c) {
    const double value = number_at(from, static_cast<std::size_t>(row * width + c));
    sound = sound && (value == 0 || (value == 1 && found < 0));
    if (value == 1) found = static_cast<std::int32_t>(c);
  }
  if (sound && found >= 0) return found;
  throw Error::mistake(one_line(fmt::format(
      "{}: row {} is not one-hot; wanted are [n], a class number each, or [n, classes] with a 1 in "
      "each row",
      place, row)));
}

}  // namespace

HostTensor class_numbers(const HostTensor& from, std::int64_t samples, const std::string& place) {
  constexpr double kMostClasses = 65536;
  const Shape& shape = from.shape;
  if (shape.rank() != 1 && shape.rank() != 2) {
    throw Error::mistake(one_line(fmt::format(
        "{}: labels of shape {} cannot be used; wanted are [n], a class number each, or "
        "[n, classes], one-hot",
        place, to_string(shape))));
  }
  if (shape[0] != samples)
    throw Error::mistake(
        one_line(fmt::format("{}: {} labels for {} samples", place, shape[0], samples)));
  HostTensor labels(DType::i32, Shape{samples});
  const auto out = labels.as<std::int32_t>();
  const bool hot = shape.rank() == 2 && shape[1] > 1;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (hot) {
      out[i] = hot_place(from, static_cast<std::int64_t>(i), place);
      continue;
    }
    const double value = number_at(from, i);
    if (!(value >= 0 && value < kMostClasses && value == std::floor(value))) {
      throw Error::mistake(one_line(fmt::format(
          "{}: label {} of sample {} is no class number from 0 to 65535", place, value, i)));
    }
    out[i] = static_cast<std::int32_t>(value);
  }
  return labels;
}

void number_classes(Dataset& dataset) {
  std::int32_t most = 0;
  for (const Split* split : {&dataset.train, &dataset.test}) {
    if (!split->labels) continue;
    for (const std::int32_t label : split->labels->as<std::int32_t>()) most = std::max(most, label);
  }
  for (auto i = static_cast<std::int32_t>(dataset.classes.size()); i <= most; ++i)
    dataset.classes.push_back(std::to_string(i));
}

}  // namespace treino::data
