// SPDX-License-Identifier: Apache-2.0
// The inside of a Sampler.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "treino/monitor/cgroup.h"
#include "treino/monitor/clock.h"
#include "treino/monitor/event_source.h"
#include "treino/monitor/launcher.h"
#include "treino/monitor/line_queue.h"
#include "treino/monitor/log_tap.h"
#include "treino/monitor/process_tree.h"
#include "treino/monitor/sampler.h"
#include "treino/monitor/tick_cost.h"

namespace treino::monitor {

struct Sampler::State {
  State();

  // ---- what is asked for
  std::optional<Launch> launch;
  Attach attach;
  SamplerOptions options;
  struct Listener {
    Output* output;
    bool failed = false;
  };
  std::vector<Listener> listeners;
  std::vector<std::string> failures;

  // ---- from interrupt(), any thread
  Descriptor wake;
  std::atomic<int> interrupts = 0, signal = 0;
  std::atomic<bool> already_sent = false;

  Summary run();

 private:
  void prepare();
  void prepare_launch();
  void prepare_probes();
  void begin();
  void loop();
  void read(Moment::What what);  // all cells
  void row(Moment::What what);
  void peek();
  void take_events();
  void pass_on(const std::vector<Event>& events);
  void take_last_events();
  void drain_tap();
  void flush_all();
  Patience patience() const;
  void mark(std::vector<Event> events);
  void take_news();
  void take_interrupts();
  void check_limits();  // --for, and the end of grace
  void start_ending(int signal);
  void wait_for_all_gone(double until);
  void end_left_over();
  void finish(Summary& summary);
  bool attached_has_ended();
  double t() const { return now_ - t0_; }
  template <typename Call>
  void deliver(const Call& call);

 public:
  std::unique_ptr<Clock> clock;
  std::unique_ptr<Tree> tree;
  std::vector<std::unique_ptr<Probe>> probes;

 private:
  std::unique_ptr<Cgroup> group_;
  std::unique_ptr<Launcher> launcher_;
  ProcessTree* ledger_ = nullptr;  // the tree, where it is one
  std::unique_ptr<EventSource> events_;
  std::unique_ptr<LineQueue> forward_;  // to where our own TREINO_EVENTS points
  std::unique_ptr<LogTap> tap_;
  Descriptor attached_;  // pidfd, readable when it has ended

  Header header_;
  std::vector<Reading> cells_;
  std::vector<Mark> marks_;  // since the last row
  std::optional<Beats> beats_;
  TickCost cost_;
  double t0_ = 0, now_ = 0, last_row_ = 0, next_peek_ = 0;
  double own_cpu_ = 0;  // of this thread when the watch began

  bool over_ = false, all_gone_ = false;
  std::optional<int> status_;  // of the command, from wait
  double ended_ = 0;           // when, by the helper's clock
  double kernel_cpu_s_ = -1;   // of every process waited for
  double kill_at_ = 0;         // 0: nothing to kill
  int interrupts_done_ = 0;
  Summary summary_;
};

}  // namespace treino::monitor
