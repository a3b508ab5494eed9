// SPDX-License-Identifier: Apache-2.0
// Watches a process tree at a steady pace and hands rows to outputs.
//
// As a library:
//
//   Launch launch{.command = {"python3", "train.py"}, .stdout_fd = out, .stderr_fd = err};
//   Sampler sampler(std::move(launch), {.interval_s = 0.1, .for_s = 600});
//   CsvOutput csv("samples.csv");       // output.h; or an Output of your own
//   sampler.add(csv);
//   const Summary summary = sampler.run();   // blocks until the command has ended and its tree is
//   gone summary.get("cpu_s").value, summary.exit ...
//
// Another thread or a signal handler ends it early with sampler.interrupt(SIGTERM). The command
// finds an event socket in TREINO_EVENTS; what it sends arrives in Output::mark with the counters
// of that instant. A phase's CPU seconds are the difference of cpu_s between two marks. Make and
// run it while the process is small: the command is launched through a fork of it.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "treino/monitor/patience.h"
#include "treino/monitor/probe.h"
#include "treino/monitor/series.h"

namespace treino::monitor {

struct Launch {
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string folder;                                            // to run in; empty: ours
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;             // -1: ours
  std::vector<int> cpus;    // pinned to these; empty: as we are
  bool events = true;       // an event socket in TREINO_EVENTS
  bool own_cgroup = true;   // where it can be had
  bool outlives_us = true;  // false: when we are killed its tree is ended, by SIGKILL
  // A log profile's name (keras, pytorch, axon) or TOML file: its output passes through us, and
  // lines that fit become events.
  std::string log_profile;
};

// A process that runs already, and its descendants.
struct Attach {
  pid_t pid = 0;
};

struct SamplerOptions {
  double interval_s = 0.1;
  double for_s = std::numeric_limits<double>::infinity();  // then the command's tree is ended
  double grace_s = 5;  // from SIGTERM to SIGKILL when a tree is ended
  bool pss = true;
  std::string root;  // put before /proc and /sys, for tests
};

// Receives what is read, in the sampler's thread. An Error thrown from here gives up this output:
// the watch goes on and Sampler::failures() has the line.
class Output {
 public:
  virtual ~Output() = default;
  virtual void begin(const Header&) {}
  virtual void row(const Row&) {}
  virtual void mark(const Mark&) {}  // at once; the same mark stands in the next row
  virtual void end(const Summary&) {}
  // After end(): what it has handed to others reaches them now, or is given up and an Error says
  // so. Only here may it wait for a reader; all the calls before are in the sampler's time.
  virtual void flush(const Patience&) {}
  virtual double own_cpu_s() const { return 0; }  // of its own threads, for the observer's cost
};

class Clock;
class Tree;

class Sampler {
 public:
  // Throws Error::mistake for a command that is empty, a pid that does not run, an interval <= 0.
  Sampler(Launch launch, SamplerOptions options);
  Sampler(Attach attach, SamplerOptions options);
  // From parts, for tests: a day passes quickly by a simulated clock. Ends by for_s.
  Sampler(std::unique_ptr<Tree> tree, std::vector<std::unique_ptr<Probe>> probes,
          std::unique_ptr<Clock> clock, SamplerOptions options);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  void add(Output& output);  // not owned; outlives run()

  // Once. A command that cannot be run gives exit 126 or 127 in the summary, with a note.
  Summary run();

  // From any thread or a signal handler: ends the watch, and a launched tree (by this signal first,
  // unless `already_sent`: a terminal's Ctrl-C reaches the command by itself). A second call kills.
  void interrupt(int signal, bool already_sent = false);

  // Outputs that were given up, one line each.
  const std::vector<std::string>& failures() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The one process whose name (comm, or its program's or script's file name) is `name`. Throws
// Error::mistake when there is none, or several that are not one tree, and lists them.
pid_t find_by_name(const std::string& name, const std::string& root = {});

}  // namespace treino::monitor
