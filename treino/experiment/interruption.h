// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

#include "treino/monitor/sampler.h"

namespace treino::experiment {

// While it lives, Ctrl-C and the like stop the run that is going on and then the bench.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

 private:
  struct sigaction before_[3];
};

int interrupted();  // the signal, or 0

// The sampler a signal is handed on to.
class Watched {
 public:
  explicit Watched(monitor::Sampler& sampler);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

// Waits, or less when interrupted.
void pause(double seconds);

}  // namespace treino::experiment
