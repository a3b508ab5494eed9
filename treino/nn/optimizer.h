// SPDX-License-Identifier: Apache-2.0
// Optimisers as Keras 3 defines them. All take the schedule's rate of the step; weight decay is
// decoupled (Loshchilov and Hutter 2019): w loses w * weight_decay * rate before the update.
#pragma once

#include <variant>

#include "treino/nn/fields.h"

namespace treino::nn {

// v <- momentum v - rate g;  w <- w + v, or with nesterov w + momentum v - rate g.
struct Sgd {
  static constexpr std::string_view kName = "sgd";
  double rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;

  template <class V>
  void fields(V& v) {
    v("rate", rate, positive);
    v("momentum", momentum, fraction);
    v("nesterov", nesterov);
    v("weight_decay", weight_decay, not_negative);
  }
};

// Kingma and Ba 2015: m <- m + (g - m)(1 - beta1);  v <- v + (g g - v)(1 - beta2);
// w <- w - m rate sqrt(1 - beta2^t) / (1 - beta1^t) / (sqrt(v + eps_root) + epsilon).
struct Adam {
  static constexpr std::string_view kName = "adam";
  double rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
  double eps_root = 0;

  template <class V>
  void fields(V& v) {
    v("rate", rate, positive);
    v("beta1", beta1, fraction);
    v("beta2", beta2, fraction);
    v("epsilon", epsilon, not_negative);
    v("eps_root", eps_root, not_negative);
  }
};

struct AdamW {
  static constexpr std::string_view kName = "adamw";
  double rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
  double weight_decay = 0.004;

  template <class V>
  void fields(V& v) {
    v("rate", rate, positive);
    v("beta1", beta1, fraction);
    v("beta2", beta2, fraction);
    v("epsilon", epsilon, not_negative);
    v("weight_decay", weight_decay, not_negative);
  }
};

// Hinton 2012: v <- rho v + (1 - rho) g g;  s = rate g / sqrt(v + epsilon), centered: v less the
// square of the mean gradient;  with momentum u <- momentum u + s;  w <- w - s or u.
struct RmsProp {
  static constexpr std::string_view kName = "rmsprop";
  double rate = 1e-3;
  double rho = 0.9;
  double momentum = 0;
  double epsilon = 1e-7;
  bool centered = false;

  template <class V>
  void fields(V& v) {
    v("rate", rate, positive);
    v("rho", rho, fraction);
    v("momentum", momentum, fraction);
    v("epsilon", epsilon, not_negative);
    v("centered", centered);
  }
};

// Duchi, Hazan, Singer 2011: a <- a + g g;  w <- w - rate g / sqrt(a + epsilon).
struct Adagrad {
  static constexpr std::string_view kName = "adagrad";
  double rate = 1e-3;
  double initial_accumulator = 0.1;
  double epsilon = 1e-7;

  template <class V>
  void fields(V& v) {
    v("rate", rate, positive);
    v("initial_accumulator", initial_accumulator, not_negative);
    v("epsilon", epsilon, not_negative);
  }
};

using Optimizer = std::variant<Adam, Sgd, AdamW, RmsProp, Adagrad>;

inline double rate(const Optimizer& optimizer) {
  return std::visit([](const auto& o) { return o.rate; }, optimizer);
}

}  // namespace treino::nn
