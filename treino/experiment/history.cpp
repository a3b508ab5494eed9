// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/experiment/analyse.h"
#include "treino/experiment/comparison.h"
#include "treino/experiment/machine.h"
#include "treino/experiment/result_json.h"
#include "treino/experiment/runner.h"

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kWatched[] = {"train_s",          "epoch_s", "wall_s", "startup_s",
                                         "compile_s",        "cpu_s",   "gpu_s",  "peak_pss_mib",
                                         "peak_gpu_mem_mib", "accuracy"};

std::string commit_in(const Result& result) {
  for (const auto& [name, value] : result.machine) {
    if (name == "commit") return value;
  }
  return "no-commit";
}

std::string processor_in(const Result& result) {
  for (const auto& [name, value] : result.machine) {
    if (name == "processor") return value;
  }
  return {};
}

Result read_result(const std::string& path) {
  return result_from_json(read_whole_file(path), path);
}

std::vector<double> readings(const Result& result, const std::string& contestant,
                             std::string_view metric) {
  std::map<int, double> by_block;
  for (const Run& run : result.runs) {
    const auto found = run.metrics.find(std::string(metric));
    if (run.contestant == contestant && counts(run) && found != run.metrics.end())
      by_block[run.block] = found->second;
  }
  std::vector<double> values;
  for (const auto& [block, value] : by_block) values.push_back(value);
  return values;
}

bool is_worse(const Comparison& one) {
  if (one.metric == "accuracy") return one.verdict == "less";
  return one.verdict == "slower" || one.verdict == "more";
}

std::string label_of(const Result& result) {
  return fmt::format("{} ({}, {})", result.name, commit_in(result), result.started);
}

}  // namespace

std::string results_root() {
  if (const char* own = std::getenv("TREINO_RESULTS"); own != nullptr && *own != '\0') return own;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return std::string(data) + "/treino/results";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "/tmp" : home) + "/.local/share/treino/results";
}

std::string keep_result(const Result& result, const std::string& root) {
  std::string started = result.started;
  std::erase(started, ':');
  const std::string folder = fmt::format("{}/{}/{}", root, machine_name(), result.name);
  make_folders(folder);
  const std::string path = fmt::format("{}/{}-{}.json", folder, started, commit_in(result));
  write_whole_file(path, to_json(result));
  return path;
}

std::vector<std::string> kept_results(const std::string& root, const std::string& name) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; at != end; at.increment(error)) {
    const bool wanted = name.empty() || at->path().parent_path().filename() == name;
    if (at->path().extension() == ".json" && wanted) paths.push_back(at->path().string());
  }
  std::ranges::sort(paths, {},
                    [](const std::string& path) { return fs::path(path).filename().string(); });
  return paths;
}

Result open_result(const std::string& place) {
  std::error_code error;
  if (fs::is_regular_file(place, error)) return read_result(place);
  if (fs::exists(place + "/environment.json", error)) {
    Result result = load_result(place);
    analyse(result, place);
    return result;
  }
  if (fs::exists(place + "/result.json", error)) return read_result(place + "/result.json");
  const std::vector<std::string> kept = kept_results(results_root(), "");
  for (auto path = kept.rbegin(); path != kept.rend(); ++path) {
    const std::string stem = fs::path(*path).stem().string();
    // <started>-<commit>; the time has two dashes of its own
    const std::size_t commit = stem.find("Z-");
    if (place == "latest" ||
        (commit != stem.npos && stem.compare(commit + 2, place.size(), place) == 0))
      return read_result(*path);
  }
  throw Error::mistake(
      fmt::format("{}: is no experiment's folder, no result.json and no commit with a kept result "
                  "(see treino bench history)",
                  place));
}

std::vector<Change> changes(const Result& before, const Result& after) {
  std::vector<Change> all;
  CompareOptions options;
  options.margin = after.settings.margin;
  for (const std::string_view name : kWatched) {
    const Metric& metric = *find_metric(name);
    std::vector<Comparison> family;
    for (const Contestant& contestant : after.contestants) {
      std::vector<double> now = readings(after, contestant.id, name),
                          then = readings(before, contestant.id, name);
      const std::size_t n = std::min(now.size(), then.size());
      now.resize(n);
      then.resize(n);
      const auto positive = [](const std::vector<double>& values) {
        return std::ranges::all_of(values, [](double value) { return value > 0; });
      };
      if (n == 0 || !positive(now) || !positive(then)) continue;
      Comparison one = compare_pair(now, then, options);
      one.metric = name;
      one.work = contestant.work;
      one.a = contestant.id;
      one.b = contestant.id;
      family.push_back(std::move(one));
    }
    decide(family, metric.time, options);
    for (Comparison& one : family) all.push_back({one.a, std::move(one)});
  }
  return all;
}

bool worse(const std::vector<Change>& changes) {
  return std::ranges::any_of(changes,
                             [](const Change& change) { return is_worse(change.comparison); });
}

std::string changes_markdown(const Result& before, const Result& after,
                             const std::vector<Change>& changes) {
  std::string out = fmt::format("# {} since {}\n\n", label_of(after), label_of(before));
  if (processor_in(before) != processor_in(after)) {
    out += fmt::format("**Two machines** ({} and {}): differences may be theirs.\n\n",
                       processor_in(before), processor_in(after));
  }
  out += worse(changes) ? "**Something got worse.**\n\n"
                        : "Nothing got worse, as far as these blocks can show.\n\n";
  if (std::ranges::any_of(changes,
                          [](const Change& change) { return !change.comparison.can_decide; })) {
    out += "So few blocks cannot show every difference: see the column of blocks.\n\n";
  }
  out +=
      "| contestant | metric | now / before | 95 % interval | p corrected | blocks | verdict "
      "|\n|---|---|---:|---:|---:|---:|---|\n";
  for (const Change& change : changes) {
    const Comparison& one = change.comparison;
    out +=
        fmt::format("| {} | {} | {:.4g} | {} | {:.4f} | {} | {}{}{} |\n", change.contestant,
                    find_metric(one.metric)->label, one.ratio, to_string(one.ci95), one.p_corrected,
                    one.n, is_worse(one) ? "**" : "", one.verdict, is_worse(one) ? "**" : "");
  }
  return out;
}

}  // namespace treino::experiment
