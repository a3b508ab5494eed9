// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "treino/monitor/held_output.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {

// The full-screen view: graphs, the process tree, events, the command's last lines. Draws and reads
// keys on a thread of its own; the sampler only hands rows over.
class LiveOutput : public Output {
 public:
  struct Options {
    HeldOutput* held = nullptr;  // of a command
    // What q does. Empty: it leaves the view, and the command goes on.
    std::function<void()> quit;
  };

  explicit LiveOutput(Options options);  // throws Error::mistake where there is no terminal for it
  ~LiveOutput() override;

  void begin(const Header& header) override;
  void row(const Row& row) override;
  void end(const Summary& summary) override;

  // Gives the terminal back, and the command's output to it. Harmless when that was done.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace treino::monitor
