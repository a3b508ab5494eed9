// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/input_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/graph/build.h"
#include "treino/nn/steps.h"

namespace treino::nn {

namespace {

// x factor + shift, or (x - middle) factor; one element where all channels are alike.
struct Affine {
  std::vector<double> factor, shift, middle;
};

// Numbers of a table may lie far from 0 beside how they vary (years): their middle is taken off
// before they are scaled, where it costs no digits. 8-bit ones do not.
bool takes_middle(DType type) {
  return type != DType::u8;
}

double factor_of(const Scale& scale, DType type) {
  if (scale.kind == Scale::kFactor) return scale.factor;
  return scale.kind == Scale::kAuto && type == DType::u8 ? 1.0 / 255 : 1.0;
}

// [input] mean and std, or those of a normalise among the augmentations.
InputOptions normalised(const InputOptions& input) {
  InputOptions result = input;
  for (const Augmentation& one : input.augment) {
    const Normalise* normalise = std::get_if<Normalise>(&one);
    if (normalise == nullptr) continue;
    if (!result.mean.empty() || !result.deviation.empty()) {
      throw Error::mistake(
          "input.augment.normalise: mean and std are said already (input.mean, input.std, scale = "
          "\"standard\" or another normalise); say them once");
    }
    result.mean = normalise->mean;
    result.deviation = normalise->deviation;
  }
  return result;
}

Affine affine_of(const InputOptions& written, std::int64_t channels, DType type) {
  const InputOptions input = normalised(written);
  const auto count = static_cast<std::size_t>(channels);
  const auto check = [&](const char* name, const std::vector<double>& list) {
    if (list.size() <= 1 || list.size() == count) return;
    throw Error::mistake(
        fmt::format("input.{} has {} numbers but the samples have {} channels; use 1 or {}", name,
                    list.size(), channels, channels));
  };
  check("mean", input.mean);
  check("std", input.deviation);
  const auto at = [](const std::vector<double>& list, std::size_t i, double otherwise) {
    return list.empty() ? otherwise : list[list.size() == 1 ? 0 : i];
  };
  const double scale = factor_of(input.scale, type);
  Affine affine;
  const bool alike = input.mean.size() <= 1 && input.deviation.size() <= 1;
  for (std::size_t i = 0; i < (alike ? 1 : count); ++i) {
    const double deviation = at(input.deviation, i, 1);
    affine.factor.push_back(scale / deviation);
    affine.shift.push_back(-at(input.mean, i, 0) / deviation);
    affine.middle.push_back(at(input.mean, i, 0) / scale);
  }
  return affine;
}

}  // namespace

Value scale_input(Graph& graph, const InputOptions& input, Value samples,
                  const Shape& model_input) {
  const Affine affine = affine_of(input, samples.shape().back(), samples.dtype());
  const bool middle = takes_middle(samples.dtype());
  Value x = graph::cast(samples, DType::f32);
  if (affine.factor.size() == 1) {
    if (middle && affine.middle[0] != 0) x = graph::operator-(x, affine.middle[0]);
    if (affine.factor[0] != 1) x = graph::operator*(x, affine.factor[0]);
    if (!middle && affine.shift[0] != 0) x = graph::operator+(x, affine.shift[0]);
  } else {
    const TensorType type{Shape{samples.shape().back()}, DType::f32};
    if (middle) x = graph::operator-(x, graph.variable("input.middle", type, Role::statistic));
    x = graph::operator*(x, graph.variable("input.factor", type, Role::statistic));
    if (!middle) x = graph::operator+(x, graph.variable("input.shift", type, Role::statistic));
  }
  Shape shape{samples.shape()[0]};
  for (std::int64_t extent : model_input) shape.append(extent);
  return graph::reshape(x, shape);
}

std::vector<NamedTensor> input_constants(const InputOptions& input, const Shape& sample,
                                         DType type) {
  const Affine affine = affine_of(input, sample.back(), type);
  if (affine.factor.size() == 1) return {};
  const auto tensor = [](const std::vector<double>& numbers) {
    HostTensor result(DType::f32, Shape{static_cast<std::int64_t>(numbers.size())});
    std::transform(numbers.begin(), numbers.end(), result.as<float>().begin(),
                   [](double number) { return static_cast<float>(number); });
    return result;
  };
  if (takes_middle(type))
    return {{"input.factor", tensor(affine.factor)}, {"input.middle", tensor(affine.middle)}};
  return {{"input.factor", tensor(affine.factor)}, {"input.shift", tensor(affine.shift)}};
}

namespace {

// Adds f(element, channel) of each element to its channel's sum, in order.
template <class F>
void add_up(const HostTensor& piece, std::vector<double>& sums, F&& f) {
  const std::size_t channels = sums.size();
  const auto add = [&](const auto& elements) {
    for (std::size_t i = 0; i < elements.size(); ++i)
      sums[i % channels] += f(static_cast<double>(elements[i]), i % channels);
  };
  if (piece.dtype == DType::u8)
    add(piece.as<std::uint8_t>());
  else
    add(piece.as<float>());
}

}  // namespace

void standardize(InputOptions& input, const ShowPieces& show) {
  if (input.scale.kind != Scale::kStandard) return;
  std::vector<double> sum, squares;
  std::int64_t elements = 0;
  show([&](const HostTensor& piece) {
    sum.resize(static_cast<std::size_t>(piece.shape.back()));
    elements += piece.shape.elements();
    add_up(piece, sum, [](double x, std::size_t) { return x; });
  });
  if (elements == 0) return;
  const double rows = static_cast<double>(elements) / static_cast<double>(sum.size());
  input.mean = sum;
  for (double& mean : input.mean) mean /= rows;
  squares.resize(sum.size());
  show([&](const HostTensor& piece) {
    add_up(piece, squares,
           [&](double x, std::size_t c) { return (x - input.mean[c]) * (x - input.mean[c]); });
  });
  input.deviation = squares;
  for (double& deviation : input.deviation) {
    deviation = std::sqrt(deviation / rows);
    if (!(deviation > 0)) deviation = 1;
  }
}

void standardize(InputOptions& input, const HostTensor& samples) {
  if (samples.dtype == DType::i32) return;
  standardize(input, [&](const std::function<void(const HostTensor&)>& look) { look(samples); });
}

}  // namespace treino::nn
