// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/interruption.h"

#include <atomic>
#include <cmath>
#include <ctime>

namespace treino::experiment {

namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
std::atomic<int> caught{0};
std::atomic<monitor::Sampler*> watched{nullptr};

void on_signal(int signal) {
  caught = signal;
  monitor::Sampler* sampler = watched;
  if (sampler != nullptr) sampler->interrupt(signal);
}

}  // namespace

Interruption::Interruption() {
  caught = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (std::size_t i = 0; i < 3; ++i) sigaction(kSignals[i], &action, &before_[i]);
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < 3; ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

int interrupted() {
  return caught;
}

Watched::Watched(monitor::Sampler& sampler) {
  watched = &sampler;
}
Watched::~Watched() {
  watched = nullptr;
}

void pause(double seconds) {
  timespec wait{static_cast<time_t>(seconds), static_cast<long>(std::fmod(seconds, 1) * 1e9)};
  nanosleep(&wait, nullptr);  // a signal ends it, as it should
}

}  // namespace treino::experiment
