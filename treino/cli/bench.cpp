// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/cli/commands.h"
#include "treino/cli/terminal.h"
#include "treino/data/locate.h"
#include "treino/experiment/analyse.h"
#include "treino/experiment/history.h"
#include "treino/experiment/result_json.h"
#include "treino/experiment/runner.h"
#include "treino/experiment/setup.h"
#include "treino/report/report.h"
#include "treino/report/words.h"

namespace treino::cli {

namespace fs = std::filesystem;
using namespace treino::experiment;

namespace {

struct Options {
  std::string file, out, data, control;
  bool resume = false, dry_run = false, unequal = false, no_history = false;
  int repeat = 0, epochs = 0, threads = 0;
  std::vector<std::string> only;
  // setup
  std::vector<std::string> names;
  bool afresh = false;
  // compare, history
  std::string before, after, history_name;
};

void say(const std::string& line) {
  tell("{}\n", line);
}

std::string own_program() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).string();
}

std::string data_root(const Options& options) {
  if (!options.data.empty()) return fs::absolute(options.data).lexically_normal().string();
  if (const char* data = std::getenv("TREINO_DATA"); data != nullptr && *data != '\0')
    return fs::absolute(data).string();
  return fs::path(data::cache_folder("mnist")).parent_path().string();
}

// Options that change the experiment stand in its saved file as comments, so that --resume asks for
// the same ones.
void override(Experiment& experiment, const Options& options) {
  const auto note = [&](const std::string& line) {
    experiment.source += fmt::format("# on the command line: {}\n", line);
  };
  if (options.repeat > 0) {
    experiment.repeat = options.repeat;
    note(fmt::format("repeat = {}", options.repeat));
  }
  if (options.epochs > 0) {
    experiment.epochs = options.epochs;
    note(fmt::format("epochs = {}", options.epochs));
  }
  if (options.threads > 0) {
    experiment.threads = options.threads;
    note(fmt::format("threads = {}", options.threads));
  }
  if (!options.control.empty()) {
    if (std::ranges::find(experiment.contestants, options.control, &ContestantSpec::name) ==
        experiment.contestants.end()) {
      throw Error::mistake(
          fmt::format("--control {}: {} has no such contestant", options.control, experiment.path));
    }
    experiment.control = options.control;
    note(fmt::format("control = \"{}\"", options.control));
  }
  if (!options.only.empty()) {
    for (const std::string& name : options.only) {
      if (std::ranges::find(experiment.contestants, name, &ContestantSpec::name) ==
          experiment.contestants.end()) {
        throw Error::mistake(
            fmt::format("--only {}: {} has no such contestant", name, experiment.path));
      }
    }
    std::erase_if(experiment.contestants, [&](const ContestantSpec& spec) {
      return std::ranges::find(options.only, spec.name) == options.only.end();
    });
    note(fmt::format("only {}", fmt::join(options.only, ", ")));
  }
  experiment.unequal = experiment.unequal || options.unequal;
}

std::string out_folder(const Options& options, const Experiment& experiment) {
  if (!options.out.empty()) return options.out;
  const std::string prefix = experiment.name + "-";
  if (options.resume) {  // the newest
    std::string newest;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator("results", error)) {
      const std::string name = entry.path().filename().string();
      if (name.rfind(prefix, 0) == 0 && name > newest) newest = name;
    }
    if (newest.empty())
      throw Error::mistake(
          fmt::format("results/{}*: there is nothing to resume; give --out DIR", prefix));
    return "results/" + newest;
  }
  return fmt::format("results/{}{:%Y%m%d-%H%M%S}", prefix, fmt::localtime(std::time(nullptr)));
}

int finish(const Options& options, const BenchOptions& bench, Outcome outcome) {
  Result& result = outcome.result;
  result.settings.unequal = result.settings.unequal || options.unequal;
  analyse(result, bench.out);
  write_whole_file(bench.out + "/result.json", to_json(result));
  write_whole_file(bench.out + "/report.html", report::html(result));
  for (const std::string& work : report::works_of(result)) {
    if (const std::string refused = report::refusal(result, work); !refused.empty()) say(refused);
    for (const Comparison& one : result.comparisons) {
      if (one.work == work && (one.metric == "train_s" || one.metric == "wall_s"))
        say(fmt::format("{}: {}", work, report::verdict_sentence(one)));
    }
  }
  for (const std::string& warning : result.warnings) say("warning: " + warning);
  say(fmt::format("report: {}/report.html", bench.out));
  if (outcome.signal != 0) {
    say(fmt::format("stopped early; go on with: treino bench {} --out {} --resume", options.file,
                    bench.out));
    return 128 + outcome.signal;
  }
  if (!options.no_history) say(fmt::format("kept: {}", keep_result(result, results_root())));
  const bool all_ran = std::ranges::all_of(result.contestants, [&](const Contestant& one) {
    const auto mine = [&](const Run& run) { return run.contestant == one.id; };
    return std::ranges::none_of(result.runs, mine) ||
           std::ranges::any_of(result.runs,
                               [&](const Run& run) { return mine(run) && counts(run); });
  });
  return all_ran ? 0 : 1;
}

int run_bench(const Options& options) {
  Experiment experiment = load_experiment(options.file);
  override(experiment, options);
  BenchOptions bench{
      .resume = options.resume, .data = data_root(options), .treino = own_program(), .tell = say};
  bench.out = out_folder(options, experiment);
  for (fs::path folder = fs::path(bench.treino).parent_path(); folder != folder.root_path();
       folder = folder.parent_path()) {
    if (fs::exists(folder / "treino" / "experiment")) bench.sources = folder.string();
  }
  if (options.dry_run) {
    for (const std::string& line : describe(experiment, plan_of(experiment), bench))
      fmt::print("{}\n", line);
    return 0;
  }
  say(fmt::format("{} into {}", experiment.title, bench.out));
  return finish(options, bench, run_experiment(experiment, bench));
}

int set_up(const Options& options) {
  std::vector<std::string> names = options.names;
  if (names.empty()) {
    for (const std::string& folder : shipped_folders("contestants")) {
      for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (fs::exists(entry.path() / "contestant.toml") &&
            std::ranges::find(names, name) == names.end())
          names.push_back(name);
      }
    }
    std::ranges::sort(names);
  }
  bool all = true;
  for (const std::string& name : names) {
    const ContestantFile file = read_contestant(find_contestant(name, ".", "setup:"));
    if (!file.setup.needed()) {
      say(fmt::format("{}: needs nothing", name));
      continue;
    }
    say(fmt::format("{}: {}", name, file.summary));
    const Environment environment = make_environment(file, options.afresh, say);
    all = all && environment.ready;
    say(environment.ready
            ? fmt::format("{}: ready in {}", name, environment.folder)
            : fmt::format("{}: cannot be set up here: {}", name, environment.trouble));
  }
  return all ? 0 : 1;
}

int compare(const Options& options) {
  const Result before = open_result(options.before), after = open_result(options.after);
  const std::vector<Change> found = changes(before, after);
  if (found.empty()) throw Error::mistake("compare: the two results have no contestant in common");
  fmt::print("{}", changes_markdown(before, after, found));
  return worse(found) ? 1 : 0;
}

int list_history(const Options& options) {
  const std::string root = results_root();
  for (const std::string& path : kept_results(root, options.history_name)) fmt::print("{}\n", path);
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.require_subcommand(0, 1);
  app.add_option("FILE", options->file, "an experiment: a .toml file, or a name from experiments/");
  app.add_option("--out", options->out, "its folder (default: results/NAME-TIME)");
  app.add_flag("--resume", options->resume, "go on where a bench was stopped or killed");
  app.add_flag("--dry-run", options->dry_run, "print the schedule and the commands; run nothing");
  app.add_option("--data", options->data,
                 "folder with a subfolder for each data set (default: TREINO_DATA, the cache)");
  app.add_option("--repeat", options->repeat, "blocks, instead of the file's")
      ->check(CLI::Range(1, kMostBlocks));
  app.add_option("--epochs", options->epochs, "epochs, instead of the file's")
      ->check(CLI::Range(1, kMostEpochs));
  app.add_option("--threads", options->threads, "threads, instead of the file's")
      ->check(CLI::Range(1, kMostThreads));
  app.add_option("--only", options->only, "contestants, instead of all")->delimiter(',');
  app.add_option("--control", options->control, "run this contestant twice in every block (A/A)");
  app.add_flag("--unequal", options->unequal, "rank different work too, and say so in the title");
  app.add_flag("--no-history", options->no_history, "do not keep the result for later comparisons");
  app.footer(
      "Examples:\n"
      "  treino bench setup keras pytorch      make their environments\n"
      "  treino bench seed --dry-run\n"
      "  treino bench seed --out results/seed\n"
      "  treino bench seed --out results/seed --resume\n"
      "  treino bench compare results/before results/after");
  app.callback([&app, options, &action] {
    if (!app.get_subcommands().empty()) return;
    if (options->file.empty()) throw CLI::RequiredError("FILE");
    action = [options] { return run_bench(*options); };
  });

  CLI::App& setup = *app.add_subcommand("setup", "make the contestants' environments");
  setup.add_option("NAME", options->names, "contestants (default: all)");
  setup.add_flag("--afresh", options->afresh, "make them again");
  setup.footer(
      "TREINO_BENCH_PYTHON names a Python that has everything already; it is then used for all.");
  setup.callback([options, &action] { action = [options] { return set_up(*options); }; });

  CLI::App& comparison = *app.add_subcommand(
      "compare", "what became slower between two results; exit 1 when something did");
  comparison
      .add_option("BEFORE", options->before, "folder, result.json, or commit of a kept result")
      ->required();
  comparison.add_option("AFTER", options->after, "likewise")->required();
  comparison.callback([options, &action] { action = [options] { return compare(*options); }; });

  CLI::App& history = *app.add_subcommand("history", "results kept on this machine");
  history.add_option("NAME", options->history_name, "of an experiment (default: all)");
  history.callback([options, &action] { action = [options] { return list_history(*options); }; });
}

}  // namespace treino::cli
