// SPDX-License-Identifier: Apache-2.0
// `treino monitor` as a user meets it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::monitor {
namespace {

using test::Outcome;
using test::run_shell;
using test::run_treino;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

Outcome monitor(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "monitor");
  return run_treino(std::move(arguments));
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

// A CSV of ours by column name.
struct Table {
  explicit Table(const std::string& text) {
    for (const std::string& line : lines(text)) {
      std::vector<std::string> cells;
      std::istringstream stream(line);
      for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
      if (names.empty()) {
        names = std::move(cells);
      } else {
        rows.push_back(std::move(cells));
      }
    }
  }
  double at(std::size_t row, const std::string& name) const {
    const auto column = std::find(names.begin(), names.end(), name) - names.begin();
    return std::stod(rows.at(row).at(static_cast<std::size_t>(column)));
  }
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
};

void expect_one_line(const Outcome& outcome, int exit, const std::string& part) {
  EXPECT_EQ(outcome.exit, exit) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(part));
  EXPECT_EQ(lines(outcome.err).size(), 1u) << outcome.err;
  EXPECT_THAT(outcome.err, testing::StartsWith("treino: "));
}

TEST(Monitor, MistakesAreOneClearLineAndExit2) {
  expect_one_line(monitor({"--interval", "0", "--", "true"}), 2,
                  "--interval 0: must be longer than nothing");
  expect_one_line(monitor({"--interval=-5ms", "--", "true"}), 2, "must be longer than nothing");
  expect_one_line(monitor({"--interval", "soon", "--", "true"}), 2, "like 100ms");
  expect_one_line(monitor({"--for", "0s", "--", "true"}), 2, "--for 0s");
  expect_one_line(monitor({}), 2, "nothing to watch");
  expect_one_line(monitor({"--pid", "1", "--", "true"}), 2, "only one of");
  expect_one_line(monitor({"--pid", "4194400"}), 2, "there is no process 4194400");
  expect_one_line(monitor({"--name", "no_such_program"}), 2, "no process is named");
  expect_one_line(monitor({"--csv", "-", "--json", "--", "true"}), 2, "only one of");
  expect_one_line(monitor({"--csv-dialect", "excel", "--csv", "-", "--", "true"}), 2, "unixstats");
  expect_one_line(monitor({"--log-events", "kears", "--", "true"}), 2, "keras");
  expect_one_line(monitor({"--log-events", "/usr", "--", "true"}), 2, "/usr: is a folder");
  EXPECT_EQ(monitor({"--intervall", "5", "--", "true"}).exit, 2);
}

TEST(Monitor, ExitCodesAreTheCommands) {
  EXPECT_EQ(monitor({"--no-summary", "--", "sh", "-c", "exit 9"}).exit, 9);
  EXPECT_EQ(monitor({"--no-summary", "--", "sh", "-c", "kill -TERM $$"}).exit, 128 + SIGTERM);
  expect_one_line(monitor({"--", "no_such_command_at_all"}), 127,
                  "no_such_command_at_all: No such file");
  expect_one_line(monitor({"--", "/etc/passwd"}), 126, "/etc/passwd: Permission denied");
  EXPECT_EQ(monitor({"--no-summary", "--for", "200ms", "--", "sleep", "60"}).exit, 128 + SIGTERM);
}

TEST(Monitor, UnwritableOutputsAndFullDisks) {
  expect_one_line(monitor({"--csv", "/nonexistent/x.csv", "--", "true"}), 125,
                  "/nonexistent/x.csv: cannot be written");
  for (const char* option : {"--csv", "--jsonl"}) {
    const Outcome full =
        monitor({"--no-summary", option, "/dev/full", "--", "sh", "-c", "echo still ran"});
    expect_one_line(full, 125, "/dev/full: cannot be written: No space left on device");
    EXPECT_EQ(full.out, "still ran\n");
  }
  const Outcome summary =
      run_shell(std::string(TREINO_BINARY) + " monitor --json -- true > /dev/full");
  EXPECT_EQ(summary.exit, 125);
}

TEST(Monitor, DataOnStandardOutputSendsTheCommandsElsewhere) {
  const Outcome json = monitor({"--json", "--", "echo", "hello"});
  EXPECT_EQ(json.exit, 0);
  EXPECT_EQ(json.err, "hello\n");
  const auto summary = nlohmann::json::parse(json.out);
  for (const char* key :
       {"wall_s", "cpu_s", "cpu_cores_mean", "peak_rss_mib", "peak_pss_mib", "peak_anon_mib",
        "samples", "missed", "observer_cpu_pct", "gpu", "status", "exit"}) {
    EXPECT_TRUE(summary.contains(key)) << key;
  }
  EXPECT_EQ(summary["exit"], 0);
  const Outcome csv = monitor({"--no-summary", "--csv", "-", "--", "echo", "hello"});
  EXPECT_EQ(csv.err, "hello\n");
  EXPECT_THAT(csv.out,
              testing::StartsWith(
                  "t_s,dt_s,missed,cpu_cores,cpu_pct,cpu_s,rss_mib,pss_mib,uss_mib,anon_mib,"
                  "processes,threads,"));
  const Outcome plain = monitor({"--", "echo", "hello"});
  EXPECT_EQ(plain.out, "hello\n");
  EXPECT_THAT(plain.err, HasSubstr("cpu_s"));
}

TEST(Monitor, ACommandThatEndsAtOnceHasOneRow) {
  const Table table(monitor({"--no-summary", "--csv", "-", "--", "/bin/true"}).out);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_GT(table.at(0, "cpu_s"), 0);
}

TEST(Monitor, PrettyIsTheSeedsLine) {
  const Outcome pretty =
      monitor({"--pretty", "--no-summary", "--interval", "50ms", "--", "sleep", "0.12"});
  EXPECT_THAT(lines(pretty.err).at(0),
              testing::MatchesRegex("Elapsed Time: 0.[0-9]s    CPU: [0-9.]+%    RAM: [0-9.]+%    "
                                    "GPU: .+    Graphic RAM: .+"));
}

TEST(Monitor, UnixStatsDialectIsReadBackByTheImport) {
  const TemporaryFolder folder;
  const std::string file = folder / "a.csv";
  EXPECT_EQ(
      monitor({"--no-summary", "--csv", file, "--csv-dialect=unixstats", "--", "sleep", "0.25"})
          .exit,
      0);
  EXPECT_EQ(lines(read_whole_file(file)).at(0), "time(s);cpu;ram;gpu;graphic ram");
  EXPECT_EQ(run_treino({"import-unixstats", file}).exit, 0);
}

TEST(Monitor, EventsAreMarkedAndGoOnToWhereOursWent) {
  const TemporaryFolder folder;
  const std::string program =
      "import os, socket; s = socket.socket(socket.AF_UNIX); "
      "s.connect(os.environ[\"TREINO_EVENTS\"][5:]); "
      "s.sendall(b\"{\\\"event\\\":\\\"epoch_stop\\\",\\\"t\\\":1.0,\\\"epoch\\\":1}\\n\")";
  folder.write("say.py", program);
  const Outcome outcome =
      run_shell("TREINO_EVENTS=" + (folder / "copy.jsonl") + " " + TREINO_BINARY +
                " monitor --no-summary --pretty --csv " + (folder / "a.csv") + " --jsonl " +
                (folder / "a.jsonl") + " -- python3 " + (folder / "say.py"));
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(read_whole_file(folder / "copy.jsonl"), HasSubstr(R"("event":"epoch_stop")"));
  EXPECT_THAT(read_whole_file(folder / "a.csv"), HasSubstr(",epoch_stop,"));
  EXPECT_THAT(read_whole_file(folder / "a.jsonl"), HasSubstr(R"({"kind":"event","t_s":)"));
  EXPECT_THAT(outcome.err, HasSubstr("epoch_stop 1"));
}

TEST(Monitor, CtrlCEndsTheWholeTreeAndIsExit130) {
  const TemporaryFolder folder;
  const std::string script =
      "sleep 1000 & echo $! > " + (folder / "pid") + "; echo ready >&2; wait";
  const Outcome outcome = run_treino({.arguments = {"monitor", "--json", "--", "sh", "-c", script},
                                      .interrupt_after = "ready",
                                      .signal = SIGINT});
  EXPECT_EQ(outcome.exit, 130) << outcome.err;
  EXPECT_GT(nlohmann::json::parse(outcome.out)["wall_s"], 0);
  EXPECT_NE(::kill(std::stoi(read_whole_file(folder / "pid")), 0), 0);
}

// ---- with the monitor itself in trouble

class Running {
 public:
  // `out`, `err`: its standard output and error; -1: ours.
  Running(const std::vector<std::string>& arguments, int out = -1, int err = -1) {
    pid_ = ::fork();
    if (pid_ == 0) {
      if (out >= 0) ::dup2(out, STDOUT_FILENO);
      if (err >= 0) ::dup2(err, STDERR_FILENO);
      std::vector<std::string> words = {TREINO_BINARY, "monitor"};
      words.insert(words.end(), arguments.begin(), arguments.end());
      std::vector<char*> pointers;
      for (std::string& word : words) pointers.push_back(word.data());
      pointers.push_back(nullptr);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
  }
  pid_t pid() const { return pid_; }
  bool ended() const {
    siginfo_t state{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT);
    return state.si_pid == pid_;
  }
  int wait() const {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = 0;
};

// False when the monitor ends with fewer.
bool wait_for_rows(const Running& running, const std::string& file, std::size_t rows) {
  for (;;) {
    const bool last = running.ended();
    if (::access(file.c_str(), R_OK) == 0 && lines(read_whole_file(file)).size() >= rows + 1)
      return true;
    if (last) return false;
    ::usleep(5000);
  }
}

// A pipe that holds a page.
class SmallPipe {
 public:
  SmallPipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) ADD_FAILURE() << "no pipe";
    ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
    reader = ends[0], writer = ends[1];
  }
  ~SmallPipe() {
    ::close(reader);
    if (writer >= 0) ::close(writer);
  }
  SmallPipe(const SmallPipe&) = delete;
  SmallPipe& operator=(const SmallPipe&) = delete;
  // All that comes until the last writer has gone.
  std::string read_all() {
    ::close(std::exchange(writer, -1));
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(reader, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  int reader = -1, writer = -1;
};

TEST(Monitor, AReaderWhoIsLateGetsEveryRow) {
  const TemporaryFolder folder;
  const std::string done = folder / "done";
  SmallPipe pipe;
  const Running running({"--no-summary", "--interval", "1ms", "--csv", "-", "--", "sh", "-c",
                         "sleep 0.5; echo x > " + done},
                        pipe.writer);
  while (::access(done.c_str(), R_OK) != 0) ::usleep(5000);  // it ends though nobody reads
  const Table table(pipe.read_all());
  EXPECT_EQ(running.wait(), 0);
  double dt = 0;
  for (std::size_t i = 0; i < table.rows.size(); ++i) dt += table.at(i, "dt_s");
  const double t = table.at(table.rows.size() - 1, "t_s");
  EXPECT_GE(t, 0.5);
  EXPECT_NEAR(dt, t, 1e-3);
}

TEST(Monitor, AReaderWhoNeverReadsStopsNeitherTheWatchNorItsEnd) {
  const TemporaryFolder folder;
  const std::string file = folder / "a.jsonl";
  SmallPipe pipe, err;
  const Running running({"--no-summary", "--interval", "1ms", "--csv", "-", "--jsonl", file, "--",
                         "sh", "-c", "echo $$ > " + (folder / "pid") + "; exec sleep 100000"},
                        pipe.writer, err.writer);
  ASSERT_TRUE(wait_for_rows(running, file, 300));  // many times what the pipe holds
  const int command = std::stoi(read_whole_file(folder / "pid"));
  ::kill(running.pid(), SIGINT);
  while (::kill(command, 0) == 0) ::usleep(5000);
  ::kill(running.pid(), SIGINT);  // do not wait for the reader
  EXPECT_EQ(running.wait(), 125);
  EXPECT_THAT(err.read_all(),
              testing::MatchesRegex("treino: monitor: standard output: [0-9]+ lines "
                                    "were not written: nobody read them in time\n"));
}

TEST(Monitor, ACommandThatPrintsWithoutPauseIsWatched) {
  const TemporaryFolder folder;
  const std::string csv = folder / "a.csv";
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const Running running(
      {"--no-summary", "--interval", "20ms", "--log-events", "keras", "--csv", csv, "--", "yes"},
      null);
  ::close(null);
  ASSERT_TRUE(wait_for_rows(running, csv, 30));
  ::kill(running.pid(), SIGINT);
  EXPECT_EQ(running.wait(), 130);
}

TEST(Monitor, OneThatSendsEventsWithoutPauseIsWatched) {
  const TemporaryFolder folder;
  const std::string csv = folder / "a.csv";
  folder.write("say.py",
               "import os, socket\n"
               "s = socket.socket(socket.AF_UNIX)\n"
               "s.connect(os.environ['TREINO_EVENTS'][5:])\n"
               "while True: s.sendall(b'{\"event\":\"x\",\"t\":1}\\n' * 3000)\n");
  const Running running(
      {"--no-summary", "--interval", "20ms", "--csv", csv, "--", "python3", folder / "say.py"});
  ASSERT_TRUE(wait_for_rows(running, csv, 30));
  ::kill(running.pid(), SIGTERM);
  EXPECT_EQ(running.wait(), 128 + SIGTERM);
}

TEST(Monitor, OutputThatCannotBePassedOnFailsForTheCommandToo) {
  const std::string program = TREINO_BINARY;
  const Outcome full = run_shell(program +
                                 " monitor --no-summary --log-events keras -- yes "
                                 "> /dev/full");
  EXPECT_EQ(full.exit, 128 + SIGPIPE);
  EXPECT_EQ(full.err,
            "treino: monitor: warning: the command's standard output could not be passed on: No "
            "space left on device\n");
  const Outcome head = run_shell(program +
                                 " monitor --no-summary --log-events keras -- yes | head "
                                 "-1; exit ${PIPESTATUS[0]}");
  EXPECT_EQ(head.out, "y\n");
  EXPECT_EQ(head.exit, 128 + SIGPIPE);
}

TEST(Monitor, ANonBlockingOutputIsWaitedFor) {
  SmallPipe pipe;
  ::fcntl(pipe.writer, F_SETFL, O_NONBLOCK);
  const Running running(
      {"--no-summary", "--log-events", "keras", "--", "sh", "-c", "seq 100000; echo end"},
      pipe.writer);
  const std::string text = pipe.read_all();
  EXPECT_EQ(running.wait(), 0);
  EXPECT_EQ(lines(text).size(), 100001u);
  EXPECT_EQ(lines(text).back(), "end");
}

// Where our own TREINO_EVENTS points nobody reads; when that end is closed, nobody is waited for.
TEST(Monitor, EventsThatNobodyTakesStopNothing) {
  const TemporaryFolder folder;
  const std::string csv = folder / "a.csv", place = folder / "socket";
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(place.size(), sizeof address.sun_path);
  std::copy(place.begin(), place.end(), static_cast<char*>(address.sun_path));
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  folder.write("say.py",
               "import os, socket, time\n"
               "s = socket.socket(socket.AF_UNIX)\n"
               "s.connect(os.environ['TREINO_EVENTS'][5:])\n"
               "s.sendall(b'{\"event\":\"x\",\"t\":1}\\n' * 30000)\n"
               "open('" +
                   (folder / "sent") +
                   "', 'w').close()\n"
                   "time.sleep(0.5)\n");
  ::setenv("TREINO_EVENTS", ("unix:" + place).c_str(), 1);
  const Running running(
      {"--no-summary", "--interval", "20ms", "--csv", csv, "--", "python3", folder / "say.py"});
  ::unsetenv("TREINO_EVENTS");
  while (::access((folder / "sent").c_str(), R_OK) != 0 && !running.ended()) ::usleep(5000);
  const std::size_t rows = lines(read_whole_file(csv)).size() - 1;
  EXPECT_TRUE(wait_for_rows(running, csv, rows + 10));
  ::close(listener);
  EXPECT_EQ(running.wait(), 0);
}

TEST(Monitor, StoppedForHalfASecondItMissesFiveAndTheIntegralIsRight) {
  const TemporaryFolder folder;
  const std::string csv = folder / "a.csv", json = folder / "a.json";
  Running running({"--no-summary", "--csv", csv, "--jsonl", json, "--", TREINO_BINARY, "monitor",
                   "--load", "duty", "0.5", "2"});
  ASSERT_TRUE(wait_for_rows(running, csv, 3));
  ::kill(running.pid(), SIGSTOP);
  ::usleep(500000);
  ::kill(running.pid(), SIGCONT);
  EXPECT_EQ(running.wait(), 0);
  const Table table(read_whole_file(csv));
  double missed = 0, integral = 0, dt = 0, longest = 0;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    missed += table.at(i, "missed");
    integral += table.at(i, "cpu_cores") * table.at(i, "dt_s");
    dt += table.at(i, "dt_s");
    longest = std::max(longest, table.at(i, "dt_s"));
  }
  const std::size_t last = table.rows.size() - 1;
  EXPECT_GE(missed, 5);  // a loaded machine may make it late on its own as well
  EXPECT_GT(longest, 0.5);
  EXPECT_NEAR(dt, table.at(last, "t_s"), 1e-4);
  EXPECT_NEAR(integral, table.at(last, "cpu_s"), 0.01);
  // As many rows as beats that were not missed; the row at the end may stand for the last of them.
  const double beats = std::floor(table.at(last, "t_s") / 0.1);
  EXPECT_GE(static_cast<double>(table.rows.size()) + missed, beats);
  EXPECT_LE(static_cast<double>(table.rows.size()) + missed, beats + 1);
  const auto summary = nlohmann::json::parse(lines(read_whole_file(json)).back())["summary"];
  const double kernel = summary["cpu_s_rusage"];
  EXPECT_NEAR(summary["cpu_s"], kernel, 0.03 * kernel + 0.01);
}

TEST(Monitor, KilledItLeavesWholeRowsAndTheCommandRunning) {
  const TemporaryFolder folder;
  const std::string csv = folder / "a.csv", go = folder / "go", done = folder / "done";
  Running running({"--interval", "20ms", "--csv", csv, "--", "sh", "-c",
                   "while [ ! -e " + go + " ]; do sleep 0.05; done; echo x > " + done});
  ASSERT_TRUE(wait_for_rows(running, csv, 10));
  ::kill(running.pid(), SIGKILL);
  running.wait();
  const std::string text = read_whole_file(csv);
  EXPECT_EQ(text.back(), '\n');
  const Table table(text);
  EXPECT_GE(table.rows.size(), 10u);
  EXPECT_GT(table.at(table.rows.size() - 1, "t_s"), 0.19);
  folder.write("go", "");
  while (::access(done.c_str(), R_OK) != 0) ::usleep(5000);
}

// As docs/monitor.md and --help say: its output went through the monitor.
TEST(Monitor, KilledUnderLogEventsItBreaksTheCommandsPipe) {
  const TemporaryFolder folder;
  const std::string csv = folder / "a.csv", go = folder / "go", done = folder / "done";
  const Running running({"--interval", "20ms", "--log-events", "keras", "--csv", csv, "--", "sh",
                         "-c",
                         "trap '' PIPE; while [ ! -e " + go + " ]; do sleep 0.05; done; " +
                             "echo x || echo broken > " + done});
  ASSERT_TRUE(wait_for_rows(running, csv, 3));
  ::kill(running.pid(), SIGKILL);
  running.wait();
  folder.write("go", "");
  while (::access(done.c_str(), R_OK) != 0) ::usleep(5000);
  EXPECT_THAT(monitor({"--help"}).out, HasSubstr("with --log-events its output ends there"));
}

// A process of another user: what may be read is, the rest says why not.
TEST(Monitor, AnotherUsersProcessSaysNoPermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const TemporaryFolder folder;
  ::chmod(folder.path().c_str(), 0755);
  // The program, where nobody may reach it.
  const std::string program = folder / "treino";
  std::filesystem::copy_file(TREINO_BINARY, program);
  ::chmod(program.c_str(), 0755);
  const Outcome outcome =
      run_shell("setpriv --reuid=65534 --regid=65534 --clear-groups " + program +
                " monitor --json --pid " + std::to_string(::getpid()) + " --for 400ms");
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto summary = nlohmann::json::parse(outcome.out);
  EXPECT_TRUE(summary["cpu_s"].is_number());
  EXPECT_GT(summary["peak_rss_mib"], 0);
  EXPECT_TRUE(summary["peak_pss_mib"].is_null());
  EXPECT_EQ(summary["status"]["peak_pss_mib"], "no permission");
  EXPECT_TRUE(summary["read_mib"].is_null());
  EXPECT_EQ(summary["status"]["read_mib"], "no permission");
}

TEST(Monitor, WithoutRightsToControlGroupsItSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const TemporaryFolder folder;
  ::chmod(folder.path().c_str(), 0755);
  const std::string program = folder / "treino";
  std::filesystem::copy_file(TREINO_BINARY, program);
  ::chmod(program.c_str(), 0755);
  const Outcome outcome =
      run_shell("cd / && setpriv --reuid=65534 --regid=65534 --clear-groups " + program +
                " monitor --json -- sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'");
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto summary = nlohmann::json::parse(outcome.out);
  EXPECT_THAT(std::string(summary["methods"]["tree"]), HasSubstr("no control group"));
  EXPECT_TRUE(summary["peak_cgroup_mib"].is_null());
  EXPECT_THAT(std::string(summary["status"]["peak_cgroup_mib"]), HasSubstr("control group"));
  const double kernel = summary["cpu_s_rusage"];
  EXPECT_NEAR(summary["cpu_s"], kernel, 0.03 * kernel + 0.002);
}

}  // namespace
}  // namespace treino::monitor
