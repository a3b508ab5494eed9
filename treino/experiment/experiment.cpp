// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/quote.h"
#include "treino/base/suggest.h"
#include "treino/experiment/toml_table.h"

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kCaches[] = {"warm", "cold", "as-is"};
constexpr std::string_view kDevices[] = {"cpu", "cuda", "reference"};
constexpr std::string_view kPrecisions[] = {"float32", "tf32", "bf16"};

// Names become folders and words of sentences.
bool plain(const std::string& name) {
  return !name.empty() && name.size() <= 60 && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
         });
}

// A work names folders too: of runs, and of data.
std::string work_name(const TomlTable& reader, std::string_view key, const std::string& work) {
  if (!plain(work)) {
    reader.refuse(key,
                  fmt::format("has {}, which cannot name a folder (1 to 60 letters, digits, -, "
                              "_ or .)",
                              treino::quoted(work)));
  }
  return work;
}

ContestantSpec read_spec(const toml::table& table, const Experiment& experiment) {
  TomlTable reader(table, experiment.path, "contestant");
  ContestantSpec spec;
  spec.where = fmt::format("{}:{}:", experiment.path, table.source().begin.line);
  spec.command = reader.texts("command");
  const auto use = reader.text("use");
  if (use && !spec.command.empty()) reader.refuse("use", "and command exclude each other");
  if (!use && spec.command.empty()) {
    reader.refuse("command", "is missing: give `command = [...]`, or `use = \"contestants/NAME\"`");
  }
  if (use) {
    const std::string base = fs::path(experiment.path).parent_path().string();
    spec.file = read_contestant(find_contestant(*use, base, spec.where + " contestant.use"));
    spec.command = spec.file->command;
    spec.note = spec.file->note;
    spec.log_profile = spec.file->log_profile;
  }
  spec.name = reader.text("name").value_or(spec.file ? spec.file->name : "");
  if (!plain(spec.name)) {
    reader.refuse("name", "must be 1 to 60 letters, digits, -, _ or . (it names folders)");
  }
  if (const auto work = reader.text("work")) spec.work = work_name(reader, "work", *work);
  spec.variant = reader.text("variant").value_or("equal");
  if (spec.file && spec.variant != "equal" && !spec.file->variants.contains(spec.variant)) {
    std::vector<std::string_view> names;
    for (const auto& [name, values] : spec.file->variants) names.emplace_back(name);
    if (names.empty()) names.emplace_back("equal");
    reader.refuse("variant", fmt::format("\"{}\" is not one of {}'s{}", spec.variant,
                                         spec.file->name, suggestion(spec.variant, names)));
  }
  if (const auto note = reader.text("note")) spec.note = *note;
  if (const auto profile = reader.text("log_profile")) spec.log_profile = *profile;
  spec.environment = reader.strings("environment");
  spec.with = reader.strings("with");
  spec.arguments = reader.texts("arguments");
  reader.finish();
  return spec;
}

void one_of(TomlTable& reader, std::string_view key, std::string& value,
            std::span<const std::string_view> choices) {
  const auto given = reader.text(key);
  if (!given) return;
  if (std::ranges::find(choices, *given) == choices.end()) {
    reader.refuse(key, fmt::format("\"{}\" is none{}", *given, suggestion(*given, choices)));
  }
  value = *given;
}

void read_works(TomlTable& reader, Experiment& experiment) {
  experiment.works = reader.texts("works");
  for (const std::string& work : experiment.works) work_name(reader, "works", work);
  if (const auto work = reader.text("work")) {
    if (!experiment.works.empty()) reader.refuse("work", "and works exclude each other");
    experiment.works = {work_name(reader, "work", *work)};
  }
}

std::string find_experiment(const std::string& name_or_path) {
  std::error_code error;
  if (fs::is_regular_file(name_or_path, error)) return name_or_path;
  std::vector<std::string> known;
  for (const std::string& folder : shipped_folders("experiments")) {
    const fs::path path = fs::path(folder) / (name_or_path + ".toml");
    if (fs::is_regular_file(path, error)) return path.string();
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".toml") known.push_back(entry.path().stem().string());
    }
  }
  std::ranges::sort(known);
  const std::vector<std::string_view> names(known.begin(), known.end());
  throw Error::mistake(fmt::format(
      "{}: no such experiment{}", name_or_path,
      names.empty() ? "; give the path of a .toml file" : suggestion(name_or_path, names)));
}

void check_contestants(const Experiment& experiment, const TomlTable& reader) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const ContestantSpec& spec : experiment.contestants) {
    if (!seen.emplace(spec.name, spec.work).second) {
      throw Error::mistake(fmt::format(
          "{} contestant \"{}\" stands here twice; give one another name", spec.where, spec.name));
    }
  }
  if (experiment.control.empty()) return;
  std::vector<std::string_view> names;
  for (const ContestantSpec& spec : experiment.contestants) names.emplace_back(spec.name);
  if (std::ranges::find(names, experiment.control) == names.end()) {
    reader.refuse("control", fmt::format("\"{}\" is no contestant{}", experiment.control,
                                         suggestion(experiment.control, names)));
  }
}

}  // namespace

Experiment load_experiment(const std::string& name_or_path) {
  Experiment experiment;
  experiment.path = find_experiment(name_or_path);
  experiment.source = read_whole_file(experiment.path);
  const toml::table table = parse_toml(experiment.path);
  TomlTable reader(table, experiment.path, "");
  experiment.name = reader.text("name").value_or(fs::path(experiment.path).stem().string());
  if (!plain(experiment.name)) {
    reader.refuse("name", "must be 1 to 60 letters, digits, -, _ or . (it names folders)");
  }
  experiment.title = reader.text("title").value_or(experiment.name);
  read_works(reader, experiment);
  experiment.repeat = static_cast<int>(reader.whole("repeat", 1, kMostBlocks).value_or(10));
  experiment.interval_s = reader.seconds("interval").value_or(0.1);
  if (experiment.interval_s < 0.005) reader.refuse("interval", "must be at least \"5ms\"");
  experiment.seed = static_cast<unsigned long long>(reader.whole("seed", 0, kMostSeed).value_or(1));
  experiment.threads = static_cast<int>(reader.whole("threads", 1, kMostThreads).value_or(0));
  experiment.epochs = static_cast<int>(reader.whole("epochs", 1, kMostEpochs).value_or(3));
  experiment.batch = static_cast<int>(reader.whole("batch", 1, kMostBatch).value_or(32));
  one_of(reader, "device", experiment.device, kDevices);
  one_of(reader, "precision", experiment.precision, kPrecisions);
  one_of(reader, "cache", experiment.cache, kCaches);
  experiment.control = reader.text("control").value_or("");
  experiment.pin = reader.flag("pin").value_or(true);
  experiment.cool_down_s = reader.seconds("cool_down").value_or(1);
  experiment.timeout_s = reader.seconds("timeout").value_or(3600);
  if (experiment.timeout_s <= 0) reader.refuse("timeout", "must be above 0");
  experiment.foreign_limit = reader.share("foreign_limit").value_or(0.02);
  experiment.tries = static_cast<int>(reader.whole("tries", 1, kMostTries).value_or(3));
  experiment.margin = reader.share("margin").value_or(0.01);
  experiment.target_accuracy = reader.share("target_accuracy");
  experiment.unequal = reader.flag("unequal").value_or(false);
  for (const toml::table* one : reader.tables("contestant")) {
    experiment.contestants.push_back(read_spec(*one, experiment));
  }
  if (experiment.contestants.empty()) {
    reader.refuse("contestant", "is missing: an experiment needs at least one [[contestant]]");
  }
  reader.finish();
  check_contestants(experiment, reader);
  return experiment;
}

}  // namespace treino::experiment
