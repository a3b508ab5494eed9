// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "treino/base/error.h"
#include "treino/cli/commands.h"
#include "treino/cli/terminal.h"
#include "treino/monitor/duration.h"
#include "treino/monitor/held_output.h"
#include "treino/monitor/live.h"
#include "treino/monitor/loads.h"
#include "treino/monitor/outputs.h"
#include "treino/monitor/plot.h"
#include "treino/monitor/sampler.h"
#include "treino/monitor/selftest.h"

namespace treino::cli {

namespace {

using namespace treino::monitor;

struct Options {
  std::string interval = "100ms", duration, name, csv, dialect = "treino", jsonl, log_events, plot;
  pid_t pid = 0;
  bool pretty = false, json = false, summary = false, no_summary = false;
  bool no_pss = false, no_cgroup = false, selftest = false, load = false, live = false;
  std::vector<std::string> command;
};

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP};
Sampler* watched = nullptr;  // by the signal handler

void on_signal(int signal, siginfo_t* info, void*) {
  // A terminal sends Ctrl-C to the command as well as to us.
  if (watched != nullptr) watched->interrupt(signal, info->si_code == SI_KERNEL);
}

void catch_signals(Sampler& sampler) {
  watched = &sampler;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  for (int signal : kEnding) ::sigaction(signal, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an output given up
}

// What is left is printed, and whoever does not read it must not keep us.
void leave_signals() {
  for (int signal : kEnding) ::signal(signal, SIG_DFL);
  watched = nullptr;
}

void check(const Options& options) {
  const int targets = (options.command.empty() ? 0 : 1) + (options.pid != 0 ? 1 : 0) +
                      (options.name.empty() ? 0 : 1);
  if (targets == 0) {
    throw Error::mistake(
        "monitor: nothing to watch; give -- COMMAND, --pid N or --name S (see treino monitor "
        "--help)");
  }
  if (targets > 1) throw Error::mistake("monitor: give only one of -- COMMAND, --pid and --name");
  if (options.pid < 0)
    throw Error::mistake(fmt::format("--pid {}: no process has such a number", options.pid));
  if (options.dialect != "treino" && options.dialect != "unixstats") {
    throw Error::mistake(
        fmt::format("--csv-dialect {}: known are treino and unixstats", options.dialect));
  }
  const int on_stdout =
      (options.csv == "-" ? 1 : 0) + (options.jsonl == "-" ? 1 : 0) + (options.json ? 1 : 0);
  if (on_stdout > 1)
    throw Error::mistake(
        "monitor: only one of --csv -, --jsonl - and --json fits on standard output");
  if (options.live && options.pretty)
    throw Error::mistake("monitor: --live and --pretty both want the terminal; give one of them");
  if (options.live && (options.csv == "-" || options.jsonl == "-") && ::isatty(STDOUT_FILENO) == 1)
    throw Error::mistake("monitor: --live has the terminal; send the rows to a file");
}

// `held`: keeps the command's output off a full-screen view; null without one.
std::unique_ptr<Sampler> make_sampler(const Options& options, const HeldOutput* held) {
  SamplerOptions sampling;
  sampling.interval_s = parse_duration(options.interval, "--interval");
  if (!options.duration.empty()) sampling.for_s = parse_duration(options.duration, "--for");
  sampling.pss = !options.no_pss;
  if (options.command.empty()) {
    const pid_t pid = options.name.empty() ? options.pid : find_by_name(options.name);
    return std::make_unique<Sampler>(Attach{pid}, sampling);
  }
  Launch launch;
  launch.command = options.command;
  launch.own_cgroup = !options.no_cgroup;
  launch.log_profile = options.log_events;
  if (options.json || options.csv == "-" || options.jsonl == "-") launch.stdout_fd = STDERR_FILENO;
  if (held != nullptr) {
    launch.stderr_fd = held->stderr_fd();
    launch.stdout_fd = launch.stdout_fd == STDERR_FILENO ? held->stderr_fd() : held->stdout_fd();
    // Keys are the view's. (Left open: the sampler needs it when it runs.)
    if (::isatty(STDIN_FILENO) == 1) launch.stdin_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  return std::make_unique<Sampler>(std::move(launch), sampling);
}

std::vector<std::unique_ptr<Output>> make_outputs(const Options& options) {
  std::vector<std::unique_ptr<Output>> outputs;
  if (!options.csv.empty() && options.dialect == "unixstats") {
    outputs.push_back(std::make_unique<UnixStatsOutput>(options.csv));
  } else if (!options.csv.empty()) {
    outputs.push_back(std::make_unique<CsvOutput>(options.csv));
  }
  if (!options.jsonl.empty()) outputs.push_back(std::make_unique<JsonLinesOutput>(options.jsonl));
  if (options.pretty) outputs.push_back(std::make_unique<PrettyOutput>(STDERR_FILENO));
  if (!options.plot.empty()) outputs.push_back(std::make_unique<PlotOutput>(options.plot));
  return outputs;
}

std::unique_ptr<LiveOutput> make_live(const Options& options, HeldOutput& held, Sampler& sampler) {
  LiveOutput::Options live{.held = options.command.empty() ? nullptr : &held};
  if (options.command.empty()) live.quit = [&sampler] { sampler.interrupt(0); };
  return std::make_unique<LiveOutput>(std::move(live));
}

int watch(const Options& options) {
  std::optional<HeldOutput> held;
  if (options.live) held.emplace();
  const std::unique_ptr<Sampler> sampler = make_sampler(options, held ? &*held : nullptr);
  const std::vector<std::unique_ptr<Output>> outputs = make_outputs(options);
  for (const auto& output : outputs) sampler->add(*output);
  std::unique_ptr<LiveOutput> live;
  if (options.live) {
    live = make_live(options, *held, *sampler);
    sampler->add(*live);
  }
  catch_signals(*sampler);
  const Summary summary = sampler->run();
  leave_signals();
  if (live) live->close();  // before anything is printed
  if (!summary.failure.empty()) {
    tell("treino: monitor: {}\n", summary.failure);
    return summary.exit.value_or(125);
  }
  const bool text = options.summary || (!options.json && !options.no_summary);
  if (text) tell("{}", to_text(summary));
  bool written = true;
  if (options.json) {
    fmt::print("{}\n", to_json(summary));
    written = std::fflush(stdout) == 0;
    if (!written) tell("treino: monitor: the summary cannot be written to standard output\n");
  }
  for (const std::string& line : summary.warnings) tell("treino: monitor: warning: {}\n", line);
  for (const std::string& line : sampler->failures()) tell("treino: monitor: {}\n", line);
  if (!sampler->failures().empty() || !written) return options.command.empty() ? 1 : 125;
  if (summary.interrupted_by != 0) return 128 + summary.interrupted_by;
  return summary.exit.value_or(0);
}

int run_selftest() {
  static constexpr const char* kWords[] = {"passed", "FAILED", "unknown"};
  int failed = 0;
  const auto tell = [&failed](const Verdict& verdict) {
    failed += verdict.what == Verdict::failed ? 1 : 0;
    fmt::print("{:<8} {:<30} {:<36} {}\n", kWords[verdict.what], verdict.probe, verdict.load,
               verdict.detail);
    std::fflush(stdout);
  };
  selftest("/proc/self/exe", tell);
  if (failed > 0) fmt::print("{} failed: do not trust these numbers on this machine\n", failed);
  return failed > 0 ? 1 : 0;
}

int run_monitor(const Options& options) {
  if (options.load) return run_load(options.command);
  if (options.selftest) return run_selftest();
  check(options);
  try {
    return watch(options);
  } catch (const Error& error) {
    // Around a command 1 would be taken for its own.
    if (error.fault() == Fault::mistake || options.command.empty()) throw;
    tell("treino: monitor: {}\n", error.what());
    return 125;
  }
}

}  // namespace

void add_monitor(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.add_option("--interval", options->interval, "from row to row: 100ms, 1s ... (default 100ms)")
      ->type_name("TIME");
  app.add_option("--for", options->duration,
                 "stop after this time; a command and its tree are ended")
      ->type_name("TIME");
  app.add_option("--pid", options->pid, "watch a process that runs, and its descendants")
      ->type_name("N");
  app.add_option("--name", options->name, "the same by its name, which must be the only such tree")
      ->type_name("S");
  app.add_option("--csv", options->csv, "a row a sample; - is standard output")->type_name("FILE");
  app.add_option("--csv-dialect", options->dialect,
                 "treino, or unixstats: time(s);cpu;ram;gpu;graphic ram")
      ->type_name("NAME");
  app.add_option("--jsonl", options->jsonl, "header, rows, events and summary as JSON lines")
      ->type_name("FILE");
  app.add_flag("--pretty", options->pretty, "a line a sample, for people");
  app.add_flag("--live", options->live,
               "a full-screen view: graphs, the process tree, events; q leaves it");
  app.add_option("--plot", options->plot, "the charts of the whole watch: FILE.svg or FILE.html")
      ->type_name("FILE");
  app.add_flag("--json", options->json, "the summary as one JSON object on standard output");
  app.add_flag("--summary", options->summary,
               "the summary for people (the default without --json)");
  app.add_flag("--no-summary", options->no_summary, "no summary at the end")->excludes("--summary");
  app.add_option("--log-events", options->log_events,
                 "read events from the command's log: keras, pytorch, axon or a profile (TOML)")
      ->type_name("PROFILE");
  app.add_flag("--no-pss", options->no_pss, "do not tell shared memory apart (PSS, USS)");
  app.add_flag("--no-cgroup", options->no_cgroup, "do not put the command in a control group");
  app.add_flag("--selftest", options->selftest,
               "run known loads and say whether each number is right on this machine");
  app.add_flag("--load", options->load)->group("");  // a load of the self-test, run as COMMAND
  app.add_option("COMMAND", options->command,
                 "what to run and watch, with its arguments; after --");
  app.positionals_at_end();
  app.footer(
      "Examples:\n"
      "  treino monitor -- python3 train.py                   the summary at the end\n"
      "  treino monitor --pretty --csv run.csv -- ./train     a line a sample, and a file\n"
      "  treino monitor --live -- python3 train.py            watch it as it runs\n"
      "  treino monitor --plot run.html -- python3 train.py   charts, one page that opens offline\n"
      "  treino monitor --json -- make -j4 | jq .cpu_s        for a script\n"
      "  treino monitor --pid 4711 --for 60s --csv -          a process that runs already\n"
      "  treino monitor --log-events keras -- python3 fit.py  epochs from its log\n"
      "With -- COMMAND the exit code is the command's; 125: the monitor failed, 126: not\n"
      "executable, 127: not found, 128+n: ended by signal n. kill -9 of the monitor leaves the\n"
      "command running; with --log-events its output ends there, and its next line fails.");
  app.callback([options, &action] { action = [options] { return run_monitor(*options); }; });
}

}  // namespace treino::cli
