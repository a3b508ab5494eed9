// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/runner.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/rng.h"
#include "treino/base/thread_team.h"
#include "treino/base/version.h"
#include "treino/experiment/folder.h"
#include "treino/experiment/interruption.h"
#include "treino/experiment/machine.h"
#include "treino/experiment/page_cache.h"
#include "treino/experiment/result_json.h"
#include "treino/experiment/run_once.h"
#include "treino/experiment/setup.h"

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

constexpr int kGiveUpAfter = 2;  // failures in a row, from the first block on

// Keeps this process (and the monitor's thread) on some cores while it lives.
class OwnCpus {
 public:
  explicit OwnCpus(const std::vector<int>& cpus) {
    if (cpus.empty() || sched_getaffinity(0, sizeof before_, &before_) != 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cpus) CPU_SET(cpu, &set);
    moved_ = sched_setaffinity(0, sizeof set, &set) == 0;
  }
  ~OwnCpus() {
    if (moved_) sched_setaffinity(0, sizeof before_, &before_);
  }
  OwnCpus(const OwnCpus&) = delete;
  OwnCpus& operator=(const OwnCpus&) = delete;

 private:
  cpu_set_t before_{};
  bool moved_ = false;
};

std::string join(const std::vector<int>& numbers) {
  return fmt::format("{}", fmt::join(numbers, ","));
}

std::string now_utc() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

std::string minutes(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  return fmt::format("{:.0f} min", seconds / 60);
}

void check_environment(Entry& entry) {
  if (!entry.spec.file) return;
  const Environment environment = environment_of(*entry.spec.file);
  if (!environment.ready) entry.trouble = environment.trouble;
}

Contestant contestant_of(const Entry& entry, const std::vector<std::string>& command) {
  Contestant one{.id = entry.id,
                 .name = entry.name,
                 .work = entry.work,
                 .note = entry.note,
                 .control_of = entry.control_of,
                 .command = command};
  if (!entry.trouble.empty()) one.note += (one.note.empty() ? "" : "; ") + entry.trouble;
  if (entry.spec.file) {
    const Environment environment = environment_of(*entry.spec.file);
    one.program_lines = program_lines(*entry.spec.file);
    one.installed_mib = environment.installed_mib;
    one.packages = environment.packages;
    one.setup_s = environment.setup_s;
  }
  return one;
}

RunContext context_of(const Experiment& experiment, const Plan& plan, const BenchOptions& options,
                      const Entry& entry, const std::string& folder) {
  return {.experiment = experiment,
          .entry = entry,
          .data = options.data,
          .treino = options.treino,
          .folder = folder,
          .threads = plan.threads,
          .cpus = plan.contestant_cpus};
}

class Bench {
 public:
  Bench(const Experiment& experiment, const BenchOptions& options)
      : experiment_(experiment), options_(options), plan_(plan_of(experiment)) {}

  Outcome run() {
    if (std::ranges::all_of(plan_.entries, [](const Entry& e) { return !e.trouble.empty(); })) {
      throw Error::mistake(fmt::format("{}: no contestant can run here: {}: {}", experiment_.path,
                                       plan_.entries.front().name, plan_.entries.front().trouble));
    }
    for (const Entry& entry : plan_.entries) check_launch(context(entry, path("blocks")));
    open_folder();
    const FolderLock lock(options_.out);
    prepare();
    const OwnCpus own(plan_.monitor_cpus);
    const Interruption interruption;
    for (const Turn& turn : plan_.turns) {
      if (interrupted() != 0) break;
      take(turn);
    }
    put_in_order(outcome_.result);
    write_head();
    outcome_.signal = interrupted();
    return std::move(outcome_);
  }

 private:
  void tell(const std::string& line) const {
    if (options_.tell) options_.tell(line);
  }

  std::string path(const std::string& name) const { return options_.out + "/" + name; }

  void open_folder() {
    std::error_code error;
    check_not_inside();
    const bool there = fs::exists(path("experiment.toml"), error);
    if (there && !options_.resume) {
      throw Error::mistake(
          fmt::format("{}: holds an experiment already; go on with --resume or give another --out",
                      options_.out));
    }
    if (there && read_whole_file(path("experiment.toml")) != experiment_.source) {
      throw Error::mistake(fmt::format(
          "{}/experiment.toml: differs from {}; it was begun with another experiment or "
          "other options: take the change back to go on there, or give another --out",
          options_.out, experiment_.path));
    }
    if (!there && options_.resume) {
      throw Error::mistake(fmt::format("{}: holds no experiment to resume", options_.out));
    }
    make_folders(path("blocks"));
  }

  // Folders of runs are emptied before a run, with whatever lies in them.
  void check_not_inside() const {
    std::error_code error;
    const fs::path out = fs::weakly_canonical(fs::absolute(options_.out), error);
    for (fs::path folder = out; folder != folder.root_path(); folder = folder.parent_path()) {
      const bool of_runs = folder.filename() == "blocks" || folder.filename() == "disturbed";
      const fs::path experiment = folder.parent_path();
      if (!of_runs || !fs::exists(experiment / "experiment.toml", error)) continue;
      throw Error::mistake(
          fmt::format("{}: lies among the runs of the experiment in {}; give "
                      "another --out",
                      options_.out, experiment.string()));
    }
  }

  void prepare() {
    outcome_.result = Result{};
    Result& result = outcome_.result;
    result.name = experiment_.name;
    result.title = experiment_.title;
    result.started = now_utc();
    result.program = kVersion;
    result.settings = {.blocks = experiment_.repeat,
                       .interval_s = experiment_.interval_s,
                       .margin = experiment_.margin,
                       .seed = experiment_.seed,
                       .threads = plan_.threads,
                       .device = experiment_.device,
                       .precision = experiment_.precision,
                       .cache = experiment_.cache,
                       .pinning = plan_.pinning,
                       .order = "random in each block, balanced over blocks (Williams design)",
                       .foreign_limit_pct = 100 * experiment_.foreign_limit,
                       .target_accuracy = experiment_.target_accuracy,
                       .unequal = experiment_.unequal};
    result.machine = machine_facts();
    const std::string commit = options_.sources.empty() ? "" : commit_of(options_.sources);
    if (!commit.empty()) result.machine.emplace_back("commit", commit);
    for (const Entry& entry : plan_.entries) {
      result.contestants.push_back(contestant_of(
          entry, portable_command(entry, context(entry, path(run_folder(1, entry.id))))));
    }
    if (options_.resume) {
      Found found = find_runs(options_.out);
      for (const std::string& warning : found.warnings) tell("warning: " + warning);
      result.runs = std::move(found.runs);
      if (fs::exists(path("environment.json"))) {
        const Result before =
            result_from_json(read_whole_file(path("environment.json")), path("environment.json"));
        result.started = before.started;
      }
      tell(fmt::format("resuming: {} runs are there already", result.runs.size()));
    }
    write_head();
    if (!options_.resume) write_whole_file(path("experiment.toml"), experiment_.source);
    for (const Entry& entry : plan_.entries) {
      if (!entry.trouble.empty()) tell(fmt::format("{}: left out: {}", entry.name, entry.trouble));
    }
    if (experiment_.cache == "warm" && !options_.data.empty()) warm_page_cache(data_folders());
  }

  // environment.json: the result without runs, so that a report can be made at any time.
  void write_head() {
    Result head = outcome_.result;
    head.runs.clear();
    write_whole_file(path("environment.json"), to_json(head));
  }

  std::vector<std::string> data_folders() const {
    std::vector<std::string> folders;
    std::error_code error;
    for (const Entry& entry : plan_.entries) {
      const std::string folder = options_.data + "/" + entry.work;
      if (fs::is_directory(folder, error)) folders.push_back(folder);
    }
    return folders;
  }

  RunContext context(const Entry& entry, const std::string& folder) const {
    return context_of(experiment_, plan_, options_, entry, folder);
  }

  bool done_before(const Turn& turn, const std::string& id) const {
    return std::ranges::any_of(outcome_.result.runs, [&](const Run& run) {
      return run.block == turn.block && run.contestant == id && run.status != RunStatus::disturbed;
    });
  }

  void take(const Turn& turn) {
    const Entry& entry = plan_.entries[static_cast<std::size_t>(turn.contestant)];
    if (!entry.trouble.empty() || done_before(turn, entry.id)) return;
    if (failures_[entry.id] >= kGiveUpAfter) return;
    Run best;
    for (int attempt = 1; attempt <= experiment_.tries; ++attempt) {
      pause(experiment_.cool_down_s);
      if (interrupted() != 0) return;
      Run run = attempt_run(turn, entry, attempt);
      if (interrupted() != 0) return;  // its folder has no run.json: --resume makes it again
      const bool last = attempt == experiment_.tries;
      const bool disturbed = run.status == RunStatus::ok && !run.trouble.empty();
      if (!disturbed || last) {
        if (disturbed)
          run.trouble += fmt::format("; kept, being try {} of {}", attempt, experiment_.tries);
        keep(run);
        return;
      }
      set_aside(run);
    }
  }

  Run attempt_run(const Turn& turn, const Entry& entry, int attempt) {
    const std::string below = run_folder(turn.block, entry.id), folder = path(below);
    std::error_code error;
    fs::remove_all(folder, error);
    make_folders(folder);
    if (experiment_.cache == "cold" && !options_.data.empty()) drop_page_cache(data_folders());
    RunContext run_context = context(entry, folder);
    run_context.block = turn.block;
    run_context.cores = plan_.cores;
    Rng rng(experiment_.seed, static_cast<std::uint64_t>(turn.block) << 16 |
                                  static_cast<std::uint64_t>(turn.contestant) << 4 |
                                  static_cast<std::uint64_t>(attempt));
    run_context.padding = static_cast<int>(rng.below(4096));
    const double began = monotonic_seconds();
    Run run = run_once(run_context);
    run.block = turn.block;
    run.position = turn.position;
    run.contestant = entry.id;
    run.folder = below;
    run.attempt = attempt;
    spent_[entry.id].push_back(monotonic_seconds() - began + experiment_.cool_down_s);
    if (run.status == RunStatus::ok && run.foreign_cpu_pct) mark_disturbed(run);
    return run;
  }

  void mark_disturbed(Run& run) const {
    const double limit = 100 * experiment_.foreign_limit;
    const double seconds = *run.foreign_cpu_pct / 100 * plan_.cores * run.metrics.at("wall_s");
    // Below a few clock ticks the share is only their rounding.
    if (*run.foreign_cpu_pct > limit && seconds > 0.05) {
      run.trouble = fmt::format("others used {:.1f} % of the cores meanwhile (limit {:g} %)",
                                *run.foreign_cpu_pct, limit);
    }
  }

  void keep(Run& run) {
    write_run(options_.out, run);
    outcome_.result.runs.push_back(run);
    const bool failed = run.status == RunStatus::failed || run.status == RunStatus::timed_out;
    const bool never_worked = std::ranges::none_of(outcome_.result.runs, [&](const Run& other) {
      return other.contestant == run.contestant && other.status == RunStatus::ok;
    });
    failures_[run.contestant] = failed && never_worked ? failures_[run.contestant] + 1 : 0;
    tell(line_of_run(run));
    if (failures_[run.contestant] >= kGiveUpAfter) {
      tell(fmt::format("{}: given up after {} failures; the others go on", run.contestant,
                       kGiveUpAfter));
    }
  }

  void set_aside(Run run) {
    run.status = RunStatus::disturbed;
    write_run(options_.out, run);
    const std::string target =
        fmt::format("disturbed/{}-{}-{}", run.block, run.contestant, run.attempt);
    make_folders(path("disturbed"));
    std::error_code error;
    fs::remove_all(path(target), error);
    fs::rename(path(run.folder), path(target), error);
    run.folder = target;
    outcome_.result.runs.push_back(run);
    tell(fmt::format("block {} {}: {}; run again", run.block, run.contestant, run.trouble));
  }

  std::string line_of_run(const Run& run) const {
    std::string line =
        fmt::format("block {}/{}  {:<24}", run.block, experiment_.repeat, run.contestant);
    const auto number = [&](const char* metric, const char* unit, int decimals) {
      const auto found = run.metrics.find(metric);
      if (found != run.metrics.end())
        line += fmt::format("  {:.{}f} {}", found->second, decimals, unit);
    };
    number("wall_s", "s", 2);
    if (run.status == RunStatus::ok || run.status == RunStatus::broken_events) {
      number("train_s", "s training", 2);
      number("peak_pss_mib", "MiB", 0);
      if (run.test_accuracy) line += fmt::format("  accuracy {:.4f}", *run.test_accuracy);
    }
    if (!run.trouble.empty()) line += "  " + run.trouble;
    const std::optional<double> left = seconds_left(run);
    return left ? line + fmt::format("  [{} left]", minutes(*left)) : line;
  }

  // Known once every contestant has run.
  std::optional<double> seconds_left(const Run& now) const {
    double left = 0;
    bool after = false;
    for (const Turn& turn : plan_.turns) {
      const Entry& entry = plan_.entries[static_cast<std::size_t>(turn.contestant)];
      if (after && entry.trouble.empty()) {
        const auto failures = failures_.find(entry.id);
        if (failures != failures_.end() && failures->second >= kGiveUpAfter) continue;
        if (done_before(turn, entry.id)) continue;
        const auto spent = spent_.find(entry.id);
        if (spent == spent_.end()) return std::nullopt;
        left += mean(spent->second);
      }
      after = after || (turn.block == now.block && entry.id == now.contestant);
    }
    return left;
  }

  const Experiment& experiment_;
  const BenchOptions& options_;
  Plan plan_;
  Outcome outcome_;
  std::map<std::string, int> failures_;
  std::map<std::string, std::vector<double>> spent_;
};

}  // namespace

Plan plan_of(const Experiment& experiment) {
  Plan plan;
  plan.entries = entries_of(experiment);
  for (Entry& entry : plan.entries) check_environment(entry);
  // Who cannot run takes no place: the balance is over those who do.
  std::vector<std::vector<int>> groups = groups_of(plan.entries);
  for (std::vector<int>& group : groups) {
    std::erase_if(
        group, [&](int i) { return !plan.entries[static_cast<std::size_t>(i)].trouble.empty(); });
  }
  std::erase_if(groups, [](const std::vector<int>& group) { return group.empty(); });
  plan.turns = balanced_schedule(groups, experiment.repeat, experiment.seed);
  const std::vector<int> cpus = allowed_cpus();
  const auto count = static_cast<int>(cpus.size());
  plan.cores = std::max(1, count);
  plan.threads = experiment.threads > 0 ? experiment.threads : count;
  if (!experiment.pin) {
    plan.pinning = "none asked for";
  } else if (plan.threads < count) {
    plan.contestant_cpus.assign(cpus.end() - plan.threads, cpus.end());
    plan.monitor_cpus.assign(cpus.begin(), cpus.end() - plan.threads);
    plan.pinning = fmt::format("contestants on cores {}, the monitor on {}",
                               join(plan.contestant_cpus), join(plan.monitor_cpus));
  } else {
    plan.contestant_cpus = cpus;
    plan.pinning = fmt::format(
        "contestants on cores {}; the monitor shares them: {} threads leave no core free",
        join(cpus), plan.threads);
  }
  return plan;
}

std::vector<std::string> describe(const Experiment& experiment, const Plan& plan,
                                  const BenchOptions& options) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {} blocks, {} runs, {} threads, {}", experiment.name,
                              experiment.repeat, plan.turns.size(), plan.threads, plan.pinning));
  for (const Entry& entry : plan.entries) {
    const RunContext context =
        context_of(experiment, plan, options, entry, options.out + "/blocks/K-" + entry.id);
    check_launch(context);
    lines.push_back(fmt::format("{}: {}", entry.id, fmt::join(command_line(entry, context), " ")));
    if (!entry.trouble.empty())
      lines.push_back(fmt::format("{}: LEFT OUT: {}", entry.id, entry.trouble));
  }
  std::string line;
  int block = 0;
  for (const Turn& turn : plan.turns) {
    if (turn.block != block) {
      if (block > 0) lines.push_back(line);
      block = turn.block;
      line = fmt::format("block {}:", block);
    }
    line += " " + plan.entries[static_cast<std::size_t>(turn.contestant)].id;
  }
  lines.push_back(line);
  return lines;
}

Outcome run_experiment(const Experiment& experiment, const BenchOptions& options) {
  return Bench(experiment, options).run();
}

Result load_result(const std::string& folder) {
  const std::string path = folder + "/environment.json";
  std::error_code error;
  if (!fs::exists(path, error)) {
    throw Error::mistake(
        fmt::format("{}: is no experiment's folder (it has no environment.json)", folder));
  }
  Result result = result_from_json(read_whole_file(path), path);
  Found found = find_runs(folder);
  result.runs = std::move(found.runs);
  result.warnings = std::move(found.warnings);
  put_in_order(result);
  return result;
}

}  // namespace treino::experiment
