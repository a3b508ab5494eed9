// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/emit.h"

#include <fmt/format.h>

#include <map>

#include "treino/graph/build.h"

namespace treino::nn {

namespace {

// 4 TiB of f32: past any memory, far from overflowing an index.
constexpr double kMostElements = 0x1p40;

double elements_of(const Shape& shape) {
  double count = 1;
  for (std::int64_t extent : shape) count *= static_cast<double>(extent);
  return count;
}

}  // namespace

Value Emit::own(std::string_view name, const Shape& shape, const Initializer& initializer,
                Role role) {
  const std::string full = fmt::format("{}.{}", scope_, name);
  if (elements_of(shape) > kMostElements) {
    throw Error::mistake(
        fmt::format("{} of shape {} has more than 2^40 numbers; make the layer smaller", full,
                    to_string(shape)));
  }
  const Value value = graph_.variable(full, {shape, DType::f32}, role);
  variables_.push_back({full, shape, role, initializer, value});
  return value;
}

Value Emit::parameter(std::string_view name, const Shape& shape, const Initializer& initializer) {
  return own(name, shape, initializer, Role::parameter);
}

Value Emit::statistic(std::string_view name, const Shape& shape, const Initializer& initializer) {
  return own(name, shape, initializer, Role::statistic);
}

Value Emit::dropout_mask(double rate, const Shape& shape) {
  return graph::dropout_mask(seed_, position_, {rate, dropouts_++, {shape, DType::f32}});
}

Value Emit::sequence(std::string_view name, const std::vector<Layer>& layers, Value x) {
  const std::string outer = scope_;
  const std::string prefix = name.empty()    ? (outer.empty() ? "" : outer + ".")
                             : outer.empty() ? fmt::format("{}.", name)
                                             : fmt::format("{}.{}.", outer, name);
  std::map<std::string_view, int> counts;
  for (const Layer& layer : layers) {
    scope_ = fmt::format("{}{}_{}", prefix, layer.name(), ++counts[layer.name()]);
    graph_.set_scope(scope_);
    const std::size_t record = records_.size();
    records_.push_back({scope_, std::string(layer.name()), depth_, {}, 0, 0, 0, 0});
    records_[record].first_node = static_cast<int>(graph_.nodes().size());
    records_[record].first_variable = variables_.size();
    ++depth_;
    x = layer.emit(*this, x);
    --depth_;
    records_[record].output = x.shape().sub(1, x.shape().rank());
    records_[record].last_node = static_cast<int>(graph_.nodes().size());
    records_[record].last_variable = variables_.size();
  }
  scope_ = outer;
  graph_.set_scope(outer);
  return x;
}

}  // namespace treino::nn
