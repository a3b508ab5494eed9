// SPDX-License-Identifier: Apache-2.0
// The events of a run, field by field, and the figures behind them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/support/environment.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"
#include "treino/backend/devices.h"
#include "treino/base/file.h"
#include "treino/base/version.h"
#include "treino/data/load.h"
#include "treino/train/evaluate.h"

namespace treino::train::test {
namespace {

using treino::test::TemporaryFolder;
using Json = nlohmann::json;

std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> lines;
  for (const Event& event : read_events(path)) lines.push_back(Json::parse(event.line()));
  return lines;
}

std::vector<std::string> names_of(const std::vector<Json>& lines) {
  std::vector<std::string> names;
  for (const Json& line : lines) names.push_back(line["event"]);
  return names;
}

std::vector<std::string> keys_of(const Json& line) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : line.items()) keys.push_back(key);
  return keys;
}

const Json& the(const std::vector<Json>& lines, const std::string& name) {
  for (const Json& line : lines)
    if (line["event"] == name) return line;
  throw std::runtime_error("no event " + name);
}

class Events : public testing::Test {
 protected:
  std::vector<Json> run(const std::string& recipe, const Settings& settings = {}) {
    train(recipe, folder_ / "run", settings);
    return lines_of(folder_ / "run/events.jsonl");
  }
  TemporaryFolder folder_;
};

TEST_F(Events, StandInOrderWithEveryField) {
  const treino::test::Environment copy("TREINO_EVENTS", folder_ / "copy.jsonl");
  Settings settings;
  settings.overrides = {{"train.epochs", "2"}};
  const auto lines = run(kConv, settings);
  EXPECT_EQ(names_of(lines), (std::vector<std::string>{
                                 "process_start", "runtime_ready", "data_ready", "model_built",
                                 "compile_done", "work", "train_start", "epoch_start", "epoch_stop",
                                 "epoch_start", "epoch_stop", "train_stop", "eval", "exit"}));
  EXPECT_EQ(lines_of(folder_ / "copy.jsonl"), lines) << "TREINO_EVENTS adds a copy";
  double before = 0;
  for (const Json& line : lines) {
    EXPECT_GE(line["t"].get<double>(), before) << line;
    before = line["t"];
  }
  EXPECT_EQ(the(lines, "runtime_ready")["framework"], "treino");
  EXPECT_EQ(the(lines, "runtime_ready")["version"], kVersion);

  const Json& data = the(lines, "data_ready");
  EXPECT_EQ(data["train"], 150);
  EXPECT_EQ(data["test"], 40);
  EXPECT_EQ(data["sha256"], data::digest(data::load("generated:images:150:40")));

  const Json& model = the(lines, "model_built");
  EXPECT_EQ(model["parameters"], 9 * 8 + 8 + 2 * 8 + 5 * 5 * 8 * 4 + 4) << "trainable numbers only";
  ASSERT_EQ(model["layers"].size(), 6U);
  EXPECT_EQ(model["layers"][0],
            (Json{{"type", "conv2d"}, {"output", {10, 10, 8}}, {"parameters", 80}}));
  EXPECT_EQ(model["layers"][5], (Json{{"type", "dense"}, {"output", {4}}, {"parameters", 804}}));
  EXPECT_GT(the(lines, "compile_done")["seconds"], 0);

  const Json& work = the(lines, "work");
  EXPECT_EQ(work["optimizer"]["sgd"]["rate"], 0.02);
  EXPECT_EQ(work["optimizer"]["sgd"]["momentum"], 0.9);
  EXPECT_EQ(work["batch"], 16);
  EXPECT_EQ(work["samples_per_epoch"], 150);
  EXPECT_EQ(work["epochs"], 2);
  EXPECT_EQ(work["precision"], "float32");
  EXPECT_EQ(work["shuffle"], true);
  EXPECT_EQ(work["loss"], "cross_entropy");

  double seconds = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i]["event"] == "epoch_start")
      EXPECT_EQ(keys_of(lines[i]), (std::vector<std::string>{"epoch", "event", "t"}));
    if (lines[i]["event"] != "epoch_stop") continue;
    EXPECT_EQ(keys_of(lines[i]), (std::vector<std::string>{"accuracy", "epoch", "event", "loss",
                                                           "samples", "seconds", "steps", "t"}));
    EXPECT_EQ(lines[i]["epoch"], lines[i - 1]["epoch"]);
    EXPECT_EQ(lines[i]["samples"], 150);
    EXPECT_EQ(lines[i]["steps"], 10);
    EXPECT_GT(lines[i]["loss"], 0);
    EXPECT_GT(lines[i]["accuracy"], 0);
    EXPECT_LE(lines[i]["accuracy"], 1);
    seconds += lines[i]["seconds"].get<double>();
  }
  EXPECT_NEAR(the(lines, "train_stop")["seconds"].get<double>(), seconds, 1e-9)
      << "the sum over epochs";

  const Json& eval = the(lines, "eval");
  EXPECT_EQ(eval["split"], "test");
  EXPECT_EQ(eval["samples"], 40);
  EXPECT_EQ(the(lines, "exit")["status"], 0);

  // What the run says of the test split, its saved weights say too.
  const auto device = make_device("cpu");
  Predictor predictor(folder_ / "run", *device);
  const auto dataset = data::load("generated:images:150:40");
  const Evaluation again = evaluate(predictor, dataset.test);
  EXPECT_EQ(again.metrics.accuracy, eval["accuracy"].get<double>());
  EXPECT_EQ(again.metrics.loss, eval["loss"].get<double>());
  std::int64_t counted = 0, right = 0;
  for (std::size_t c = 0; c < again.confusion.size(); ++c) {
    right += again.confusion[c][c];
    for (std::int64_t n : again.confusion[c]) counted += n;
  }
  EXPECT_EQ(counted, 40);
  EXPECT_EQ(static_cast<double>(right) / 40, again.metrics.accuracy);
}

TEST_F(Events, LastBatchesSayHowManySamplesTheyLeft) {
  for (const auto& [last, samples, steps] :
       {std::tuple{"partial", 150, 10}, {"drop", 144, 9}, {"refill", 160, 10}}) {
    Settings settings;
    settings.overrides = {{"train.last_batch", last}, {"train.epochs", "1"}};
    train(kConv, folder_ / last, settings);
    const auto lines = lines_of(folder_ / last + std::string("/events.jsonl"));
    EXPECT_EQ(the(lines, "work")["samples_per_epoch"], samples) << last;
    EXPECT_EQ(the(lines, "epoch_stop")["samples"], samples) << last;
    EXPECT_EQ(the(lines, "epoch_stop")["steps"], steps) << last;
  }
}

TEST_F(Events, ShuffleIsSaidAsItIs) {
  for (const auto& [written, said] :
       {std::pair{"false", Json(false)}, {"true", Json(true)}, {"64", Json(64)}}) {
    Settings settings;
    settings.overrides = {{"train.shuffle", written}, {"train.epochs", "1"}};
    train(kDense, folder_ / written, settings);
    EXPECT_EQ(the(lines_of(folder_ / written + std::string("/events.jsonl")), "work")["shuffle"],
              said);
  }
}

TEST_F(Events, EveryEpochStandsOnceAfterStopsAndResumes) {
  StopInEpoch stop(2);
  Settings settings;
  settings.observer = &stop;
  auto lines = run(kDense, settings);
  EXPECT_EQ(lines.back()["event"], "exit");
  EXPECT_EQ(lines.back()["status"], 128 + SIGINT);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), Json()), 0);
  settings = {};
  settings.resume = true;
  lines = run(kDense, settings);
  EXPECT_EQ(names_of(lines), (std::vector<std::string>{
                                 "process_start", "runtime_ready", "data_ready", "model_built",
                                 "compile_done", "work", "train_start", "epoch_start", "epoch_stop",
                                 "epoch_start", "resume", "epoch_stop", "epoch_start", "epoch_stop",
                                 "epoch_start", "epoch_stop", "train_stop", "eval", "exit"}));
  const Json& resume = the(lines, "resume");
  EXPECT_EQ(resume["epoch"], 2);
  EXPECT_GT(resume["step"], 0);
  EXPECT_EQ(lines.back()["status"], 0);
  double seconds = 0;
  for (const Json& line : lines)
    if (line["event"] == "epoch_stop") seconds += line["seconds"].get<double>();
  EXPECT_NEAR(the(lines, "train_stop")["seconds"].get<double>(), seconds, 1e-9);
}

TEST_F(Events, AFailureSaysWhy) {
  Settings settings;
  settings.overrides = {{"train.optimizer", "{ sgd = { rate = 1e30 } }"}, {"train.loss", "mse"}};
  EXPECT_THROW(run(kDense, settings), Error);
  const auto lines = lines_of(folder_ / "run/events.jsonl");
  EXPECT_EQ(lines.back()["status"], 1);
  EXPECT_THAT(lines.back()["reason"].get<std::string>(), testing::HasSubstr("not finite"));
}

// A split held out of training: its samples are not trained on, and it is evaluated after each
// epoch.
TEST_F(Events, ValidationIsEvaluatedAfterEachEpoch) {
  Settings settings;
  settings.overrides = {{"train.validation", "0.25"}};
  const auto lines = run(kDense, settings);
  EXPECT_EQ(the(lines, "work")["samples_per_epoch"], 203 - 51);
  std::size_t validations = 0;
  for (const Json& line : lines) {
    if (line["event"] != "eval" || line["split"] != "validation") continue;
    ++validations;
    EXPECT_EQ(line["samples"], 51);
  }
  EXPECT_EQ(validations, 4U);
}

// Rises and falls of the validation loss are made by a rate that is far too large after a while.
TEST_F(Events, EarlyStoppingKeepsTheBestWeights) {
  const std::string recipe =
      kDense + "validation = 0.2\nearly_stopping = { patience = 3, min_delta = 10 }\n";
  Settings settings;
  settings.overrides = {{"train.epochs", "20"}};
  std::vector<std::string> notes;
  struct Notes : Observer {
    std::vector<std::string>* lines;
    void note(const std::string& line) override { lines->push_back(line); }
  } observer;
  observer.lines = &notes;
  settings.observer = &observer;
  const FitResult result = train(recipe, folder_ / "run", settings);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.epochs.size(), 4U) << "nothing is better by 10 than the first epoch";
  EXPECT_THAT(notes, testing::ElementsAre(testing::HasSubstr("kept the weights of epoch 1")));
  const auto lines = lines_of(folder_ / "run/events.jsonl");
  EXPECT_EQ(the(lines, "train_stop")["stopped_early"], true);
  // The weights kept are those of one epoch.
  settings.overrides = {{"train.epochs", "1"}};
  train(recipe, folder_ / "one", settings);
  EXPECT_EQ(read_whole_file(folder_ / "run/model.safetensors"),
            read_whole_file(folder_ / "one/model.safetensors"));
  // Without restore_best they are those of the last.
  settings.overrides = {{"train.epochs", "20"}, {"train.early_stopping.restore_best", "false"}};
  train(recipe, folder_ / "last", settings);
  EXPECT_NE(read_whole_file(folder_ / "last/model.safetensors"),
            read_whole_file(folder_ / "one/model.safetensors"));
}

TEST_F(Events, EarlyStoppingCountsAcrossAResume) {
  const std::string recipe =
      kDense + "validation = 0.2\nearly_stopping = { patience = 3, min_delta = 10 }\n";
  Settings settings;
  settings.overrides = {{"train.epochs", "20"}};
  StopAfterEpoch stop(2);
  settings.observer = &stop;
  EXPECT_EQ(train(recipe, folder_ / "run", settings).epochs.size(), 2U);
  settings.observer = nullptr;
  settings.resume = true;
  const FitResult rest = train(recipe, folder_ / "run", settings);
  EXPECT_TRUE(rest.stopped_early);
  EXPECT_EQ(rest.epochs.size(), 2U);
}

}  // namespace
}  // namespace treino::train::test
