// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "treino/monitor/clock.h"
#include "treino/monitor/probe.h"
#include "treino/monitor/sampler.h"
#include "treino/monitor/tree.h"

namespace treino::test {

// Time that passes by waiting only. `late` says how long after the deadline the k-th wait returns.
class SimulatedClock : public monitor::Clock {
 public:
  explicit SimulatedClock(std::function<double(std::int64_t)> late = {}) : late_(std::move(late)) {}
  double now() const override { return now_; }
  void wait(double until, std::span<pollfd> files) override {
    for (pollfd& file : files) file.revents = 0;
    now_ = std::max(now_, until) + (late_ ? late_(waits_) : 0);
    ++waits_;
  }

 private:
  double now_ = 1000;
  std::int64_t waits_ = 0;
  std::function<double(std::int64_t)> late_;
};

// One process that never changes.
class QuietTree : public monitor::Tree {
 public:
  void refresh(Depth) override { ++refreshes; }
  std::span<const monitor::Member> members() const override { return members_; }
  std::int64_t processes() const override { return 1; }
  std::int64_t threads() const override { return 1; }
  monitor::Reading cpu_s() const override { return monitor::Reading::of(0); }
  const std::string& root() const override { return root_; }
  std::string method() const override { return "test"; }
  std::int64_t refreshes = 0;

 private:
  std::vector<monitor::Member> members_ = {{.pid = 1}};
  std::string root_ = "/nowhere";
};

// Keeps what a sampler hands out.
struct Kept : monitor::Output {
  struct KeptRow {
    double t, dt;
    std::int64_t missed;
    std::vector<monitor::Reading> cells;
    std::vector<std::string> marks;
  };
  void begin(const monitor::Header& h) override { header = h; }
  void row(const monitor::Row& row) override {
    KeptRow kept{row.t, row.dt, row.missed, {row.cells.begin(), row.cells.end()}, {}};
    for (const monitor::Mark& mark : row.marks) kept.marks.push_back(mark.event.name());
    rows.push_back(std::move(kept));
    if (on_row) on_row();
  }
  void mark(const monitor::Mark& mark) override {
    events.push_back(mark.event.line());
    counters.push_back(mark.cells);
    times.push_back(mark.t);
  }
  double cell(std::size_t row, const char* column) const {
    return rows.at(row).cells.at(header.find(column).value()).value;
  }

  monitor::Header header;
  std::vector<KeptRow> rows;
  std::vector<std::string> events;
  std::vector<std::vector<monitor::Reading>> counters;
  std::vector<double> times;
  std::function<void()> on_row;
};

}  // namespace treino::test
