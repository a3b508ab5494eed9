// SPDX-License-Identifier: Apache-2.0
// Events from the log lines of programs that send none: regular expressions as data (TOML).
//
//   name = "mine"
//   [[line]]
//   match = '^epoch (\d+) done, loss ([\d.]+)'
//   event = "epoch_stop"
//   once = true                         # only the first such line of an epoch
//   fields = { epoch = 1, loss = 2 }    # group, or { group = 3, times = 0.01 }, { group = 2, over
//   = 3 }
//   [[line]]
//   match = '^Epoch: (\d+), Batch: \d+'
//   change = { group = 1, plus = 1 }    # a new number starts an epoch and stops the one before
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "treino/base/event.h"

namespace treino::monitor {

class LogProfile {
 public:
  // A built-in name (keras, pytorch, axon) or a TOML file. Throws Error::mistake naming file and
  // fault.
  static LogProfile load(const std::string& name_or_path);
  static LogProfile parse(const std::string& toml, const std::string& where);
  static std::vector<std::string> names();

  LogProfile(LogProfile&&) noexcept;
  LogProfile& operator=(LogProfile&&) noexcept;
  ~LogProfile();

  // The events that one line (without its end) means; `t` becomes theirs.
  std::vector<Event> read(std::string_view line, double t);
  // What is still open at the end of the log: the last epoch of a profile that tells them by
  // change.
  std::vector<Event> finish();

 private:
  LogProfile();
  struct State;
  std::unique_ptr<State> state_;
};

// Cuts a stream into lines at \n and at \r (progress bars), and takes terminal colours out of them.
class LineCutter {
 public:
  // Lines completed by these bytes.
  std::vector<std::string> add(std::string_view bytes);
  std::string rest();  // what has no end yet; emptied

 private:
  std::string rest_;
};

}  // namespace treino::monitor
