// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace treino::train {

// While it lives, SIGINT and SIGTERM are noted instead of ending the process; the second one ends
// it.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  int signal() const;  // the one that came, or 0

 private:
  struct sigaction before_int_ {
  }, before_term_{};
};

}  // namespace treino::train
