// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/kinks.h"

#include <cmath>
#include <limits>
#include <optional>

#include "treino/graph/build.h"

namespace treino::conformance {

namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

double root_mean_square(std::span<const double> numbers) {
  double sum = 0;
  for (double x : numbers) sum += x * x;
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(numbers.size(), 1)));
}

// How far the largest number is ahead of the second.
class Race {
 public:
  void add(double x) {
    if (x > first_) {
      second_ = first_;
      first_ = x;
    } else {
      second_ = std::max(second_, x);
    }
  }
  double lead() const { return first_ == 0 && second_ == 0 ? kNone : first_ - second_; }

 private:
  double first_ = -kNone, second_ = -kNone;
};

double narrowest_window(std::span<const double> x, const WindowAttributes& w) {
  double least = kNone;
  const std::int64_t height = w.input[1], width = w.input[2], channels = w.input[3];
  for (std::int64_t n = 0; n < w.input[0]; ++n)
    for (std::int64_t oy = 0; oy < w.output_extent(0); ++oy)
      for (std::int64_t ox = 0; ox < w.output_extent(1); ++ox)
        for (std::int64_t c = 0; c < channels; ++c) {
          Race race;
          for (std::int64_t ky = 0; ky < w.size[0]; ++ky)
            for (std::int64_t kx = 0; kx < w.size[1]; ++kx) {
              const std::int64_t iy = oy * w.stride[0] + ky * w.dilation[0] - w.pad_before[0];
              const std::int64_t ix = ox * w.stride[1] + kx * w.dilation[1] - w.pad_before[1];
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              race.add(
                  x[static_cast<std::size_t>(((n * height + iy) * width + ix) * channels + c)]);
            }
          least = std::min(least, race.lead());
        }
  return least;
}

}  // namespace

KinkProbes::KinkProbes(Graph& graph) {
  const auto show = [&](Value value) {
    const std::string name =
        "probe." + std::to_string(probes_.size()) + "." + std::to_string(graph.nodes().size());
    graph::assign(graph.variable(name, value.type(), Role::metric), value);
    return name;
  };
  const int nodes = static_cast<int>(graph.nodes().size());
  for (int i = 0; i < nodes; ++i) {
    const Node node = graph.node(i);  // a copy: the graph grows
    const bool is_batch = !node.inputs.empty() && node.inputs[0].shape().rank() > 0 &&
                          is_float(node.inputs[0].dtype());
    if (!is_batch || node.scope.starts_with("optimizer")) continue;
    switch (node.op) {
      case Op::relu:
      case Op::abs:
      case Op::sign:
        probes_.push_back({Contest::with_zero, show(node.inputs[0]), "", {}});
        break;
      case Op::max:
      case Op::min:
      case Op::greater:
      case Op::greater_equal:
      case Op::equal:
        probes_.push_back(
            {Contest::with_each_other, show(node.inputs[0]), show(node.inputs[1]), {}});
        break;
      case Op::max_pool:
        probes_.push_back({Contest::in_windows, show(node.inputs[0]), "",
                           std::get<WindowAttributes>(node.attributes)});
        break;
      case Op::argmax:
        probes_.push_back({Contest::in_rows, show(node.inputs[0]), "", {}});
        break;
      default:
        break;
    }
  }
}

double KinkProbes::narrowest(const Store& store) const {
  double least = kNone;
  for (const Probe& probe : probes_) {
    const HostTensor tensor = store.read(store.find(probe.first), DType::f64);
    const auto x = tensor.as<double>();
    double scale = root_mean_square(x), gap = kNone;
    if (probe.contest == Contest::with_zero) {
      for (double number : x) gap = std::min(gap, number == 0 ? kNone : std::fabs(number));
    } else if (probe.contest == Contest::with_each_other) {
      const HostTensor other = store.read(store.find(probe.second), DType::f64);
      const auto y = other.as<double>();
      scale = std::max(scale, root_mean_square(y));
      for (std::size_t i = 0; i < x.size(); ++i)
        gap = std::min(gap, x[i] == 0 && y[i] == 0 ? kNone : std::fabs(x[i] - y[i]));
    } else if (probe.contest == Contest::in_windows) {
      gap = narrowest_window(x, probe.window);
    } else {
      const auto columns = static_cast<std::size_t>(tensor.shape.back());
      for (std::size_t row = 0; row < x.size(); row += columns) {
        Race race;
        for (std::size_t k = 0; k < columns; ++k) race.add(x[row + k]);
        gap = std::min(gap, race.lead());
      }
    }
    if (scale > 0) least = std::min(least, gap / scale);
  }
  return least;
}

}  // namespace treino::conformance
