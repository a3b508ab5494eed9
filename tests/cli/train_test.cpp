// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/program.h"
#include "tests/support/small_recipe.h"
#include "treino/base/file.h"

namespace treino::test {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(TrainCommand, WritesARunAndSaysItsTestAccuracy) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const Outcome outcome = run_treino({"train", "small.toml", "--out", "run"}, folder.path());
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  for (const char* said : {"epoch 3/3", "(running)", "test loss", "test accuracy", "training",
                           "compiling", "peak memory", "saved in       run"}) {
    EXPECT_THAT(outcome.err, HasSubstr(said));
  }
  EXPECT_THAT(outcome.err, Not(HasSubstr("\r")));
  EXPECT_THAT(outcome.err, Not(HasSubstr("\x1b")));
  for (const char* file : {"recipe.toml", "events.jsonl", "environment.json", "model.safetensors",
                           "checkpoint/state.safetensors"}) {
    EXPECT_TRUE(fs::exists(folder / ("run/" + std::string(file)))) << file;
  }
  EXPECT_THAT(read_whole_file(folder / "run/recipe.toml"), HasSubstr("epsilon = 1e-07"));
}

TEST(TrainCommand, EventsGoToStandardOutputWhenAsked) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const Outcome outcome = run_treino(
      {"train", "small.toml", "--out", "run", "--events", "-", "--quiet"}, folder.path());
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto events = json_lines(outcome.out);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().at("event"), "process_start");
  EXPECT_EQ(events.back().at("event"), "exit");
  EXPECT_EQ(outcome.out, read_whole_file(folder / "run/events.jsonl"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("epoch")));
  EXPECT_THAT(outcome.err, HasSubstr("test accuracy"));
}

TEST(TrainCommand, SetReachesTheOptimizerThatAFlagChooses) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const auto train = [&](const std::string& set, const std::string& out) {
    return run_treino(
        {"train", "small.toml", "--epochs", "1", "--set", set, "--optimizer", "sgd", "--out", out},
        folder.path());
  };
  ASSERT_EQ(train("train.optimizer.momentum=0.75", "run").exit, 0);
  EXPECT_THAT(read_whole_file(folder / "run/recipe.toml"), HasSubstr("momentum = 0.75"));
  EXPECT_THAT(train("train.optimizer.momentun=0.75", "typo").err, HasSubstr("did you mean"));
}

TEST(TrainCommand, GoesOnWhereNobodyCanReadItsLines) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  for (const char* place : {"2>/dev/full", "2>&-", ">&- 2>&-"}) {
    const std::string out = folder / "run";
    fs::remove_all(out);
    const Outcome outcome = run_shell(std::string("cd ") + folder.path() + " && " + TREINO_BINARY +
                                      " train small.toml --out run --events - " + place);
    EXPECT_EQ(outcome.exit, 0) << place << outcome.err;
    EXPECT_FALSE(json_lines(read_whole_file(out + "/events.jsonl")).empty());
    EXPECT_TRUE(fs::exists(out + "/model.safetensors"));
  }
}

TEST(TrainCommand, PrecisionStandsInTheRecordAndTheRunStaysIt) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const auto train = [&](std::vector<std::string> options) {
    options.insert(options.begin(), "train");
    return run_treino(options, folder.path());
  };
  const Outcome outcome = train({"small.toml", "--out", "run", "--precision", "bf16"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the cpu device rounds what products read to bf16"));
  EXPECT_THAT(read_whole_file(folder / "run/events.jsonl"), HasSubstr(R"("precision":"bf16")"));
  EXPECT_THAT(read_whole_file(folder / "run/recipe.toml"), HasSubstr("precision = \"bf16\""));

  const Outcome full = train({"small.toml", "--out", "full"});
  EXPECT_THAT(full.err, Not(HasSubstr("rounds")));
  EXPECT_NE(read_whole_file(folder / "run/model.safetensors"),
            read_whole_file(folder / "full/model.safetensors"));

  const Outcome resumed = train({"--resume", "run", "--epochs", "4", "--precision", "float32"});
  EXPECT_EQ(resumed.exit, 2);
  EXPECT_THAT(resumed.err, HasSubstr("--precision float32 would change the training"));
}

TEST(TrainCommand, FlagsWinOverTheRecipe) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const Outcome outcome = run_treino({"train",       "small.toml",
                                      "--out",       "run",
                                      "--epochs",    "1",
                                      "--batch",     "50",
                                      "--optimizer", "sgd",
                                      "--rate",      "0.05",
                                      "--seed",      "9",
                                      "--set",       "model.conv2d_1.filters=4",
                                      "--set",       "train.optimizer.momentum=0.9",
                                      "--data",      "generated:images:100:20"},
                                     folder.path());
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const std::string recipe = read_whole_file(folder / "run/recipe.toml");
  for (const char* field : {"epochs = 1", "batch = 50", "rate = 0.05", "seed = 9", "filters = 4",
                            "momentum = 0.9", "generated:images:100:20"}) {
    EXPECT_THAT(recipe, HasSubstr(field));
  }
}

TEST(TrainCommand, GoesOnToMoreEpochsBitForBit) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  ASSERT_EQ(
      run_treino({"train", "small.toml", "--out", "whole", "--epochs", "4"}, folder.path()).exit,
      0);
  ASSERT_EQ(
      run_treino({"train", "small.toml", "--out", "parts", "--epochs", "2"}, folder.path()).exit,
      0);
  const Outcome resumed =
      run_treino({"train", "--resume", "parts", "--epochs", "4", "--threads", "1"}, folder.path());
  ASSERT_EQ(resumed.exit, 0) << resumed.err;
  EXPECT_EQ(read_whole_file(folder / "whole/model.safetensors"),
            read_whole_file(folder / "parts/model.safetensors"));
  int epochs = 0;
  for (const auto& event : json_lines(read_whole_file(folder / "parts/events.jsonl"))) {
    if (event.at("event") == "epoch_stop") EXPECT_EQ(event.at("epoch"), ++epochs);
  }
  EXPECT_EQ(epochs, 4);
}

TEST(TrainCommand, RefusesToResumeWithOtherMathematics) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  ASSERT_EQ(run_treino({"train", "small.toml", "--out", "run"}, folder.path()).exit, 0);
  const std::string before = read_whole_file(folder / "run/recipe.toml");
  const std::pair<std::vector<std::string>, std::string> refused[] = {
      {{"--rate", "0.5"}, "--rate 0.5"},
      {{"--batch", "16"}, "--batch 16"},
      {{"--seed", "2"}, "--seed 2"},
      {{"--optimizer", "sgd"}, "--optimizer sgd"},
      {{"--epochs", "2"}, "--epochs"},
      {{"--set", "train.clip_norm=1"}, "--set train.clip_norm=1"},
      {{"--model", "lenet5"}, "--model"},
      {{"--data", "generated:images:300:100"}, "other data"},
      {{"--device", "reference"}, "--device cpu"},
      {{"--out", "elsewhere"}, "--out elsewhere"},
      {{"small.toml"}, "small.toml"},
  };
  for (const auto& [extra, named] : refused) {
    std::vector<std::string> arguments{"train", "--resume", "run"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    const Outcome outcome = run_treino(arguments, folder.path());
    EXPECT_EQ(outcome.exit, 2) << named;
    EXPECT_THAT(outcome.err, HasSubstr(named));
  }
  EXPECT_EQ(read_whole_file(folder / "run/recipe.toml"), before);
  // What changes nothing may differ.
  EXPECT_EQ(run_treino({"train", "--resume", "run", "--out", "run", "--rate", "0.001", "--threads",
                        "2", "--quiet"},
                       folder.path())
                .exit,
            0);
}

TEST(TrainCommand, ALimitOfTheGpusMemoryNeedsAGpu) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const Outcome outcome =
      run_treino({"train", "small.toml", "--vram-limit", "1GiB"}, folder.path());
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--vram-limit is of a GPU's memory, and --device is cpu"));
}

TEST(TrainCommand, AScheduleOverTheTotalFixesTheNumberOfEpochs) {
  const TemporaryFolder folder;
  write_small_recipe(folder, "schedule = \"one_cycle\"\n");
  ASSERT_EQ(run_treino({"train", "small.toml", "--out", "run"}, folder.path()).exit, 0);
  const Outcome refused = run_treino({"train", "--resume", "run", "--epochs", "5"}, folder.path());
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.err, HasSubstr("schedule"));
}

TEST(TrainCommand, InterruptedItLeavesACheckpointAndGoesOnBitForBit) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const TemporaryFolder folder;
    write_small_recipe(folder);
    const std::vector<std::string> common{"train",   "small.toml", "--epochs",
                                          "6",       "--data",     "generated:images:4000:100",
                                          "--batch", "8"};
    auto whole = common, parts = common;
    whole.insert(whole.end(), {"--out", "whole"});
    parts.insert(parts.end(), {"--out", "parts"});
    ASSERT_EQ(run_treino(whole, folder.path()).exit, 0);
    Invocation invocation;
    invocation.arguments = parts;
    invocation.folder = folder.path();
    invocation.interrupt_after = "epoch 2/6";
    invocation.signal = signal;
    const Outcome stopped = run_treino(invocation);
    ASSERT_EQ(stopped.exit, 128 + signal) << stopped.err;
    EXPECT_THAT(stopped.err, HasSubstr("--resume parts"));
    ASSERT_EQ(run_treino({"train", "--resume", "parts"}, folder.path()).exit, 0);
    EXPECT_EQ(read_whole_file(folder / "whole/model.safetensors"),
              read_whole_file(folder / "parts/model.safetensors"));
  }
}

TEST(TrainCommand, ALossThatIsNotFiniteStopsItAndKeepsTheCheckpoint) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const Outcome outcome =
      run_treino({"train", "small.toml", "--out", "run", "--optimizer", "sgd", "--rate", "1e30"},
                 folder.path());
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("from step"));
  EXPECT_THAT(outcome.err, HasSubstr("smaller rate"));
  EXPECT_TRUE(fs::exists(folder / "run/checkpoint/state.safetensors"));
}

TEST(TrainCommand, PlacesThatCannotBeWritten) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  for (const char* out : {"/proc/treino", "/dev/null/run"}) {
    const Outcome outcome = run_treino({"train", "small.toml", "--out", out}, folder.path());
    EXPECT_EQ(outcome.exit, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(out));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
  ASSERT_EQ(run_treino({"train", "small.toml", "--out", "run"}, folder.path()).exit, 0);
  const Outcome again = run_treino({"train", "small.toml", "--out", "run"}, folder.path());
  EXPECT_EQ(again.exit, 2);
  EXPECT_THAT(again.err, HasSubstr("--resume run"));
}

TEST(TrainCommand, DumpsThePassesOfItsCompiler) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const Outcome outcome =
      run_treino({"train", "small.toml", "--out", "run", "--dump-passes"}, folder.path());
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  for (const char* pass :
       {"=== emitted", "=== differentiate", "=== fuse_elementwise", "=== lower"}) {
    EXPECT_THAT(outcome.out, HasSubstr(pass));
  }
}

TEST(TrainCommand, TheDigitsOfMnist) {
  const char* data = std::getenv("TREINO_DATA");
  if (data == nullptr || !fs::exists(fs::path(data) / "mnist")) {
    GTEST_SKIP() << "TREINO_DATA has no mnist folder";
  }
  const TemporaryFolder folder;
  const Outcome outcome = run_treino({"train", "mnist", "--out", "run"}, folder.path());
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const Outcome eval = run_treino({"eval", "run", "--json"}, folder.path());
  const auto json = nlohmann::json::parse(eval.out);
  EXPECT_GE(json.at("accuracy").get<double>(), 0.955);
  const auto events = json_lines(read_whole_file(folder / "run/events.jsonl"));
  EXPECT_EQ(events[events.size() - 2].at("accuracy"), json.at("accuracy"));
  EXPECT_EQ(events[events.size() - 2].at("loss"), json.at("loss"));
}

}  // namespace
}  // namespace treino::test
