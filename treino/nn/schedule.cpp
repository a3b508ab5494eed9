// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "treino/graph/build.h"
#include "treino/nn/schedule_steps.h"

namespace treino::nn {

bool depends_on_total(const Schedule& schedule) {
  if (const auto* cosine = std::get_if<CosineRate>(&schedule)) return cosine->epochs == 0;
  if (const auto* cycle = std::get_if<OneCycleRate>(&schedule)) return cycle->epochs == 0;
  return false;
}

namespace {

// The formulas once, over numbers (double) and over the graph's scalars (f64 Value).
struct Numbers {
  using T = double;
  static double number(double value) { return value; }
  static double minimum(double a, double b) { return std::min(a, b); }
  static double maximum(double a, double b) { return std::max(a, b); }
  static double floor(double a) { return std::floor(a); }
  static double cos(double a) { return std::cos(a); }
  static double exp(double a) { return std::exp(a); }
  static double choose_less(double a, double b, double yes, double no) { return a < b ? yes : no; }
};

struct Nodes {
  using T = Value;
  Graph& graph;
  Value number(double value) const { return graph::constant(graph, value, DType::f64); }
  Value minimum(Value a, double b) const { return graph::min(a, number(b)); }
  Value maximum(Value a, double b) const { return graph::max(a, number(b)); }
  Value floor(Value a) const { return graph::floor(a); }
  Value cos(Value a) const { return graph::cos(a); }
  Value exp(Value a) const { return graph::exp(a); }
  // yes where a < b.
  Value choose_less(Value a, double b, Value yes, Value no) const {
    return graph::select(graph::greater(number(b), a), yes, no);
  }
};

using graph::operator+;
using graph::operator-;
using graph::operator*;

// The factor at step s, a number of whole steps.
template <class Maths>
struct Factor {
  using T = typename Maths::T;
  const Maths& maths;
  T s;
  double steps_per_epoch, epochs;

  double steps(double in_epochs) const { return schedule_steps(in_epochs, steps_per_epoch); }
  T half_cosine(T progress) const {  // from 1 at 0 to 0 at 1
    return (maths.cos(progress * std::numbers::pi) + 1.0) * 0.5;
  }
  T warmed(double warm_up, T after) const {
    const double rise = steps(warm_up);
    if (rise == 0) return after;
    return maths.choose_less(s, rise, s * (1 / rise), after);
  }

  T operator()(const ConstantRate&) const { return maths.number(1); }
  T operator()(const WarmUpRate& rate) const {
    return maths.minimum(s * (1 / steps(rate.epochs)), 1);
  }
  T operator()(const StepRate& rate) const {
    const T since = maths.maximum(s - steps(rate.warm_up), 0);
    // The half keeps s / every from falling just below a whole number by rounding.
    const T drops = maths.floor((since + 0.5) * (1 / steps(rate.every)));
    return warmed(rate.warm_up, maths.exp(drops * std::log(rate.factor)));
  }
  T operator()(const CosineRate& rate) const {
    const double rise = steps(rate.warm_up);
    const double length = std::max(steps(rate.epochs == 0 ? epochs : rate.epochs) - rise, 1.0);
    const T progress = maths.minimum(maths.maximum(s - rise, 0) * (1 / length), 1);
    return warmed(rate.warm_up, half_cosine(progress) * (1 - rate.final) + rate.final);
  }
  T operator()(const OneCycleRate& rate) const {
    const double length = steps(rate.epochs == 0 ? epochs : rate.epochs);
    // PyTorch's phases end at these steps; a first one that ends before step 0 is left out.
    const double up = rate.peak * length - 1, end = length - 1;
    const double low = 1 / rate.div, last = 1 / (rate.div * rate.final_div);
    const T rising = half_cosine(maths.minimum(s * (1 / (up > 0 ? up : 1)), 1)) * (low - 1) + 1.0;
    const T falling =
        half_cosine(maths.minimum(maths.maximum(s - up, 0) * (1 / (end - up)), 1)) * (1 - last) +
        last;
    return maths.choose_less(s, up, rising, falling);
  }
};

}  // namespace

double schedule_steps(double epochs, double steps_per_epoch) {
  return epochs == 0 ? 0 : std::max(1.0, std::round(epochs * steps_per_epoch));
}

double schedule_factor(const Schedule& schedule, double step, double steps_per_epoch,
                       double epochs) {
  const Numbers maths;
  return std::visit(Factor<Numbers>{maths, step, steps_per_epoch, epochs}, schedule);
}

Value schedule_factor(const Schedule& schedule, Value step, double steps_per_epoch, double epochs) {
  const Nodes maths{*step.graph};
  return std::visit(Factor<Nodes>{maths, step, steps_per_epoch, epochs}, schedule);
}

}  // namespace treino::nn
