// SPDX-License-Identifier: Apache-2.0
// How the learning rate changes: a factor of the optimiser's rate by the number s of completed
// steps. Durations are in epochs (fractions allowed), turned into whole steps, at least one where
// not 0.
#pragma once

#include <variant>

#include "treino/nn/fields.h"

namespace treino::nn {

inline constexpr std::string_view kEpochs = "epochs (fractions too), at least 0";
inline constexpr Limits some_epochs{.least = 0, .allowed = kEpochs};
inline constexpr Limits epochs_above_zero{
    .least = 0, .above = true, .allowed = "epochs (fractions too), above 0"};

struct ConstantRate {
  static constexpr std::string_view kName = "constant";
  template <class V>
  void fields(V&) {}
};

// factor^floor(s / every), after a linear rise over warm_up (Keras: ExponentialDecay, staircase).
struct StepRate {
  static constexpr std::string_view kName = "step";
  double every = 1;
  double factor = 0.1;
  double warm_up = 0;

  template <class V>
  void fields(V& v) {
    v("every", every, epochs_above_zero);
    v("factor", factor, positive);
    v("warm_up", warm_up, some_epochs);
  }
};

// A linear rise over warm_up, then (1 - final) (1 + cos(pi s' / S)) / 2 + final over the rest
// (Loshchilov and Hutter 2017; Keras: CosineDecay).
struct CosineRate {
  static constexpr std::string_view kName = "cosine";
  double final = 0;  // factor at the end
  double warm_up = 0;
  double epochs = 0;  // length with the warm-up; 0: the training's

  template <class V>
  void fields(V& v) {
    v("final", final, Limits{.least = 0, .most = 1});
    v("warm_up", warm_up, some_epochs);
    v("epochs", epochs, Limits{.least = 0, .default_text = "train.epochs", .allowed = kEpochs});
  }
};

// Smith and Topin 2018, as PyTorch's OneCycleLR with cosine phases: from 1/div to 1 at `peak` of
// the length, then down to 1/(div final_div).
struct OneCycleRate {
  static constexpr std::string_view kName = "one_cycle";
  double peak = 0.3;
  double div = 25;
  double final_div = 1e4;
  double epochs = 0;

  template <class V>
  void fields(V& v) {
    v("peak", peak, Limits{.least = 0, .most = 1, .above = true, .below = true});
    v("div", div, at_least_one);
    v("final_div", final_div, at_least_one);
    v("epochs", epochs, Limits{.least = 0, .default_text = "train.epochs", .allowed = kEpochs});
  }
};

// s / warm-up steps, then 1.
struct WarmUpRate {
  static constexpr std::string_view kName = "warm_up";
  double epochs = 1;

  template <class V>
  void fields(V& v) {
    v("epochs", epochs, epochs_above_zero);
  }
};

using Schedule = std::variant<ConstantRate, StepRate, CosineRate, OneCycleRate, WarmUpRate>;

// Whether the rate depends on the training's total length (so that a resumed run may not change
// it).
bool depends_on_total(const Schedule& schedule);

// The factor by arithmetic on the host, for tests and pictures; the step's graph computes the same.
double schedule_factor(const Schedule& schedule, double step, double steps_per_epoch,
                       double epochs);

}  // namespace treino::nn
