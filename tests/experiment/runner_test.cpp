// SPDX-License-Identifier: Apache-2.0
// Whole experiments of small shell commands. Nothing here depends on how long they take.
#include "treino/experiment/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"
#include "treino/experiment/analyse.h"
#include "treino/experiment/folder.h"
#include "treino/experiment/recorder.h"
#include "treino/experiment/samples.h"

namespace treino::experiment {
namespace {

namespace fs = std::filesystem;
using OneRun = Run;  // testing::Test has a Run of its own
using test::error_of;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// A contestant in Python's own library: says the events of a small training, each line from argv[1]
// on replaced or added as the test wants.
const char* const kTrainer = R"(
import json, os, socket, sys, time
wait, lie = float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
channel = socket.socket(socket.AF_UNIX)
channel.connect(os.environ["TREINO_EVENTS"][5:])
def say(event, **fields):
    channel.sendall((json.dumps({"event": event, "t": time.monotonic(), **fields}) + "\n").encode())
say("process_start")
say("runtime_ready", framework="toy", version="1")
say("data_ready", train=10, test=5, sha256="00")
say("model_built", parameters=2, layers=[{"type": "dense", "output": [1], "parameters": 2}])
say("compile_done", seconds=0)
say("work", optimizer={"sgd": {"rate": 0.1}}, batch=5, samples_per_epoch=10, epochs=2, precision="float32", shuffle=True, loss="mse")
if lie == "garbage": channel.sendall(b"this is no event\n")
say("train_start")
total = 0
for epoch in (1, 2):
    if lie == "skip" and epoch == 2: continue
    start = time.monotonic()
    say("epoch_start", t=start, epoch=epoch)
    time.sleep(wait)
    stop = time.monotonic()
    seconds = stop - start
    total += seconds
    say("epoch_stop", t=stop, epoch=epoch, seconds=seconds, samples=10, steps=2, loss=1/epoch, accuracy=0.5)
say("train_stop", seconds=total)
say("eval", split="test", samples=5, loss=0.5, accuracy=0.6)
say("exit", status=0)
)";

class Runner : public testing::Test {
 protected:
  // `contestants`: TOML of the tables; blocks are quick and never called disturbed.
  Experiment experiment(const std::string& contestants, const std::string& head = "repeat = 2\n") {
    return load_experiment(folder.write(
        "x.toml",
        head + "interval = \"10ms\"\ncool_down = 0\nforeign_limit = 1000.0\n" + contestants));
  }
  std::string toy(const std::string& name, const std::string& arguments) {
    const std::string script = folder.write("toy.py", kTrainer);
    return "[[contestant]]\nname = \"" + name + "\"\ncommand = [\"python3\", \"" + script + "\", " +
           arguments + "]\n";
  }
  static std::string shell(const std::string& name, const std::string& command) {
    return "[[contestant]]\nname = \"" + name + "\"\ncommand = [\"sh\", \"-c\", '" + command +
           "']\n";
  }
  Outcome run(const Experiment& experiment, bool resume = false) {
    said.clear();
    BenchOptions options{.out = out(), .resume = resume, .tell = [this](const std::string& line) {
                           said.push_back(line);
                         }};
    return run_experiment(experiment, options);
  }
  std::string out() const { return folder / "out"; }
  static std::vector<const OneRun*> runs_of(const Result& result, const std::string& contestant) {
    std::vector<const OneRun*> found;
    for (const OneRun& run : result.runs) {
      if (run.contestant == contestant) found.push_back(&run);
    }
    return found;
  }

  test::TemporaryFolder folder;
  std::vector<std::string> said;
};

TEST_F(Runner, TheResultSaysWhatWasAskedOfTheDevice) {
  const std::string head = "repeat = 1\ndevice = \"cuda\"\nprecision = \"tf32\"\n";
  const Result result = run(experiment(shell("a", "true"), head)).result;
  EXPECT_EQ(result.settings.device, "cuda");
  EXPECT_EQ(result.settings.precision, "tf32");
  EXPECT_EQ(load_result(out()).settings.device, "cuda");
}

TEST_F(Runner, RawFilesAndTotalsOfEveryRun) {
  const Result result =
      run(experiment(toy("a", "\"0.02\"") + shell("b", "echo hello; echo oops >&2"))).result;
  ASSERT_EQ(result.runs.size(), 4u);
  for (const OneRun& one : result.runs) {
    EXPECT_EQ(one.status, RunStatus::ok) << one.trouble;
    for (const char* name : {"samples.csv", "events.jsonl", "stdout", "stderr", "run.json"}) {
      EXPECT_TRUE(fs::exists(out() + "/" + one.folder + "/" + name)) << one.folder << " " << name;
    }
    EXPECT_GT(one.metrics.at("wall_s"), 0);
    EXPECT_TRUE(one.metrics.contains("cpu_s"));
  }
  const OneRun& toy_run = *runs_of(result, "a").front();
  EXPECT_GE(toy_run.metrics.at("train_s"), 0.04);
  EXPECT_EQ(toy_run.epochs.size(), 2u);
  EXPECT_EQ(toy_run.framework, "toy");
  EXPECT_EQ(toy_run.test_accuracy, 0.6);
  EXPECT_EQ(read_whole_file(out() + "/blocks/1-b/stdout"), "hello\n");
  EXPECT_EQ(read_whole_file(out() + "/blocks/1-b/stderr"), "oops\n");
  EXPECT_FALSE(fs::exists(out() + "/blocks/1-a/scratch"));
}

TEST_F(Runner, OneSeedABlockForEverybody) {
  const Result result = run(experiment(shell("a", "echo {seed}") + shell("b", "echo {seed}"),
                                       "repeat = 3\nseed = 5\n"))
                            .result;
  for (const OneRun& one : result.runs) {
    EXPECT_EQ(read_whole_file(out() + "/" + one.folder + "/stdout"),
              std::to_string(4 + one.block) + "\n");
  }
}

TEST_F(Runner, AFailureIsReportedAndTheOthersGoOn) {
  const Result result =
      run(experiment(shell("bad", "echo it broke >&2; exit 3") + shell("good", "true"),
                     "repeat = 4\n"))
          .result;
  ASSERT_EQ(runs_of(result, "bad").size(), 2u) << "given up after two failures";
  EXPECT_EQ(runs_of(result, "bad")[0]->status, RunStatus::failed);
  EXPECT_EQ(runs_of(result, "bad")[0]->trouble, "exit 3: it broke");
  EXPECT_EQ(runs_of(result, "good").size(), 4u);
  EXPECT_THAT(said, Contains(HasSubstr("bad: given up after 2 failures; the others go on")));
}

TEST_F(Runner, ACommandThatDoesNotStart) {
  const Result result =
      run(experiment("[[contestant]]\nname = \"ghost\"\ncommand = [\"no-such-program\"]\n" +
                     shell("good", "true")))
          .result;
  EXPECT_EQ(runs_of(result, "ghost")[0]->status, RunStatus::failed);
  EXPECT_THAT(
      runs_of(result, "ghost")[0]->trouble,
      AllOf(HasSubstr("its command does not start (exit 127)"), HasSubstr("no-such-program")));
  EXPECT_EQ(runs_of(result, "good")[1]->status, RunStatus::ok);
}

TEST_F(Runner, ATimeOutEndsTheWholeTree) {
  const Result result =
      run(experiment(shell("slow", "sleep 1000 & sleep 1000"), "repeat = 1\ntimeout = \"200ms\"\n"))
          .result;
  EXPECT_EQ(result.runs[0].status, RunStatus::timed_out);
  EXPECT_THAT(result.runs[0].trouble, HasSubstr("longer than its time-out of 0.2 s"));
}

TEST_F(Runner, EventsThatLieCostTheirNumbersOnly) {
  Result result =
      run(experiment(toy("skips", "\"0.01\", \"skip\"") + toy("garbles", "\"0.01\", \"garbage\"") +
                     toy("honest", "\"0.01\"")))
          .result;
  EXPECT_EQ(runs_of(result, "skips")[0]->status, RunStatus::broken_events);
  EXPECT_THAT(runs_of(result, "skips")[0]->trouble, HasSubstr("2 epochs were promised and 1 came"));
  EXPECT_FALSE(runs_of(result, "skips")[0]->metrics.contains("train_s"));
  EXPECT_TRUE(runs_of(result, "skips")[0]->metrics.contains("wall_s"));
  EXPECT_EQ(runs_of(result, "garbles")[0]->status, RunStatus::broken_events);
  EXPECT_THAT(runs_of(result, "garbles")[0]->trouble, HasSubstr("no events"));
  EXPECT_EQ(runs_of(result, "honest")[0]->status, RunStatus::ok);
  analyse(result, out());
  EXPECT_THAT(result.warnings, Contains(HasSubstr("skips: 2 of its runs went wrong")));
}

TEST_F(Runner, TwoRunsIntoOneFolder) {
  fs::create_directories(out());
  const FolderLock held(out());
  const Experiment one = experiment(shell("a", "true"));
  EXPECT_THAT(error_of([&] { run(one); }), HasSubstr("another bench is running into this folder"));
}

TEST_F(Runner, AFolderThatIsTakenIsNotWrittenOver) {
  const Experiment one = experiment(shell("a", "true"));
  run(one);
  const std::string before = read_whole_file(out() + "/blocks/1-a/run.json");
  EXPECT_THAT(error_of([&] { run(one); }), HasSubstr("go on with --resume"));
  const Experiment other = experiment(shell("b", "true"));
  EXPECT_THAT(error_of([&] { run(other, true); }),
              AllOf(HasSubstr("begun with another experiment"), HasSubstr("take the change back"),
                    HasSubstr("or give another --out")));
  EXPECT_EQ(read_whole_file(out() + "/blocks/1-a/run.json"), before);
}

// Before the first run, and by --dry-run too.
TEST_F(Runner, MistakesInALaunchAreFoundBeforehand) {
  const auto mistake = [&](const std::string& line) {
    const Experiment one = experiment(shell("good", "true") + shell("bad", "true") + line + "\n");
    const std::string dry = error_of([&] { describe(one, plan_of(one), {.out = out()}); });
    EXPECT_EQ(error_of([&] { run(one); }), dry);
    EXPECT_FALSE(fs::exists(out())) << "nothing is written";
    return dry;
  };
  EXPECT_THAT(mistake("log_profile = \"nosuch\""),
              HasSubstr("x.toml:8: log_profile: there is no log profile \"nosuch\""));
  EXPECT_THAT(mistake("log_profile = \"" + (folder / "none.toml") + "\""),
              HasSubstr("x.toml:8: log_profile: "));
  EXPECT_THAT(
      mistake("log_profile = \"" + folder.write("p.toml", "[[line]]\nmatch = \"(\"\n") + "\""),
      HasSubstr("match is no regular expression"));
  EXPECT_THAT(
      mistake("environment = { A = \"{data}/{zz}\" }"),
      HasSubstr("x.toml:8: environment.A: \"{data}/{zz}\" has the unknown placeholder {zz}"));
  EXPECT_THAT(mistake("arguments = [\"{zz}\"]"),
              HasSubstr("x.toml:8: \"{zz}\" has the unknown placeholder {zz}"));
}

TEST_F(Runner, ShippedExperimentsHaveNone) {
  for (const char* name :
       {"seed", "seed-as-published", "mnist", "compiled-or-not", "threads", "batch", "gpu"}) {
    const Experiment one = load_experiment(name);
    EXPECT_FALSE(describe(one, plan_of(one), {.out = out()}).empty()) << name;
  }
}

TEST_F(Runner, AnExperimentAmongTheRunsOfAnotherIsRefused) {
  run(experiment(shell("a", "true")));
  const Experiment inner = experiment(shell("b", "true"));
  for (const char* place : {"/blocks", "/blocks/1-a", "/disturbed/x/y", "/blocks/../blocks/1-a"}) {
    const BenchOptions options{.out = out() + place};
    EXPECT_THAT(error_of([&] { run_experiment(inner, options); }),
                HasSubstr("lies among the runs of the experiment in"))
        << place;
  }
  EXPECT_TRUE(fs::exists(out() + "/blocks/1-a/run.json"));
}

TEST_F(Runner, ResumeRunsOnlyWhatIsMissing) {
  const std::string log = folder / "log";
  const Experiment one =
      experiment(shell("a", "echo a >> " + log) + shell("b", "echo b >> " + log), "repeat = 3\n");
  run(one);
  fs::remove_all(out() + "/blocks/3-a");
  fs::remove(out() + "/blocks/2-b/run.json");  // killed in the middle of it
  const Result result = run(one, true).result;
  EXPECT_EQ(result.runs.size(), 6u);
  EXPECT_EQ(read_whole_file(log).size(), 2u * (6 + 2)) << "two runs more";
}

TEST_F(Runner, KilledHardItLosesTheRunInProgressOnly) {
  const std::string log = folder / "log", gate = folder / "gate";
  // The third run waits for a gate that only opens after the bench was killed.
  const std::string command = "n=$(wc -l < " + log + "); echo x >> " + log +
                              "; if [ $n -eq 2 ]; then echo $$ > " + gate + ".new; mv " + gate +
                              ".new " + gate + "; exec sleep 1000; fi";
  folder.write("log", "");
  const Experiment one = experiment(shell("a", command), "repeat = 4\n");
  const pid_t child = fork();
  if (child == 0) {
    run(one);
    _exit(0);
  }
  while (!fs::exists(gate)) {
    ASSERT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "the bench has ended by itself";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const pid_t contestant = std::stoi(read_whole_file(gate));
  while (kill(contestant, 0) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(find_runs(out()).runs.size(), 2u);
  const Result result = run(one, true).result;
  ASSERT_EQ(result.runs.size(), 4u);
  for (const OneRun& run : result.runs) EXPECT_EQ(run.status, RunStatus::ok) << run.trouble;
  EXPECT_EQ(read_whole_file(log), "x\nx\nx\nx\nx\n") << "the third twice, nothing else again";
}

// Positions count within a work, and disturbed runs lie in a folder of their own.
TEST_F(Runner, ARedrawnReportHasTheRunsInTheSameOrder) {
  const auto contestant = [](const std::string& name, const std::string& work) {
    return "[[contestant]]\nname = \"" + name + "\"\nwork = \"" + work +
           "\"\ncommand = [\"true\"]\n";
  };
  Experiment one = experiment(
      contestant("b", "w2") + contestant("a", "w2") + contestant("c", "w1") + contestant("d", "w1"),
      "repeat = 3\ntries = 2\n");
  one.foreign_limit = -1;  // whatever others do is too much
  const auto order_of = [](const Result& result) {
    std::vector<std::string> order;
    for (const OneRun& run : result.runs) order.push_back(run.folder);
    return order;
  };
  const std::vector<std::string> now = order_of(run(one).result);
  EXPECT_GE(now.size(), 12u);
  EXPECT_THAT(now[0], testing::AnyOf(HasSubstr("1-a"), HasSubstr("1-b")));  // w2 is listed first
  EXPECT_EQ(order_of(load_result(out())), now);
}

TEST_F(Runner, AnEditedRunIsLeftOutAndTheOthersStay) {
  run(experiment(shell("a", "true"), "repeat = 3\n"));
  const std::string path = out() + "/blocks/2-a/run.json";
  std::string text = read_whole_file(path);
  text.replace(text.find("\"wall_s\": "), 10, "\"wall_s\": 9");
  std::ofstream(path) << text;
  std::ofstream(out() + "/blocks/3-a/samples.csv", std::ios::app) << "1,2,3\n";
  const Result result = load_result(out());
  EXPECT_EQ(result.runs.size(), 2u);
  EXPECT_THAT(result.warnings, Contains(AllOf(HasSubstr("2-a/run.json"),
                                              HasSubstr("was changed after it was written"))));
  EXPECT_THAT(result.warnings,
              Contains(AllOf(HasSubstr("3-a/samples.csv"), HasSubstr("changed after the run"))));
}

TEST_F(Runner, DisturbedRunsAreRepeatedAndKept) {
  Experiment one = experiment(shell("a", "true"), "repeat = 1\ntries = 2\n");
  one.foreign_limit = -1;  // whatever others do is too much
  const Result result = run(one).result;
  const auto disturbed = std::ranges::count(result.runs, RunStatus::disturbed, &OneRun::status);
  const OneRun& kept = *std::ranges::find_if(
      result.runs, [](const OneRun& r) { return r.status != RunStatus::disturbed; });
  EXPECT_EQ(kept.status, RunStatus::ok);
  if (disturbed > 0) {  // foreign CPU time of at least a few clock ticks was seen
    EXPECT_TRUE(fs::exists(out() + "/disturbed/1-a-1/run.json"));
    EXPECT_EQ(kept.attempt, 2);
  }
}

TEST_F(Runner, TheScheduleIsSaidBeforehand) {
  const Experiment one = experiment(shell("a", "true") + shell("b", "true"), "repeat = 2\n");
  const auto lines = describe(one, plan_of(one), {.out = out()});
  EXPECT_THAT(lines, Contains(HasSubstr("a: sh -c true")));
  EXPECT_THAT(lines, Contains(HasSubstr("block 2: ")));
  EXPECT_FALSE(fs::exists(out())) << "nothing is written";
}

TEST_F(Runner, TheSameTwiceIsAControl) {
  Result result = run(experiment(shell("a", "true"), "repeat = 2\ncontrol = \"a\"\n")).result;
  analyse(result, out());
  EXPECT_EQ(result.runs.size(), 4u);
  ASSERT_FALSE(result.comparisons.empty());
  EXPECT_EQ(result.comparisons[0].b, "a (again)");
  EXPECT_THAT(result.warnings, Contains(HasSubstr("A/A control")));
}

TEST(DiskFull, ARunWhoseFilesAreNotWholeIsNoRun) {
  const test::TemporaryFolder folder;
  fs::create_symlink("/dev/full", folder / "samples.csv");
  Recorder recorder(folder.path());
  recorder.begin({});
  EXPECT_THAT(
      error_of([&] { recorder.close(); }, Fault::work),
      AllOf(HasSubstr("samples.csv: cannot be written: No space left"), HasSubstr("--resume")));
}

}  // namespace
}  // namespace treino::experiment
