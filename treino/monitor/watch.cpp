// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/watch.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "treino/base/error.h"
#include "treino/monitor/cgroup_tree.h"
#include "treino/monitor/ending.h"
#include "treino/monitor/thread_cpu.h"

namespace treino::monitor {

namespace {

constexpr double kFirstPeek = 0.001, kSlowestPeek = 1.0;  // seconds after the start; apart
constexpr double kKillAgain = 0.05, kGiveUp = 10;         // seconds, for a tree that does not die

std::string utc_now() {
  const time_t now = ::time(nullptr);
  tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// Each member keeps two files open; a soft limit of 1024 is soon reached.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Null where our own TREINO_EVENTS names no place.
std::unique_ptr<LineQueue> forward_to_ours() {
  const char* address = std::getenv("TREINO_EVENTS");
  if (address == nullptr || *address == '\0') return nullptr;
  auto writer = std::make_shared<EventWriter>();
  writer->add(address);
  return std::make_unique<LineQueue>([writer](std::string_view line) {
    writer->pass_on(line);
    for (const std::string& warning : writer->take_warnings()) throw Error::work(warning);
  });
}

}  // namespace

template <typename Call>
void Sampler::State::deliver(const Call& call) {
  for (Listener& listener : listeners) {
    if (listener.failed) continue;
    try {
      call(*listener.output);
    } catch (const Error& error) {
      listener.failed = true;
      failures.emplace_back(error.what());
    }
  }
}

Summary Sampler::State::run() {
  if (!clock) clock = std::make_unique<RealClock>();
  prepare();
  begin();
  loop();
  finish(summary_);
  return std::move(summary_);
}

void Sampler::State::prepare() {
  if (launch) prepare_launch();
  raise_file_limit();
  if (probes.empty()) prepare_probes();
  if (attach.pid > 0 && options.root.empty()) {
    attached_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, attach.pid, 0)));
  }
  for (const auto& probe : probes) {
    for (const Column& column : probe->columns()) header_.columns.push_back(column);
  }
  cells_.resize(header_.columns.size());
  header_.interval_s = options.interval_s;
  ProcReader reader;
  if (const auto text = reader.read(options.root + "/proc/meminfo")) {
    header_.machine_mib = static_cast<double>(number_after(*text, "MemTotal:").value_or(0)) / 1024;
  }
  if (launch) {
    header_.target = fmt::format("{}", fmt::join(launch->command, " "));
  } else if (!tree->members().empty()) {
    header_.target = fmt::format("pid {} ({})", attach.pid, tree->members().front().name);
  }
}

void Sampler::State::prepare_launch() {
  Launch& command = *launch;
  if (command.events) {
    events_ = std::make_unique<EventSource>();
    command.environment.emplace_back("TREINO_EVENTS", events_->address());
    try {
      forward_ = forward_to_ours();
    } catch (const Error& error) {
      summary_.notes.push_back(fmt::format("events are not passed on: {}", error.what()));
    }
  }
  if (!command.log_profile.empty()) {
    tap_ = std::make_unique<LogTap>(LogProfile::load(command.log_profile),
                                    command.stdout_fd < 0 ? STDOUT_FILENO : command.stdout_fd,
                                    command.stderr_fd < 0 ? STDERR_FILENO : command.stderr_fd);
    command.stdout_fd = tap_->out_for_command();
    command.stderr_fd = tap_->err_for_command();
    command.environment.emplace_back("PYTHONUNBUFFERED", "1");  // or its lines come late
  }
  std::string why = "switched off";
  if (command.own_cgroup && options.root.empty()) group_ = Cgroup::make(options.root, why);
  launcher_ =
      std::make_unique<Launcher>(command, group_ ? group_->folders() : std::vector<std::string>());
  if (tap_) tap_->launched();
  if (group_) {
    if (group_->holds(launcher_->command())) {
      tree = std::make_unique<CgroupTree>(*group_, launcher_->helper());
    }
    if (tree) header_.methods.emplace_back("tree", "its own control group");
    if (!tree) why = "the command could not be moved into the control group";
  }
  if (!tree) {
    header_.methods.emplace_back("tree", "/proc; no control group: " + why);
    auto ledger = std::make_unique<ProcessTree>(options.root, launcher_->helper(),
                                                ProcessTree::Top::launcher);
    ledger_ = ledger.get();
    tree = std::move(ledger);
  }
}

void Sampler::State::prepare_probes() {
  const ProbeContext context{options.root, options.interval_s, options.pss};
  for (const ProbeRow& row : probe_table()) probes.push_back(row.make(context));
}

void Sampler::State::begin() {
  t0_ = now_ = clock->now();
  read(Moment::start);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (std::string method = probes[i]->method(); !method.empty()) {
      header_.methods.emplace_back(i < probe_table().size() ? probe_table()[i].name : "probe",
                                   std::move(method));
    }
  }
  t0_ = now_ = clock->now();
  header_.start = t0_;
  header_.wall_start = utc_now();
  deliver([this](Output& output) { output.begin(header_); });
  own_cpu_ = thread_cpu_s();
  beats_.emplace(t0_, options.interval_s);
  next_peek_ = t0_ + kFirstPeek;
  if (!launcher_) return;
  if (const int error = launcher_->go(); error != 0) {
    summary_.failure = fmt::format("{}: {}", launch->command.front(), std::strerror(error));
    summary_.exit = error == ENOENT ? 127 : 126;
    over_ = true;
  }
}

void Sampler::State::loop() {
  std::vector<pollfd> files;
  while (!over_) {
    double until = std::min({beats_->next(), next_peek_, t0_ + options.for_s});
    if (kill_at_ > 0) until = std::min(until, kill_at_);
    files.clear();
    files.push_back({wake.get(), POLLIN, 0});
    if (launcher_) files.push_back({launcher_->descriptor(), POLLIN, 0});
    if (attached_) files.push_back({attached_.get(), POLLIN, 0});
    if (tap_) tap_->add_files(files);
    if (events_) events_->add_files(files);
    clock->wait(until, files);
    now_ = clock->now();
    take_events();
    if (launcher_) take_news();
    take_interrupts();
    check_limits();
    if (attached_has_ended()) over_ = true;
    if (over_) break;
    if (beats_->due(now_)) {
      row(Moment::tick);
    } else if (now_ >= next_peek_) {
      peek();
    }
  }
}

void Sampler::State::read(Moment::What what) {
  tree->refresh(what == Moment::mark ? Tree::Depth::counters : Tree::Depth::all);
  const Moment moment{what, t(), t() - last_row_};
  for (Reading& cell : cells_) cell = Reading{};
  std::size_t at = 0;
  for (const auto& probe : probes) {
    const std::size_t count = probe->columns().size();
    probe->read(moment, *tree, std::span(cells_).subspan(at, count));
    at += count;
  }
}

void Sampler::State::row(Moment::What what) {
  read(what);
  Row row;
  row.t = t();
  row.dt = row.t - last_row_;
  row.missed = beats_->take_missed();
  row.cells = cells_;
  row.marks = marks_;
  row.tree = tree.get();
  ++summary_.samples;
  summary_.missed += row.missed;
  deliver([&](Output& output) { output.row(row); });
  marks_.clear();
  last_row_ = row.t;
  if (what == Moment::tick) cost_.add(clock->now() - now_);
}

void Sampler::State::peek() {
  tree->refresh(Tree::Depth::all);
  for (const auto& probe : probes) probe->peek(t(), *tree);
  next_peek_ = now_ + std::min(t(), kSlowestPeek);
}

void Sampler::State::take_events() {
  std::vector<Event> events;
  if (events_) events = events_->take();
  pass_on(events);
  if (tap_) {
    for (Event& event : tap_->take()) events.push_back(std::move(event));
  }
  mark(std::move(events));
}

void Sampler::State::pass_on(const std::vector<Event>& events) {
  if (!forward_) return;
  try {
    for (const Event& event : events) forward_->add(event.line());
  } catch (const Error& error) {
    summary_.warnings.emplace_back(error.what());
    forward_.reset();
  }
}

void Sampler::State::take_last_events() {
  // A process that outlived the command may go on writing for ever.
  constexpr int kMostTurns = 200;
  int turns = 0;
  do take_events();
  while (events_ && events_->more() && ++turns < kMostTurns);
  if (!tap_) return;
  drain_tap();
  mark(tap_->finish());
}

// Until what the command had written has reached whoever reads it, or nobody does.
void Sampler::State::drain_tap() {
  tap_->drain();
  const double until = clock->now() + patience().seconds;
  std::vector<pollfd> files;
  while (!tap_->drained() && clock->now() < until && interrupts == interrupts_done_) {
    files.assign(1, {wake.get(), POLLIN, 0});
    tap_->add_files(files);
    clock->wait(until, files);
    mark(tap_->take());
  }
}

// Where the end was asked for, nobody keeps us long; and a signal more is the end at once.
Patience Sampler::State::patience() const {
  const bool asked = summary_.timed_out || summary_.interrupted_by != 0;
  return {wake.get(), asked ? options.grace_s : std::numeric_limits<double>::infinity()};
}

void Sampler::State::flush_all() {
  deliver([this](Output& output) { output.flush(patience()); });
  if (!forward_) return;
  try {
    forward_->flush({wake.get(), options.grace_s});
  } catch (const Error& error) {
    summary_.warnings.emplace_back(error.what());
  }
  if (forward_->dropped() > 0) {
    summary_.warnings.push_back(fmt::format(
        "{} events were not passed on to TREINO_EVENTS: nobody read them", forward_->dropped()));
  }
}

void Sampler::State::mark(std::vector<Event> events) {
  if (events.empty()) return;
  read(Moment::mark);  // once for all that came together
  for (Event& event : events) {
    Mark mark{t(), std::move(event), cells_};
    deliver([&](Output& output) { output.mark(mark); });
    marks_.push_back(std::move(mark));
  }
}

void Sampler::State::take_news() {
  while (const auto news = launcher_->next()) {
    switch (news->what) {
      case LauncherNews::started:
        break;
      case LauncherNews::exited:
        status_ = news->value;
        ended_ = news->t;
        kernel_cpu_s_ = news->cpu_s;
        over_ = true;
        break;
      case LauncherNews::all_gone:
        all_gone_ = true;
        kernel_cpu_s_ = news->cpu_s;
        over_ = true;
        return;
      case LauncherNews::lost:
        summary_.failure = "the launcher was killed; what it ran was ended";
        tree->refresh(Tree::Depth::all);
        signal_tree(*tree, SIGKILL);
        all_gone_ = true;
        over_ = true;
        return;
    }
  }
}

void Sampler::State::take_interrupts() {
  const int count = interrupts;
  if (count == interrupts_done_) return;
  std::uint64_t ignored = 0;
  (void)!::read(wake.get(), &ignored, sizeof ignored);
  summary_.interrupted_by = signal;
  if (!launcher_) {
    over_ = true;
  } else if (interrupts_done_ == 0 && count == 1) {
    if (already_sent) {
      kill_at_ = now_ + options.grace_s;
    } else {
      start_ending(signal);
    }
  } else {
    start_ending(SIGKILL);
  }
  interrupts_done_ = count;
}

void Sampler::State::check_limits() {
  if (over_) return;
  if (!summary_.timed_out && now_ >= t0_ + options.for_s) {
    summary_.timed_out = true;
    if (launcher_) {
      start_ending(SIGTERM);
    } else {
      over_ = true;
    }
    options.for_s = std::numeric_limits<double>::infinity();
  }
  if (kill_at_ > 0 && now_ >= kill_at_) start_ending(SIGKILL);
}

void Sampler::State::start_ending(int with) {
  tree->refresh(Tree::Depth::all);
  signal_tree(*tree, with);
  kill_at_ = now_ + (with == SIGKILL ? kKillAgain : options.grace_s);
}

bool Sampler::State::attached_has_ended() {
  if (launch || attach.pid == 0) return false;
  if (attached_) {
    pollfd file{attached_.get(), POLLIN, 0};
    return ::poll(&file, 1, 0) == 1;
  }
  return tree->members().empty() || tree->members().front().pid != attach.pid;
}

void Sampler::State::wait_for_all_gone(double until) {
  while (!all_gone_ && clock->now() < until) {
    pollfd file{launcher_->descriptor(), POLLIN, 0};
    clock->wait(until, {&file, 1});
    now_ = clock->now();
    take_news();
  }
}

void Sampler::State::end_left_over() {
  tree->refresh(Tree::Depth::all);
  const int count = signal_tree(*tree, SIGTERM);
  summary_.notes.push_back(fmt::format("{} process{} that outlived the command {} ended", count,
                                       count == 1 ? "" : "es", count == 1 ? "was" : "were"));
  wait_for_all_gone(clock->now() + options.grace_s);
  for (const double give_up = clock->now() + kGiveUp; !all_gone_ && clock->now() < give_up;) {
    tree->refresh(Tree::Depth::all);
    signal_tree(*tree, SIGKILL);
    wait_for_all_gone(clock->now() + kKillAgain);
  }
  if (!all_gone_) summary_.notes.emplace_back("some processes do not die; they are left behind");
}

void Sampler::State::finish(Summary& summary) {
  now_ = clock->now();
  if (summary.failure.empty()) {
    take_last_events();
    // The news that nothing is left comes right behind the command's end, if so it is.
    if (launcher_ && !all_gone_) wait_for_all_gone(now_ + 0.02);
    if (ledger_ != nullptr && kernel_cpu_s_ >= 0) ledger_->set_reaped(kernel_cpu_s_);
    // Nothing has moved since the last process ended, however late we come to read it.
    now_ = all_gone_ && ended_ > 0 ? std::max(ended_, t0_ + last_row_) : clock->now();
    (void)beats_->due(now_);  // those that went by unheard are missed too
    row(Moment::end);
  }
  summary.wall_s = ended_ > 0 ? ended_ - t0_ : t();
  const double own = thread_cpu_s() - own_cpu_;
  if (launcher_ && !all_gone_ && summary.failure.empty()) {
    end_left_over();
    if (tap_ && interrupts == interrupts_done_) drain_tap();
  }
  if (status_ && summary.failure.empty()) summary.exit = exit_code(*status_);
  double own_threads = tap_ ? tap_->cpu_s() : 0;
  for (const Listener& listener : listeners) own_threads += listener.output->own_cpu_s();
  for (const auto& probe : probes) {
    probe->summarize(summary);
    own_threads += probe->own_cpu_s();
  }
  if (kernel_cpu_s_ >= 0) {
    const char* note = "by wait4, of every process waited for";
    summary.add("cpu_s_rusage", Reading::of(kernel_cpu_s_, note), 3);
  }
  if (summary.wall_s > 0) {
    summary.add("observer_cpu_pct", Reading::of(100 * (own + own_threads) / summary.wall_s), 3);
    summary.add("observer_row_ms_p50", Reading::of(1e3 * cost_.quantile(0.5)), 3);
    summary.add("observer_row_ms_p99", Reading::of(1e3 * cost_.quantile(0.99)), 3);
  }
  if (events_ && events_->refused() > 0) {
    summary.notes.push_back(
        fmt::format("{} lines on the event socket were no events; the first: {}",
                    events_->refused(), events_->first_refusal()));
  }
  summary.methods = header_.methods;
  if (tap_) {
    for (std::string& warning : tap_->warnings()) summary.warnings.push_back(std::move(warning));
  }
  deliver([&](Output& output) { output.end(summary); });
  flush_all();
  launcher_.reset();
  tree.reset();
  group_.reset();
}

}  // namespace treino::monitor
