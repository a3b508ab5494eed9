// SPDX-License-Identifier: Apache-2.0
// The sampler's clock and its beats.
#pragma once

#include <poll.h>

#include <cstdint>
#include <span>

#include "treino/monitor/descriptor.h"

namespace treino::monitor {

// Tests give one of their own, for which a day is quickly over.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual double now() const = 0;  // seconds, CLOCK_MONOTONIC
  // Until then (an absolute time), or until one of the files is ready.
  virtual void wait(double until, std::span<pollfd> files) = 0;
};

class RealClock : public Clock {
 public:
  RealClock();
  double now() const override;
  void wait(double until, std::span<pollfd> files) override;

 private:
  Descriptor timer_;
};

// The beats of a fixed interval since `start`: beat k is due at start + k * interval whatever
// happened before it, so nothing drifts. Who wakes after more than one beat was due has missed them
// all and waits for the next one: beats are not made up for, and the rows stay apart.
class Beats {
 public:
  Beats(double start, double interval) : start_(start), interval_(interval) {}

  double next() const { return start_ + static_cast<double>(done_ + 1) * interval_; }
  // Whether a row is to be read now.
  bool due(double now);
  // Beats missed since the last call.
  std::int64_t take_missed();

 private:
  double start_, interval_;
  std::int64_t done_ = 0, missed_ = 0;
};

}  // namespace treino::monitor
