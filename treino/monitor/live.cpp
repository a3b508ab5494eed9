// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/live.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "treino/base/clock.h"
#include "treino/chart/chart.h"
#include "treino/monitor/live_frame.h"
#include "treino/monitor/live_terminal.h"
#include "treino/monitor/proc.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr int kFrame = 100;              // milliseconds; no terminal shows more to an eye
constexpr double kProcessesEvery = 1.0;  // seconds
constexpr std::array kSpans = {0.0, 600.0, 300.0, 120.0, 60.0, 30.0, 10.0};  // seconds; 0: all

using Identity = std::pair<pid_t, std::uint64_t>;

// Parents before their children, children in order of their pids.
std::vector<std::pair<const Member*, int>> in_tree_order(const std::vector<Member>& members) {
  std::map<pid_t, std::vector<const Member*>> children;
  std::map<pid_t, const Member*> by_pid;
  for (const Member& member : members) by_pid[member.pid] = &member;
  std::vector<std::pair<const Member*, int>> stack;
  for (const auto& [pid, member] : by_pid) {
    if (member->parent != pid && by_pid.contains(member->parent)) {
      children[member->parent].push_back(member);
    } else {
      stack.emplace_back(member, 0);
    }
  }
  std::reverse(stack.begin(), stack.end());
  std::vector<std::pair<const Member*, int>> out;
  while (!stack.empty()) {
    const auto [member, depth] = stack.back();
    stack.pop_back();
    out.emplace_back(member, depth);
    auto& below = children[member->pid];
    for (auto child = below.rbegin(); child != below.rend(); ++child) {
      stack.emplace_back(*child, depth + 1);
    }
    below.clear();  // each once, whatever the parents say
  }
  return out;
}

}  // namespace

struct LiveOutput::State {
  Options options;
  std::mutex mutex;  // of history, members, over
  History history{8192};
  std::vector<Member> members;
  double copied_at = -1;
  std::string over;  // how it ended; empty: it runs

  std::optional<LiveTerminal> terminal;
  std::thread thread;
  std::atomic<bool> stop = false;

  // ---- of the thread only
  bool paused = false, by_cpu = false;
  std::size_t span = 0;
  int first_process = 0;
  std::vector<LiveProcess> processes;
  std::map<Identity, std::pair<double, double>> cpu_before;  // CPU seconds, at which time
  double processes_at = -1e9;
  ProcReader reader;

  void run() {
    while (!stop) {
      if (terminal) {
        handle(terminal->key(kFrame));
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(kFrame));
        if (options.held != nullptr) options.held->release();
      }
      if (terminal && !paused && !stop) draw();
    }
  }

  void handle(LiveTerminal::Key key) {
    const int page = std::max(terminal->rows() / 4, 1);
    switch (key) {
      case LiveTerminal::Key::quit:
        if (options.quit) {
          options.quit();
        } else {
          terminal.reset();
        }
        return;
      case LiveTerminal::Key::pause:
        paused = !paused;
        if (paused) draw();
        return;
      case LiveTerminal::Key::longer:
        span = span == 0 ? kSpans.size() - 1 : span;
        span -= span > 1 ? 1 : span;
        return;
      case LiveTerminal::Key::shorter:
        span = std::min(span + 1, kSpans.size() - 1);
        return;
      case LiveTerminal::Key::up:
        --first_process;
        break;
      case LiveTerminal::Key::down:
        ++first_process;
        break;
      case LiveTerminal::Key::page_up:
        first_process -= page;
        break;
      case LiveTerminal::Key::page_down:
        first_process += page;
        break;
      case LiveTerminal::Key::order:
        by_cpu = !by_cpu;
        first_process = 0;
        return;
      case LiveTerminal::Key::none:
        return;
    }
    first_process =
        std::clamp(first_process, 0, std::max(static_cast<int>(processes.size()) - 1, 0));
  }

  void draw() {
    refresh_processes();
    LiveState shown;
    shown.processes = processes;
    shown.processes_by_cpu = by_cpu;
    shown.first_process = first_process;
    shown.seconds = kSpans[span];
    if (options.held != nullptr) shown.output = options.held->last_lines(64);
    shown.help = options.quit
                     ? " q quit   p pause   <- -> time   up/down processes   c by CPU"
                     : " q leave, the command goes on   Ctrl-C end it   p pause   <- -> time"
                       "   up/down processes   c by CPU";
    std::optional<LiveGrid> grid;
    {
      const std::lock_guard lock(mutex);
      shown.history = &history;
      shown.t = history.end();
      shown.state = paused ? "paused" : !over.empty() ? over : "running";
      grid = draw_live(shown, terminal->columns(), terminal->rows(), terminal->unicode());
    }
    terminal->draw(*grid);
  }

  // CPU of each process from its own counters, once a second.
  void refresh_processes() {
    const double now = monotonic_seconds();
    if (now < processes_at + kProcessesEvery) return;
    processes_at = now;
    std::vector<Member> copied;
    {
      const std::lock_guard lock(mutex);
      copied = members;
    }
    std::map<Identity, std::pair<double, double>> cpu_now;
    processes.clear();
    for (const auto& [member, depth] : in_tree_order(copied)) {
      LiveProcess process{.pid = member->pid, .depth = depth, .name = member->name};
      if (member->zombie) process.name += " (ended)";
      process.rss_mib = member->resident >= 0 ? static_cast<double>(member->resident) / (1 << 20)
                                              : chart::kUnknown;
      process.cpu_cores = chart::kUnknown;
      const auto text = reader.read(fmt::format("/proc/{}/stat", member->pid));
      const auto stat = text ? parse_stat(*text) : std::nullopt;
      if (stat && stat->start == member->start) {
        const double cpu = static_cast<double>(stat->user + stat->system) * seconds_per_tick();
        const Identity identity{member->pid, member->start};
        cpu_now[identity] = {cpu, now};
        if (const auto before = cpu_before.find(identity); before != cpu_before.end()) {
          process.cpu_cores = (cpu - before->second.first) / (now - before->second.second);
        }
      }
      processes.push_back(std::move(process));
    }
    cpu_before = std::move(cpu_now);
  }
};

LiveOutput::LiveOutput(Options options) : state_(std::make_unique<State>()) {
  LiveTerminal::check();
  state_->options = std::move(options);
}

LiveOutput::~LiveOutput() {
  close();
}

void LiveOutput::begin(const Header& header) {
  state_->history.begin(header);
  state_->terminal.emplace();
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

void LiveOutput::row(const Row& row) {
  const std::lock_guard lock(state_->mutex);
  state_->history.add(row);
  if (row.tree == nullptr || row.t < state_->copied_at + kProcessesEvery / 2) return;
  state_->copied_at = row.t;
  const std::span<const Member> members = row.tree->members();
  state_->members.assign(members.begin(), members.end());
}

void LiveOutput::end(const Summary&) {
  close();
}

void LiveOutput::close() {
  State& state = *state_;
  state.stop = true;
  if (state.thread.joinable()) state.thread.join();
  state.terminal.reset();
  if (state.options.held != nullptr) state.options.held->release();
}

}  // namespace treino::monitor
