// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "treino/backend/reference/kernels.h"
#include "treino/base/rng.h"

namespace treino::reference {

namespace {

using Coordinates = std::array<std::int64_t, Shape::kMaxRank>;

Coordinates coordinates_of(const Shape& shape, std::int64_t i) {
  Coordinates result{};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    result[static_cast<std::size_t>(axis)] = i % shape[axis];
    i /= shape[axis];
  }
  return result;
}

// Calls f(input index, output index) for every element of a reduction's input.
template <typename F>
void for_each_reduced(const Call& call, F&& f) {
  const auto& axes = call.attributes<AxesAttributes>().axes;
  const Shape& shape = call.in[0].shape();
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const Coordinates at = coordinates_of(shape, i);
    std::int64_t target = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
        target = target * shape[axis] + at[static_cast<std::size_t>(axis)];
      }
    }
    f(i, target);
  }
}

}  // namespace

void transpose(const Call& call) {
  const auto& axes = call.attributes<AxesAttributes>().axes;
  const Shape &from = call.in[0].shape(), &to = call.out[0].shape();
  for (std::int64_t i = 0; i < to.elements(); ++i) {
    const Coordinates at = coordinates_of(to, i);
    Coordinates source{};
    for (std::size_t k = 0; k < axes.size(); ++k) source[static_cast<std::size_t>(axes[k])] = at[k];
    std::int64_t index = 0;
    for (int axis = 0; axis < from.rank(); ++axis)
      index = index * from[axis] + source[static_cast<std::size_t>(axis)];
    call.out[0].set(i, call.in[0].get(index));
  }
}

void reduce_sum(const Call& call) {
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) call.out[0].set(i, 0);
  for_each_reduced(call, [&](std::int64_t from, std::int64_t to) {
    call.out[0].set(to, call.out[0].get(to) + call.in[0].get(from));
  });
}

void reduce_max(const Call& call) {
  const double lowest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) call.out[0].set(i, lowest);
  for_each_reduced(call, [&](std::int64_t from, std::int64_t to) {
    call.out[0].set(to, evaluate(Op::max, call.in[0].get(from), call.out[0].get(to), 0));
  });
}

void argmax(const Call& call) {
  const std::int64_t width = call.in[0].shape().back();
  for (std::int64_t row = 0; row < call.out[0].size(); ++row) {
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < width; ++k) {
      if (call.in[0].get(row * width + k) > call.in[0].get(row * width + best)) best = k;
    }
    call.out[0].set(row, static_cast<double>(best));
  }
}

// Here as on every device an index outside the table is cut to it: nothing is read beside it.
void window(const Call& call) {
  const std::int64_t last = std::max<std::int64_t>(call.in[0].size() - call.out[0].size(), 0);
  const std::int64_t start =
      std::clamp<std::int64_t>(*static_cast<const std::int64_t*>(call.in[1].data), 0, last);
  for (std::int64_t i = 0; i < call.out[0].size(); ++i)
    call.out[0].set(i, call.in[0].get(start + i));
}

void gather_rows(const Call& call) {
  const std::int64_t width = call.out[0].size() / call.in[1].size();
  for (std::int64_t row = 0; row < call.in[1].size(); ++row) {
    const std::int64_t source = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(call.in[1].get(row)), 0, call.in[0].shape()[0] - 1);
    for (std::int64_t k = 0; k < width; ++k) {
      call.out[0].set(row * width + k, call.in[0].get(source * width + k));
    }
  }
}

void scatter_rows(const Call& call) {
  const std::int64_t rows = call.in[1].size(),
                     width = call.in[0].size() / std::max<std::int64_t>(rows, 1);
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) call.out[0].set(i, 0);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t target = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(call.in[1].get(row)), 0, call.out[0].shape()[0] - 1);
    for (std::int64_t k = 0; k < width; ++k) {
      const std::int64_t to = target * width + k;
      call.out[0].set(to, call.out[0].get(to) + call.in[0].get(row * width + k));
    }
  }
}

void one_hot(const Call& call) {
  const std::int64_t classes = call.out[0].shape()[1];
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) {
    call.out[0].set(i, call.in[0].get(i / classes) == static_cast<double>(i % classes) ? 1 : 0);
  }
}

void dropout_mask(const Call& call) {
  const auto& dropout = call.attributes<DropoutAttributes>();
  const auto seed = static_cast<std::uint64_t>(*static_cast<const std::int64_t*>(call.in[0].data));
  const auto position =
      static_cast<std::uint64_t>(*static_cast<const std::int64_t*>(call.in[1].data));
  const std::int64_t batch = call.out[0].shape()[0], width = call.out[0].size() / batch;
  for (std::int64_t row = 0; row < batch; ++row) {
    const std::uint64_t sample = position + static_cast<std::uint64_t>(row);
    for (std::int64_t e = 0; e < width; ++e) {
      const auto words =
          philox({static_cast<std::uint32_t>(e / 4), dropout.stream,
                  static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(sample >> 32)},
                 seed);
      const bool dropped = words[static_cast<std::size_t>(e % 4)] < dropout.rate * 0x1p32;
      call.out[0].set(row * width + e, dropped ? 0 : 1 / (1 - dropout.rate));
    }
  }
}

}  // namespace treino::reference
