// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/run_once.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/experiment/interruption.h"
#include "treino/experiment/recorder.h"
#include "treino/experiment/setup.h"
#include "treino/monitor/log_profile.h"
#include "treino/monitor/sampler.h"

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

class OpenFile {
 public:
  OpenFile(const std::string& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0)
      throw Error::work(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Placeholders placeholders(const Entry& entry, const RunContext& context) {
  const Experiment& experiment = context.experiment;
  Placeholders values = {
      {"work", entry.work},
      {"variant", entry.variant},
      {"threads", std::to_string(context.threads)},
      {"seed",
       std::to_string(experiment.seed + static_cast<unsigned long long>(context.block) - 1)},
      {"epochs", std::to_string(experiment.epochs)},
      {"batch", std::to_string(experiment.batch)},
      {"device", experiment.device},
      {"precision", experiment.precision},
      {"data", context.data},
      {"treino", context.treino},
      {"scratch", fs::absolute(context.folder).string() + "/scratch"}};
  if (entry.spec.file) {
    const ContestantFile& file = *entry.spec.file;
    const Environment environment = environment_of(file);
    values["folder"] = file.folder;
    values["environment"] = environment.folder;
    values["python"] = environment.python;
    for (const auto& [name, others] : file.variants) {
      for (const auto& [key, value] : others) values.try_emplace(key, "");
    }
    if (const auto variant = file.variants.find(entry.variant); variant != file.variants.end()) {
      for (const auto& [key, value] : variant->second) values[key] = value;
    }
  }
  for (const auto& [key, value] : entry.spec.with) values[key] = value;
  return values;
}

// "experiment.toml:12", for errors.
std::string place_in_experiment(const Entry& entry) {
  std::string place = entry.spec.where;
  if (place.ends_with(':')) place.pop_back();
  return place;
}

std::string place_of(const Entry& entry) {
  return entry.spec.file ? entry.spec.file->path : place_in_experiment(entry);
}

monitor::Launch launch_of(const RunContext& context) {
  const Entry& entry = context.entry;
  const Placeholders values = placeholders(entry, context);
  monitor::Launch launch;
  launch.command = command_line(entry, context);
  launch.cpus = context.cpus;
  launch.outlives_us = false;
  launch.log_profile = entry.spec.log_profile;
  if (!context.data.empty()) launch.environment.emplace_back("TREINO_DATA", context.data);
  launch.environment.emplace_back("TREINO_BENCH_PADDING",
                                  std::string(static_cast<std::size_t>(context.padding), 'x'));
  const auto add = [&](const std::map<std::string, std::string>& environment,
                       const std::string& place) {
    for (const auto& [name, value] : environment) {
      launch.environment.emplace_back(
          name, fill_in(value, values, fmt::format("{}: environment.{}", place, name)));
    }
  };
  if (entry.spec.file) {
    add(entry.spec.file->environment, place_of(entry));
    if (!entry.spec.file->run_folder.empty()) {
      launch.folder = fill_in(entry.spec.file->run_folder, values, place_of(entry));
    }
  }
  add(entry.spec.environment, place_in_experiment(entry));
  return launch;
}

// The last line of what it said on stderr, for the line that reports a failure.
std::string last_words(const std::string& folder) {
  std::string text = read_whole_file(folder + "/stderr");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  std::string line = text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
  if (line.size() > 200) line = line.substr(0, 200) + "...";
  return line;
}

void add_metric(Run& run, const char* metric, const monitor::Summary& summary, const char* entry) {
  const monitor::Reading reading = summary.get(entry);
  if (reading.known()) run.metrics[metric] = reading.value;
}

void take_summary(Run& run, const RunContext& context, const monitor::Summary& summary) {
  run.metrics["wall_s"] = summary.wall_s;
  add_metric(run, "cpu_s", summary, "cpu_s");
  add_metric(run, "peak_pss_mib", summary, "peak_pss_mib");
  add_metric(run, "peak_rss_mib", summary, "peak_rss_mib");
  add_metric(run, "peak_anon_mib", summary, "peak_anon_mib");
  add_metric(run, "gpu_s", summary, "gpu.s");
  add_metric(run, "peak_gpu_mem_mib", summary, "gpu.peak_mem_mib");
  add_metric(run, "gpu_energy_j", summary, "gpu.energy_j");
  run.exit_code = summary.exit.value_or(-1);
  run.samples = static_cast<double>(summary.samples);
  run.missed_samples = static_cast<double>(summary.missed);
  const monitor::Reading foreign = summary.get("foreign_cores_mean");
  if (foreign.known()) {
    run.foreign_cpu_pct = 100 * foreign.value / context.cores;
  }
  const monitor::Reading observer = summary.get("observer_cpu_pct");
  if (observer.known()) run.observer_cpu_pct = observer.value;
}

void judge_exit(Run& run, const RunContext& context, const monitor::Summary& summary) {
  if (summary.timed_out) {
    run.status = RunStatus::timed_out;
    run.trouble =
        fmt::format("took longer than its time-out of {:g} s", context.experiment.timeout_s);
  } else if (run.exit_code == 127 || run.exit_code == 126) {
    run.status = RunStatus::failed;
    const std::string note = summary.failure.empty() ? last_words(context.folder) : summary.failure;
    run.trouble = fmt::format("its command does not start (exit {}): {}", run.exit_code, note);
  } else if (run.exit_code != 0) {
    run.status = RunStatus::failed;
    const std::string words = last_words(context.folder);
    run.trouble = fmt::format("exit {}{}", run.exit_code, words.empty() ? "" : ": " + words);
  }
}

// What the monitor notes about lines it could not read.
std::string refused_lines(const monitor::Summary& summary) {
  for (const std::string& note : summary.notes) {
    if (note.find("were no events") != note.npos) return note;
  }
  return {};
}

std::vector<std::string> words_of(const Entry& entry, const Placeholders& values) {
  std::vector<std::string> command;
  for (const std::string& word : entry.spec.command)
    command.push_back(fill_in(word, values, place_of(entry)));
  for (const std::string& word : entry.spec.arguments)
    command.push_back(fill_in(word, values, place_in_experiment(entry)));
  return command;
}

}  // namespace

std::vector<std::string> command_line(const Entry& entry, const RunContext& context) {
  std::vector<std::string> command = words_of(entry, placeholders(entry, context));
  if (command.front() == "treino" && !context.treino.empty()) command.front() = context.treino;
  return command;
}

std::vector<std::string> portable_command(const Entry& entry, const RunContext& context) {
  Placeholders values = placeholders(entry, context);
  values["treino"] = "treino";
  for (const char* place : {"data", "scratch", "environment", "python"}) {
    if (values.contains(place)) values[place] = fmt::format("{{{}}}", place);
  }
  if (values.contains("folder"))
    values["folder"] = "contestants/" + fs::path(values["folder"]).filename().string();
  return words_of(entry, values);
}

void check_launch(const RunContext& context) {
  const monitor::Launch launch = launch_of(context);
  if (launch.log_profile.empty()) return;
  const ContestantSpec& spec = context.entry.spec;
  const bool of_file = spec.file && spec.file->log_profile == spec.log_profile;
  try {
    monitor::LogProfile::load(launch.log_profile);
  } catch (const Error& error) {
    throw Error::mistake(fmt::format("{}: log_profile: {}",
                                     of_file ? spec.file->path : place_in_experiment(context.entry),
                                     error.what()));
  }
}

Run run_once(const RunContext& context) {
  make_folders(context.folder + "/scratch");
  Run run;
  Recorder recorder(context.folder);
  {
    const OpenFile null("/dev/null", O_RDONLY);
    const OpenFile out(context.folder + "/stdout", O_WRONLY | O_CREAT | O_TRUNC);
    const OpenFile err(context.folder + "/stderr", O_WRONLY | O_CREAT | O_TRUNC);
    monitor::Launch launch = launch_of(context);
    launch.stdin_fd = null.get();
    launch.stdout_fd = out.get();
    launch.stderr_fd = err.get();
    monitor::Sampler sampler(std::move(launch), {.interval_s = context.experiment.interval_s,
                                                 .for_s = context.experiment.timeout_s});
    sampler.add(recorder);
    const Watched watched(sampler);
    const monitor::Summary summary = sampler.run();
    recorder.close();
    for (const std::string& failure : sampler.failures()) throw Error::work(failure);
    take_summary(run, context, summary);
    judge_exit(run, context, summary);
    if (run.status == RunStatus::ok) {
      if (const std::string refused = refused_lines(summary); !refused.empty()) {
        run.status = RunStatus::broken_events;
        run.trouble = refused;
      }
    }
  }
  std::error_code error;
  fs::remove_all(context.folder + "/scratch", error);

  const Told told =
      understand(recorder.heard(), recorder.samples(), recorder.start(), run.metrics["wall_s"]);
  run.framework = told.framework;
  run.version = told.version;
  run.work = told.work;
  run.phases = told.phases;
  run.epochs = told.epochs;
  run.train_start = told.train_start;
  run.test_loss = told.test_loss;
  run.test_accuracy = told.test_accuracy;
  if (run.status == RunStatus::ok && !told.trouble.empty()) {
    run.status = RunStatus::broken_events;
    run.trouble = told.trouble;
  }
  // Numbers from events count only when the events can be believed.
  if (run.status == RunStatus::ok) run.metrics.insert(told.metrics.begin(), told.metrics.end());
  return run;
}

}  // namespace treino::experiment
