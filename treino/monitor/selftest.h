// SPDX-License-Identifier: Apache-2.0
// Known loads, measured on this machine: does each number say what it should here?
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace treino::monitor {

struct Verdict {
  std::string probe, load;
  enum What { passed, failed, unknown } what = unknown;
  std::string detail;  // expected and read, or why it cannot be told
};

// Takes about ten seconds. `program` is run with "monitor --load NAME ..." for the loads. Each
// verdict is told as soon as it is known.
std::vector<Verdict> selftest(const std::string& program,
                              const std::function<void(const Verdict&)>& tell);

}  // namespace treino::monitor
