// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/optimizer_update.h"

#include <cmath>

#include "treino/graph/build.h"

namespace treino::nn {

namespace {

using namespace graph;

// 1 - beta^t without cancellation.
Value one_minus_power(double beta, Value t) {
  if (beta == 0) return constant(*t.graph, 1, DType::f64);
  return -expm1(t * std::log(beta));
}

class Updater {
 public:
  Updater(Graph& graph, Value rate, Value step) : graph_(graph), rate64_(rate), step_(step) {
    rate_ = cast(rate, DType::f32);
  }

  void prepare(double weight_decay) {
    if (weight_decay > 0) decay_ = cast(rate64_ * weight_decay, DType::f32);
  }
  void prepare_adam(double beta1, double beta2) {
    const Value t = step_ + 1.0;
    corrected_ =
        cast(rate64_ * sqrt(one_minus_power(beta2, t)) / one_minus_power(beta1, t), DType::f32);
  }

  void update(const Sgd& sgd, const Trained& p) {
    const Value w = decayed(p), change = p.gradient * rate_;
    if (sgd.momentum == 0) return assign(p.value, w - change);
    const Value v = slot("momentum", p);
    const Value next = v * sgd.momentum - change;
    assign(v, next);
    assign(p.value, w + (sgd.nesterov ? next * sgd.momentum - change : next));
  }
  void update(const Adam& adam, const Trained& p) {
    adam_step(p, adam.beta1, adam.beta2, adam.epsilon, adam.eps_root);
  }
  void update(const AdamW& adam, const Trained& p) {
    adam_step(p, adam.beta1, adam.beta2, adam.epsilon, 0);
  }
  void update(const RmsProp& rms, const Trained& p) {
    const Value v = slot("velocity", p);
    const Value next = v * rms.rho + square(p.gradient) * (1 - rms.rho);
    assign(v, next);
    Value spread = next;
    if (rms.centered) {
      const Value average = slot("average", p);
      const Value next_average = average * rms.rho + p.gradient * (1 - rms.rho);
      assign(average, next_average);
      spread = spread - square(next_average);
    }
    Value change = p.gradient * rate_ / sqrt(spread + rms.epsilon);
    if (rms.momentum > 0) {
      const Value momentum = slot("momentum", p);
      change = momentum * rms.momentum + change;
      assign(momentum, change);
    }
    assign(p.value, p.value - change);
  }
  void update(const Adagrad& adagrad, const Trained& p) {
    const Value sum = slot("accumulator", p);
    const Value next = sum + square(p.gradient);
    assign(sum, next);
    assign(p.value, p.value - p.gradient * rate_ / sqrt(next + adagrad.epsilon));
  }

 private:
  Value slot(const char* name, const Trained& p) {
    return graph_.variable(std::string("optimizer.") + name + "." + p.name, p.value.type(),
                           Role::optimizer);
  }
  // Not times 1 - decay, which f32 holds in steps of 6e-8.
  Value decayed(const Trained& p) {
    return decay_.graph == nullptr ? p.value : p.value - p.value * decay_;
  }

  void adam_step(const Trained& p, double beta1, double beta2, double epsilon, double eps_root) {
    const Value m = slot("m", p), v = slot("v", p);
    const Value next_m = m + (p.gradient - m) * (1 - beta1);
    const Value next_v = v + (square(p.gradient) - v) * (1 - beta2);
    assign(m, next_m);
    assign(v, next_v);
    const Value spread = sqrt(eps_root == 0 ? next_v : next_v + eps_root) + epsilon;
    assign(p.value, decayed(p) - next_m * corrected_ / spread);
  }

  Graph& graph_;
  Value rate64_, step_, rate_, decay_, corrected_;
};

}  // namespace

void emit_update(Graph& graph, const Optimizer& optimizer, Value rate, Value step,
                 const std::vector<Trained>& parameters) {
  Updater updater(graph, rate, step);
  std::visit(
      [&](const auto& kind) {
        if constexpr (requires { kind.weight_decay; }) updater.prepare(kind.weight_decay);
        if constexpr (requires { kind.beta1; }) updater.prepare_adam(kind.beta1, kind.beta2);
        for (const Trained& parameter : parameters) {
          graph.set_scope("optimizer." + parameter.name);
          updater.update(kind, parameter);
        }
      },
      optimizer);
}

std::vector<NamedTensor> initial_slots(const Optimizer& optimizer, const Model& model) {
  std::vector<NamedTensor> slots;
  const Adagrad* adagrad = std::get_if<Adagrad>(&optimizer);
  if (adagrad == nullptr) return slots;
  for (const LayerVariable& variable : variables(model)) {
    if (variable.role != Role::parameter) continue;
    HostTensor tensor(DType::f32, variable.shape);
    for (float& element : tensor.as<float>())
      element = static_cast<float>(adagrad->initial_accumulator);
    slots.push_back({"optimizer.accumulator." + variable.name, std::move(tensor)});
  }
  return slots;
}

}  // namespace treino::nn
