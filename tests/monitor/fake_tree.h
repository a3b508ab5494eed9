// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/monitor/tree.h"

namespace treino::monitor {

// Processes that a test makes up.
class FakeTree : public Tree {
 public:
  void refresh(Depth) override {}
  std::span<const Member> members() const override { return all; }
  std::int64_t processes() const override { return static_cast<std::int64_t>(all.size()); }
  std::int64_t threads() const override { return processes(); }
  Reading cpu_s() const override { return Reading::of(0); }
  const std::string& root() const override { return empty_; }
  std::string method() const override { return "fake"; }

  std::vector<Member> all;

 private:
  std::string empty_;
};

}  // namespace treino::monitor
