// SPDX-License-Identifier: Apache-2.0
// A probe reads one kind of resource of the watched tree. To add one: its file, one row in
// probes.cpp, a test against a fake root or a fake driver library.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "treino/monitor/series.h"

namespace treino::monitor {

class Tree;

struct Moment {
  enum What {
    start,  // the base of counters and rates, before the command runs
    tick,   // a row
    mark,   // an event: read counters only, do not move the base of rates
    end,    // the last row
  };
  What what = tick;
  double t = 0;   // seconds since the start
  double dt = 0;  // since the row before (0 at start); rates are over this
};

class Probe {
 public:
  virtual ~Probe() = default;

  // The same throughout the probe's life; every column stands there even when it can never be read
  // here (its readings then say why).
  virtual std::span<const Column> columns() const = 0;

  // Fills one reading a column. Called from the sampler's thread only. What takes longer than a
  // millisecond belongs on a thread of the probe's own, which read() only asks for its newest
  // result. Never throws for something that cannot be read: that is an absent reading.
  virtual void read(const Moment& moment, const Tree& tree, std::span<Reading> out) = 0;

  // Between rows, `t` seconds after the start: at 1, 2, 4 ... ms, later once a second. For peaks of
  // what soon ends, and for readings with a pace of their own where rows are far apart. Cheap.
  virtual void peek(double t, const Tree& tree) {
    (void)t;
    (void)tree;
  }

  // Adds totals, means and peaks to the summary; called once, after the read of Moment::end.
  virtual void summarize(Summary& summary) const = 0;

  // How it measures here ("cgroup v1 cpuacct", "NVML 550.54"); empty: nothing to say.
  virtual std::string method() const { return {}; }

  // CPU seconds used by the probe's own threads so far, for the observer's cost.
  virtual double own_cpu_s() const { return 0; }
};

// What this machine can measure, for `treino doctor`.
struct Capability {
  std::string name;  // "PSS", "own cgroup", "NVIDIA GPU"
  bool ok = false;
  std::string reason;  // ok: what was found. Else: why not
  std::string remedy;  // the exact thing to do, empty when there is none
};

struct ProbeContext {
  std::string root;  // put before /proc and /sys; empty: the real ones. For tests
  double interval_s = 0.1;
  bool pss = true;
};

struct ProbeRow {
  const char* name;
  std::unique_ptr<Probe> (*make)(const ProbeContext& context);
  void (*capabilities)(const std::string& root, std::vector<Capability>& out);  // may be null
};

// One row a probe, in the order of the columns.
std::span<const ProbeRow> probe_table();

// Every row's capabilities, and those of the tree (own cgroup, /proc of others).
std::vector<Capability> capabilities(const std::string& root = {});

}  // namespace treino::monitor
