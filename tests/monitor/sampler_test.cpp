// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/sampler.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <thread>

#include "tests/monitor/simulated.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/clock.h"
#include "treino/base/file.h"
#include "treino/monitor/proc.h"

namespace treino::monitor {
namespace {

using test::error_of;
using test::Kept;
using test::QuietTree;
using test::SimulatedClock;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

Launch load(std::vector<std::string> words) {
  Launch launch;
  launch.command = {TREINO_BINARY, "monitor", "--load"};
  launch.command.insert(launch.command.end(), words.begin(), words.end());
  return launch;
}

Launch shell(const std::string& script) {
  return {.command = {"/bin/sh", "-c", script}};
}

// ---- beats

struct Day {
  std::int64_t rows = 0, missed = 0;
  double worst_drift = 0, last_t = 0, sum_dt = 0;
};

Day simulate(double interval, double seconds, std::function<double(std::int64_t)> late) {
  struct Counting : Output {
    void row(const Row& row) override {
      if (row.t < until - 1e-9) {  // the last is at the end, not on a beat
        const double beats = row.t / interval;
        day.worst_drift = std::max(day.worst_drift, (beats - std::floor(beats + 1e-6)) * interval);
      }
      ++day.rows;
      day.missed += row.missed;
      day.last_t = row.t;
      day.sum_dt += row.dt;
    }
    Day day;
    double interval = 0, until = 0;
  } output;
  output.interval = interval;
  output.until = seconds;
  std::vector<std::unique_ptr<Probe>> probes;
  probes.push_back(probe_table()[2].make({}));  // processes: asks the tree alone
  Sampler sampler(std::make_unique<QuietTree>(), std::move(probes),
                  std::make_unique<SimulatedClock>(std::move(late)),
                  {.interval_s = interval, .for_s = seconds});
  sampler.add(output);
  const Summary summary = sampler.run();
  EXPECT_EQ(summary.samples, output.day.rows);
  EXPECT_EQ(summary.missed, output.day.missed);
  return output.day;
}

TEST(Sampler, ADayAtTenHertzDoesNotDriftAndKeepsNothing) {
  const auto memory = [] { return static_cast<double>(mallinfo2().uordblks); };
  simulate(0.1, 100, {});
  const double before = memory();
  // Each wait returns late, between 0 and 40 ms, as on a loaded machine.
  const Day day = simulate(
      0.1, 86400, [](std::int64_t k) { return 0.04 * static_cast<double>(k * 7919 % 100) / 100; });
  EXPECT_LT(memory() - before, 100e3) << "bytes kept after a day";
  EXPECT_EQ(day.rows + day.missed, 864000);
  EXPECT_EQ(day.missed, 0);
  EXPECT_LT(day.worst_drift, 0.0401);
  EXPECT_NEAR(day.last_t, 86400, 0.05);
  EXPECT_NEAR(day.sum_dt, day.last_t, 1e-5);
}

TEST(Sampler, EveryIntervalKeepsItsBeat) {
  for (const auto& [interval, seconds] :
       {std::pair{0.001, 60.0}, {0.01, 600.0}, {0.1, 3600.0}, {60.0, 864000.0}}) {
    const Day day = simulate(interval, seconds, [i = interval](std::int64_t) { return 0.2 * i; });
    EXPECT_NEAR(static_cast<double>(day.rows + day.missed), seconds / interval, 1.5) << interval;
    EXPECT_NEAR(day.sum_dt, day.last_t, 1e-5) << interval;
    EXPECT_LE(day.worst_drift, 0.21 * interval) << interval;
  }
}

TEST(Sampler, ALongPauseIsMissedAndNotMadeUpFor) {
  const Day day = simulate(0.1, 10, [](std::int64_t k) { return k == 50 ? 0.5 : 0.0001; });
  EXPECT_GE(day.missed, 5);
  EXPECT_LE(day.missed, 6);
  EXPECT_EQ(day.rows + day.missed, 100);
}

TEST(Sampler, ShortIntervalsInRealTimeLoseNoBeatUnsaid) {
  for (const double interval : {0.001, 0.01}) {
    Kept kept;
    Sampler sampler(Launch{.command = {"/bin/sleep", "0.5"}},
                    {.interval_s = interval, .pss = false});
    sampler.add(kept);
    const Summary summary = sampler.run();
    const double beats = std::floor(kept.rows.back().t / interval);
    EXPECT_GE(static_cast<double>(summary.samples + summary.missed), beats) << interval;
    EXPECT_LE(static_cast<double>(summary.samples + summary.missed), beats + 1) << interval;
    double sum = 0;
    for (const Kept::KeptRow& row : kept.rows) sum += row.dt;
    EXPECT_NEAR(sum, kept.rows.back().t, 1e-9);
  }
}

TEST(Sampler, RefusesWhatMakesNoSense) {
  EXPECT_THAT(error_of([] { Sampler(shell("true"), {.interval_s = 0}); }), HasSubstr("interval"));
  EXPECT_THAT(error_of([] { Sampler(shell("true"), {.interval_s = -1}); }), HasSubstr("interval"));
  EXPECT_THAT(error_of([] { Sampler(shell("true"), {.for_s = 0}); }), HasSubstr("time to watch"));
  EXPECT_THAT(error_of([] { Sampler(Launch{}, {}); }), HasSubstr("no command"));
  EXPECT_THAT(error_of([] { Sampler(Attach{1 << 21}, {}); }), HasSubstr("no process"));
}

// ---- commands; each with a control group where there is one, and with /proc alone

class Command : public testing::TestWithParam<bool> {
 protected:
  Summary run(Launch launch, SamplerOptions options = {}) {
    launch.own_cgroup = GetParam();
    Sampler sampler(std::move(launch), options);
    sampler.add(kept);
    return sampler.run();
  }
  Kept kept;
};

TEST_P(Command, OneThatEndsAtOnceGivesOneTrueRow) {
  const Summary summary = run({.command = {"/bin/true"}});
  EXPECT_EQ(summary.exit, 0);
  ASSERT_EQ(kept.rows.size(), 1u);
  EXPECT_EQ(summary.samples, 1);
  EXPECT_GT(kept.cell(0, "cpu_s"), 0);
  EXPECT_NEAR(kept.rows[0].dt, kept.rows[0].t, 1e-9);
  EXPECT_LT(summary.get("peak_cgroup_mib").known() ? summary.get("peak_cgroup_mib").value : 0, 20);
}

TEST_P(Command, ExitCodesAreTheCommands) {
  EXPECT_EQ(run(shell("exit 7")).exit, 7);
  EXPECT_EQ(run(shell("kill -9 $$")).exit, 128 + SIGKILL);
  const Summary missing = run({.command = {"/nonexistent/program"}});
  EXPECT_EQ(missing.exit, 127);
  EXPECT_THAT(missing.failure, HasSubstr("/nonexistent/program: No such file"));
  const Summary text = run({.command = {"/etc/passwd"}});
  EXPECT_EQ(text.exit, 126);
  EXPECT_THAT(text.failure, HasSubstr("Permission denied"));
}

TEST_P(Command, ShortChildrenAreCountedAsTheKernelCountsThem) {
  const Summary summary = run(load({"children", "150", "20"}));
  const double kernel = summary.get("cpu_s_rusage").value;
  EXPECT_GT(kernel, 150 * 0.020);
  EXPECT_NEAR(summary.get("cpu_s").value, kernel, 0.03 * kernel);
  double before = 0;
  for (std::size_t i = 0; i < kept.rows.size(); ++i) {
    EXPECT_GE(kept.cell(i, "cpu_s"), before);
    before = kept.cell(i, "cpu_s");
  }
}

TEST_P(Command, AShareOfACoreIsReadAsThat) {
  const Summary summary = run(load({"duty", "0.37", "3"}));
  // The truth on a machine that is busy otherwise: the kernel's count over the true time.
  const double truth = summary.get("cpu_s_rusage").value / summary.wall_s;
  EXPECT_NEAR(summary.get("cpu_cores_mean").value, truth, 0.01);
  double integral = 0;
  for (std::size_t i = 0; i < kept.rows.size(); ++i) {
    integral += kept.cell(i, "cpu_cores") * kept.rows[i].dt;
  }
  EXPECT_NEAR(integral, summary.get("cpu_s").value, 1e-3);
}

TEST_P(Command, AForestOfForksIsMonotoneAndTrue) {
  const Summary summary = run(load({"forks", "500", "2", "0.5"}));
  const double kernel = summary.get("cpu_s_rusage").value;
  EXPECT_NEAR(summary.get("cpu_s").value, kernel, 0.03 * kernel);
  double before = 0;
  for (std::size_t i = 0; i < kept.rows.size(); ++i) {
    EXPECT_GE(kept.cell(i, "cpu_s"), before);
    before = kept.cell(i, "cpu_s");
  }
}

TEST_P(Command, SharedMemoryIsCountedOnce) {
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "the load's own memory has the sanitizer's shadow beside it";
#endif
  const Summary summary = run(load({"shared", "300", "4", "3"}));
  EXPECT_NEAR(summary.get("peak_pss_mib").value, 313, 0.05 * 313);
  EXPECT_GT(summary.get("peak_rss_mib").value, 1500);
  EXPECT_EQ(summary.get("peak_processes").value, 5);
}

TEST_P(Command, ADaemonStaysInTheTreeAndIsEnded) {
  const test::TemporaryFolder folder;
  // Twice forked, in a session of its own; its pid tells whether it is gone.
  const Summary summary = run(shell("(setsid sh -c 'echo $$ > " + (folder / "pid") +
                                    "; exec sleep 1000' &) ; while ! [ -s " + (folder / "pid") +
                                    " ]; do sleep 0.01; done; sleep 0.3"));
  EXPECT_EQ(summary.exit, 0);
  EXPECT_THAT(summary.notes, Contains(HasSubstr("outlived the command")));
  EXPECT_GE(summary.get("peak_processes").value, 2);
  const int pid = std::stoi(read_whole_file(folder / "pid"));
  EXPECT_TRUE(::kill(pid, 0) != 0 && errno == ESRCH) << pid;
}

TEST_P(Command, TimeIsUpForTheWholeTree) {
  const test::TemporaryFolder folder;
  const Summary summary = run(shell("trap '' TERM; sleep 1000 & echo $! > " + (folder / "pid") +
                                    "; while :; do sleep 0.05; done"),
                              {.for_s = 0.5, .grace_s = 0.3});
  EXPECT_TRUE(summary.timed_out);
  EXPECT_EQ(summary.exit, 128 + SIGKILL);
  const int pid = std::stoi(read_whole_file(folder / "pid"));
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_P(Command, ItsMainThreadMayEndBeforeTheOthers) {
  const Summary summary = run(load({"headless", "64", "1.5"}));
  EXPECT_EQ(summary.exit, 0);
  EXPECT_EQ(summary.get("peak_processes").value, 1);
  EXPECT_GT(summary.get("peak_rss_mib").value, 64);
  EXPECT_GT(summary.get("peak_pss_mib").value, 64);
  const std::size_t rows = kept.rows.size();
  ASSERT_GT(rows, 3u);
  EXPECT_EQ(kept.cell(rows - 2, "processes"), 1);
  EXPECT_GT(kept.cell(rows - 2, "rss_mib"), 64);
}

TEST_P(Command, TimeIsUpForOneWithoutAMainThread) {
  const Summary summary = run(load({"headless", "1", "100000"}), {.for_s = 0.5});
  EXPECT_TRUE(summary.timed_out);
  EXPECT_EQ(summary.exit, 128 + SIGTERM);
}

TEST_P(Command, AnInterruptIsPassedOn) {
  Launch launch = shell("trap 'exit 33' INT; while :; do sleep 0.02; done");
  launch.own_cgroup = GetParam();
  Sampler sampler(std::move(launch), {.interval_s = 0.02});
  int rows = 0;
  kept.on_row = [&] {
    if (++rows == 10) sampler.interrupt(SIGINT);
  };
  sampler.add(kept);
  const Summary summary = sampler.run();
  EXPECT_EQ(summary.exit, 33);
  EXPECT_EQ(summary.interrupted_by, SIGINT);
}

TEST_P(Command, EventsComeWithTheCountersOfTheirInstant) {
  const std::string send =
      "python3 -c \"\n"
      "import os, socket, time, json\n"
      "s = socket.socket(socket.AF_UNIX); s.connect(os.environ['TREINO_EVENTS'][5:])\n"
      "def say(name): s.sendall((json.dumps({'event': name, 't': time.monotonic()}) + "
      "'\\n').encode())\n"
      "say('train_start')\n"
      "t = time.process_time()\n"
      "while time.process_time() - t < 0.2: pass\n"
      "say('train_stop')\n"
      "s.sendall(b'no event\\n')\n"
      "\"";
  const Summary summary = run(shell(send));
  ASSERT_EQ(kept.events.size(), 2u);
  EXPECT_THAT(kept.events[0], HasSubstr("train_start"));
  const std::size_t cpu = kept.header.find("cpu_s").value();
  EXPECT_NEAR(kept.counters[1][cpu].value - kept.counters[0][cpu].value, 0.2, 0.05);
  EXPECT_FALSE(kept.counters[1][kept.header.find("rss_mib").value()].known());
  std::vector<std::string> in_rows;
  for (const auto& row : kept.rows)
    in_rows.insert(in_rows.end(), row.marks.begin(), row.marks.end());
  EXPECT_THAT(in_rows, ElementsAre("train_start", "train_stop"));
  EXPECT_THAT(summary.notes, Contains(HasSubstr("were no events")));
}

TEST_P(Command, ItsLogIsPassedOnAndReadForEvents) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Launch launch = shell(
      "printf 'Epoch 1/2\\n'; printf '\\r1/3 - loss: 2.0\\r3/3 - 0s - 1ms/step - accuracy: 0.5 - "
      "loss: 1.5\\n'; echo end");
  launch.log_profile = "keras";
  launch.stdout_fd = ends[1];
  run(std::move(launch));
  ::close(ends[1]);
  char text[256] = {};
  const ssize_t got = ::read(ends[0], text, sizeof text - 1);
  ::close(ends[0]);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(got)),
            "Epoch 1/2\n\r1/3 - loss: 2.0\r3/3 - 0s - 1ms/step - accuracy: 0.5 - loss: 1.5\nend\n");
  ASSERT_EQ(kept.events.size(), 3u);
  EXPECT_THAT(kept.events[0], HasSubstr("train_start"));
  EXPECT_THAT(kept.events[1], HasSubstr(R"("event":"epoch_start")"));
  EXPECT_THAT(kept.events[2], HasSubstr(R"("steps":3)"));
  EXPECT_THAT(kept.events[2], HasSubstr(R"("loss":1.5)"));
}

INSTANTIATE_TEST_SUITE_P(With, Command, testing::Bool(), [](const auto& info) {
  return info.param ? "ControlGroup" : "ProcAlone";
});

TEST(Sampler, ABigParentDoesNotShowInItsCommandsPeak) {
  std::vector<char> big(400 << 20, 1);
  for (const bool own : {true, false}) {
    Launch launch{.command = {"/bin/sh", "-c", "sleep 0.2"}};
    launch.own_cgroup = own;
    Sampler sampler(std::move(launch), {});
    const Summary summary = sampler.run();
    EXPECT_LT(summary.get("peak_pss_mib").value, 20);
    EXPECT_LT(summary.get("peak_rss_mib").value, 20);
    if (own && summary.get("peak_cgroup_mib").known()) {
      EXPECT_LT(summary.get("peak_cgroup_mib").value, 20);
    }
  }
  EXPECT_EQ(big.back(), 1);
}

TEST(Sampler, AnOutputThatFailsIsGivenUpAndTheOthersGoOn) {
  struct Failing : Output {
    void row(const Row&) override {
      ++calls;
      throw Error::work("disk full");
    }
    int calls = 0;
  } failing;
  Kept kept;
  Sampler sampler(shell("sleep 0.5"), {.interval_s = 0.05});
  sampler.add(failing);
  sampler.add(kept);
  sampler.run();
  EXPECT_EQ(failing.calls, 1);
  EXPECT_GT(kept.rows.size(), 3u);
  EXPECT_THAT(sampler.failures(), ElementsAre("disk full"));
}

// ---- processes that run already

class Child {
 public:
  explicit Child(const std::vector<std::string>& command) {
    pid_ = ::fork();
    if (pid_ == 0) {
      std::vector<char*> words;
      for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
  }
  ~Child() { end(); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

TEST(Attached, ReadsFromNowOnAndLeavesItRunning) {
  Child child({"/bin/sh", "-c", "while :; do :; done"});
  Kept kept;
  Sampler sampler(Attach{child.pid()}, {.interval_s = 0.05, .for_s = 0.6});
  const double before = process_clock(child.pid()).value();
  sampler.add(kept);
  const Summary summary = sampler.run();
  const double after = process_clock(child.pid()).value();
  EXPECT_GT(summary.get("cpu_s").value, 0);
  EXPECT_LE(summary.get("cpu_s").value, after - before + 0.001);
  EXPECT_FALSE(summary.exit.has_value());
  EXPECT_EQ(::kill(child.pid(), 0), 0);
}

TEST(Attached, EndsWithIt) {
  Child child({"/bin/sleep", "1000"});
  Sampler sampler(Attach{child.pid()}, {.interval_s = 0.02});
  Kept kept;
  kept.on_row = [&] {
    if (kept.rows.size() == 5) ::kill(child.pid(), SIGKILL);
  };
  sampler.add(kept);
  const Summary summary = sampler.run();
  EXPECT_LE(summary.samples, 7);
}

TEST(Attached, ByNameOnlyWhereThatIsOne) {
  const test::TemporaryFolder folder;
  const std::string program = folder / "only_this_one";
  std::filesystem::copy_file("/bin/sleep", program);
  EXPECT_THAT(error_of([] { find_by_name("only_this_one"); }), HasSubstr("no process is named"));
  Child one({program, "1000"});
  const auto running = [&](pid_t pid) {
    ProcReader reader;
    while (reader.read("/proc/" + std::to_string(pid) + "/cmdline")
               .value_or("")
               .find("only_this_one") == std::string_view::npos) {
      ::usleep(1000);
    }
  };
  running(one.pid());
  EXPECT_EQ(find_by_name("only_this_one"), one.pid());
  Child two({program, "1000"});
  running(two.pid());
  const std::string line = error_of([] { find_by_name("only_this_one"); });
  EXPECT_THAT(line, HasSubstr("2 processes are named"));
  EXPECT_THAT(line, HasSubstr(std::to_string(one.pid())));
  EXPECT_THAT(line, HasSubstr(std::to_string(two.pid())));
}

}  // namespace
}  // namespace treino::monitor
