// SPDX-License-Identifier: Apache-2.0
// Events that are true, and events that lie.
#include "treino/experiment/told.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino::experiment {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kStart = 1000;  // launch, on CLOCK_MONOTONIC

Heard heard(const std::string& json, double received, double cpu_s = 0) {
  return {Event::parse(json, "test"), received, {{"cpu_s", cpu_s}}};
}

Heard at(double t, const std::string& rest, double cpu_s = 0) {
  return heard(fmt::format("{{\"t\":{},{}}}", kStart + t, rest), t, cpu_s);
}

// A good run of two epochs: 1 s start-up, 0.5 s data, 0.5 s compile, 2 + 2 s epochs, 0.5 s
// evaluation.
std::vector<Heard> good() {
  std::vector<Heard> all;
  all.push_back(at(0.1, R"("event":"process_start")", 0.1));
  all.push_back(at(1.0, R"("event":"runtime_ready","framework":"test","version":"1")", 1.0));
  all.push_back(at(1.5, R"("event":"data_ready","train":60,"test":10,"sha256":"ab")", 1.4));
  all.push_back(at(
      1.6,
      R"("event":"model_built","parameters":5,"layers":[{"type":"dense","output":[1],"parameters":5}])",
      1.4));
  all.push_back(at(1.9, R"("event":"compile_done","seconds":0.3)", 1.5));
  all.push_back(at(
      2.0,
      R"("event":"work","optimizer":{"adam":{"rate":0.001}},"batch":32,"samples_per_epoch":60,"epochs":2,"precision":"float32","shuffle":true,"loss":"cross_entropy")",
      1.6));
  all.push_back(at(2.0, R"("event":"train_start")", 1.6));
  all.push_back(at(2.0, R"("event":"epoch_start","epoch":1)"));
  all.push_back(at(
      4.0,
      R"("event":"epoch_stop","epoch":1,"seconds":2,"samples":60,"steps":2,"loss":0.5,"accuracy":0.8)"));
  all.push_back(at(4.0, R"("event":"epoch_start","epoch":2)"));
  all.push_back(at(
      6.0,
      R"("event":"epoch_stop","epoch":2,"seconds":2,"samples":60,"steps":2,"loss":0.4,"accuracy":0.9)"));
  all.push_back(at(6.0, R"("event":"train_stop","seconds":4)", 9.6));
  all.push_back(
      at(6.5, R"("event":"eval","split":"test","samples":10,"loss":0.3,"accuracy":0.95)", 10));
  all.push_back(at(6.5, R"("event":"exit","status":0)", 10));
  return all;
}

Told tell(const std::vector<Heard>& all) {
  return understand(all, {}, kStart, 7);
}

std::string lie(std::size_t line, Heard instead) {
  std::vector<Heard> all = good();
  all[line] = std::move(instead);
  return tell(all).trouble;
}

TEST(Told, AGoodRun) {
  const Told told = tell(good());
  EXPECT_THAT(told.trouble, IsEmpty());
  EXPECT_EQ(told.framework, "test");
  EXPECT_EQ(told.epochs.size(), 2u);
  EXPECT_DOUBLE_EQ(told.metrics.at("train_s"), 4);
  EXPECT_DOUBLE_EQ(told.metrics.at("epoch_s"), 2);
  EXPECT_NEAR(told.metrics.at("startup_s"), 1, 1e-9);
  EXPECT_NEAR(told.metrics.at("data_s"), 0.5, 1e-9);
  EXPECT_DOUBLE_EQ(told.metrics.at("compile_s"), 0.3);
  EXPECT_NEAR(told.metrics.at("eval_s"), 0.5, 1e-9);
  EXPECT_DOUBLE_EQ(told.metrics.at("accuracy"), 0.95);
  EXPECT_DOUBLE_EQ(told.epochs[1].start, 2) << "since train_start";
}

TEST(Told, PhasesCostWhatCountersSayBetweenTheirEvents) {
  const Told told = tell(good());
  ASSERT_EQ(told.phases.size(), 5u);
  EXPECT_EQ(told.phases[3].name, "epochs");
  EXPECT_NEAR(told.phases[3].cpu_s.value(), 8, 1e-9);
  EXPECT_NEAR(told.phases[0].cpu_s.value(), 1, 1e-9);
  EXPECT_FALSE(told.phases[3].gpu_s) << "there is no such counter: unknown, not 0";
}

TEST(Told, EventsThatCameLateAreReadBetweenTheSamples) {
  std::vector<Heard> all = good();
  for (std::size_t i = 0; i < 6; ++i) all[i].received = 2.0;  // sent all at once
  Samples samples;
  samples.t = {0.5, 1.0, 1.5, 2.0};
  samples.columns["cpu_s"] = {0.5, 0.8, 1.2, 1.6};
  const Told told = understand(all, samples, kStart, 7);
  EXPECT_THAT(told.trouble, IsEmpty());
  EXPECT_NEAR(told.phases[0].cpu_s.value(), 0.8, 1e-9);
  EXPECT_NEAR(told.phases[1].cpu_s.value(), 0.4, 1e-9);
}

TEST(Told, AnotherClockCountsFromReceipt) {
  std::vector<Heard> all;
  for (const Heard& one : good()) {  // the BEAM's own zero
    Event event = Event::parse(one.event.line(), "test");
    event.set("t", one.event.t() - 5000);
    all.push_back({std::move(event), one.received, one.counters});
  }
  const Told told = tell(all);
  EXPECT_THAT(told.trouble, IsEmpty());
  EXPECT_NEAR(told.metrics.at("startup_s"), 1, 1e-9);
}

TEST(Told, WhatIsUnsaidOfAnOptimizerIsKerass) {
  std::vector<Heard> all = good();
  all[5] = at(
      2.0,
      R"("event":"work","optimizer":{"adam":{"epsilon":1e-7,"rate":1e-3,"beta1":0.9,"beta2":0.999}},"batch":32,"samples_per_epoch":60,"epochs":2,"precision":"float32","shuffle":true,"loss":"cross_entropy")");
  EXPECT_EQ(tell(all).work, tell(good()).work);
  all[5] = at(
      2.0,
      R"("event":"work","optimizer":{"adam":{"rate":1e-2}},"batch":32,"samples_per_epoch":60,"epochs":2,"precision":"float32","shuffle":true,"loss":"cross_entropy")");
  EXPECT_NE(tell(all).work, tell(good()).work);
}

TEST(Told, TheDeviceIsPartOfTheWork) {
  EXPECT_EQ(tell(good()).work.device, "");
  std::vector<Heard> all = good();
  all[5] = at(2.0, R"("event":"work","batch":32,"device":"cuda")");
  EXPECT_EQ(tell(all).work.device, "cuda");
}

TEST(Lies, LayersThatAreNoneCostTheirNumbersOnly) {
  for (const char* layers :
       {"[1,2]", "\"abc\"", "5", R"({"type":"dense"})", R"([{"type":5,"output":[1]}])",
        R"([{"type":"dense","output":[1],"parameters":"100"}])"}) {
    const std::vector<Heard> all = [&] {
      std::vector<Heard> said = good();
      said[3] = at(1.6, fmt::format(R"("event":"model_built","parameters":5,"layers":{})", layers));
      return said;
    }();
    const Told told = tell(all);
    EXPECT_THAT(told.trouble, HasSubstr("events.jsonl:4: model_built has layers that are no list"))
        << layers;
    EXPECT_THAT(told.work.layers, IsEmpty()) << layers;
    EXPECT_EQ(told.epochs.size(), 2u) << layers;
  }
}

TEST(Told, NullIsNothingSaid) {
  std::vector<Heard> all = good();
  all[3] = at(1.6, R"("event":"model_built","parameters":null,"layers":null)");
  all[5] = at(2.0, R"("event":"work","optimizer":null,"batch":null,"epochs":2,"shuffle":null)");
  const Told told = tell(all);
  EXPECT_THAT(told.trouble, IsEmpty());
  EXPECT_THAT(told.work.layers, IsEmpty());
  EXPECT_THAT(told.work.optimizer, IsEmpty());
  EXPECT_FALSE(told.work.shuffle);
}

TEST(Told, AWindowIsShuffling) {
  const auto shuffle = [](const std::string& json) {
    std::vector<Heard> all = good();
    all[5] = at(2.0, R"("event":"work","shuffle":)" + json);
    return tell(all).work.shuffle;
  };
  EXPECT_EQ(shuffle("1000"), true);
  EXPECT_EQ(shuffle("0"), false);
  EXPECT_EQ(shuffle("false"), false);
  EXPECT_EQ(shuffle(R"("some")"), std::nullopt);
}

TEST(Told, AnOptimizerOfAnotherFormStaysAsItWasWritten) {
  for (const char* optimizer : {R"("adam")", "5", "[1]", R"({"adam":3})"}) {
    std::vector<Heard> all = good();
    all[5] = at(2.0, fmt::format(R"("event":"work","optimizer":{})", optimizer));
    EXPECT_EQ(tell(all).work.optimizer, optimizer);
  }
}

TEST(Lies, EpochsWithoutANumber) {
  EXPECT_THAT(lie(7, at(2.0, R"("event":"epoch_start","epoch":1e300)")),
              HasSubstr("events.jsonl:8: epoch_start says epoch 1e+300"));
  EXPECT_THAT(lie(7, at(2.0, R"("event":"epoch_start","epoch":-1)")),
              HasSubstr("events.jsonl:8: epoch_start says epoch -1"));
}

TEST(Lies, TimeGoingBack) {
  EXPECT_THAT(lie(4, at(1.2, R"("event":"compile_done","seconds":0.3)")),
              HasSubstr("events.jsonl:5: compile_done says t ="));
}

TEST(Lies, MissingEpochs) {
  std::vector<Heard> all = good();
  all.erase(all.begin() + 9, all.begin() + 11);
  EXPECT_THAT(tell(all).trouble, HasSubstr("2 epochs were promised and 1 came"));
  EXPECT_THAT(lie(9, at(4.0, R"("event":"epoch_start","epoch":3)")),
              HasSubstr("events.jsonl:10: epoch 3 starts where epoch 2 should"));
  all = good();
  all.erase(all.begin() + 8);
  EXPECT_THAT(tell(all).trouble, HasSubstr("starts before epoch 1 has stopped"));
}

TEST(Lies, NumbersThatCannotBe) {
  EXPECT_THAT(
      lie(8, at(4.0, R"("event":"epoch_stop","epoch":1,"seconds":20,"loss":0.5,"accuracy":0.8)")),
      HasSubstr("epoch 1 says 20.000 s but lies 2.000 s after its start"));
  EXPECT_THAT(
      lie(8, at(4.0, R"("event":"epoch_stop","epoch":1,"seconds":2,"loss":0.5,"accuracy":80)")),
      HasSubstr("accuracy 80 is no fraction"));
  EXPECT_THAT(lie(11, at(6.0, R"("event":"train_stop","seconds":1)")),
              HasSubstr("train_stop says 1.000 s, its epochs sum to 4.000 s"));
}

// Epoch 1 of good() is 2 s long.
std::string short_epoch(const std::string& fields) {
  return lie(8, at(4.0, R"("event":"epoch_stop","epoch":1,"samples":60,"steps":2,)" + fields));
}

TEST(Lies, SecondsFarBelowTheDistanceOfTheirStamps) {
  EXPECT_THAT(short_epoch(R"("seconds":0.0001)"),
              HasSubstr("events.jsonl:9: epoch 1 says 0.000 s but lies 2.000 s after its start"));
  EXPECT_THAT(short_epoch(R"("seconds":1.75)"), HasSubstr("says 1.750 s but lies 2.000 s"));
  EXPECT_THAT(short_epoch(R"("seconds":-1)"), HasSubstr("epoch 1 says a time below 0"));
  EXPECT_THAT(short_epoch(R"("seconds":1.85)"), HasSubstr("train_stop says"))
      << "within 10 % it is held against the whole only";
}

TEST(Lies, ShortSecondsOfShortEpochs) {
  const auto run_of = [](double length, double says, int epochs) {
    std::vector<Heard> all;
    all.push_back(at(1, R"("event":"train_start")"));
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      const double start = 1 + (epoch - 1) * length;
      all.push_back(at(start, fmt::format(R"("event":"epoch_start","epoch":{})", epoch)));
      all.push_back(
          at(start + length,
             fmt::format(R"("event":"epoch_stop","epoch":{},"seconds":{})", epoch, says)));
    }
    all.push_back(at(1 + epochs * length, R"("event":"train_stop")"));
    return tell(all).trouble;
  };
  EXPECT_THAT(run_of(0.05, 0.0001, 1), HasSubstr("events.jsonl:3: epoch 1 says 0.000 s"));
  EXPECT_THAT(run_of(0.015, 0.0001, 1), IsEmpty()) << "a core can be gone for so long";
  EXPECT_THAT(run_of(0.015, 0.0001, 3),
              HasSubstr("events.jsonl:8: epochs say 0.000 s in all, their starts and stops lie "
                        "0.045 s apart"));
}

TEST(Lies, ShortSecondsOnAnotherClock) {
  std::vector<Heard> all;
  for (const Heard& one : good()) {
    Event event = Event::parse(one.event.line(), "test");
    event.set("t", one.event.t() - 5000);
    if (event.name() == "epoch_stop") event.set("seconds", 0.001);
    all.push_back({std::move(event), one.received, one.counters});
  }
  EXPECT_THAT(tell(all).trouble, HasSubstr("epoch 1 says 0.001 s but lies 2.000 s"));
}

TEST(Told, WhatATrainerLeavesOutIsNoTrouble) {
  std::vector<Heard> all = good();
  all[8] = at(4.0, R"("event":"epoch_stop","epoch":1,"seconds":0.5,"left_out":1.5)");
  all[11] = at(6.0, R"("event":"train_stop","seconds":2.5)");
  const Told told = tell(all);
  EXPECT_THAT(told.trouble, IsEmpty());
  EXPECT_EQ(told.epochs[0].left_out, 1.5);
  EXPECT_DOUBLE_EQ(told.metrics.at("train_s"), 2.5);
  all[8] = at(4.0, R"("event":"epoch_stop","epoch":1,"left_out":1.5)");
  EXPECT_NEAR(tell(all).metrics.at("train_s"), 2.5, 1e-9) << "what is left of the stamps";
  EXPECT_THAT(short_epoch(R"("seconds":1.5,"left_out":1.5)"),
              HasSubstr("says 1.500 s and 1.500 s that it leaves out but lies 2.000 s"));
}

TEST(Told, EpochsThatSayNoSecondsAreAsLongAsTheirStamps) {  // as of log lines
  std::vector<Heard> all = good();
  for (const std::size_t line : {8, 10}) {
    all[line] = at(line == 8 ? 4.0 : 6.0, R"("event":"epoch_stop","from":"log","loss":0.5)");
  }
  all[11] = at(6.0, R"("event":"train_stop")");
  EXPECT_THAT(tell(all).trouble, IsEmpty());
  EXPECT_NEAR(tell(all).metrics.at("train_s"), 4, 1e-9);
}

TEST(Told, TrainingIsAsLongAsItsEpochs) {
  std::vector<Heard> all = good();
  all[11] = at(6.0, R"("event":"train_stop","seconds":3.96)");
  EXPECT_THAT(tell(all).trouble, IsEmpty());
  EXPECT_DOUBLE_EQ(tell(all).metrics.at("train_s"), 4);
}

TEST(Lies, TrainingThatNeverStops) {
  std::vector<Heard> all = good();
  all.erase(all.begin() + 11);
  EXPECT_THAT(tell(all).trouble, HasSubstr("training starts but never stops"));
}

TEST(Told, NoEventsAtAllAreNoTrouble) {
  EXPECT_THAT(tell({}).trouble, IsEmpty());
  EXPECT_TRUE(tell({}).metrics.empty());
}

TEST(HeardFile, WrittenAndReadAgain) {
  const test::TemporaryFolder folder;
  std::string text;
  for (const Heard& one : good()) text += line_of(one) + "\n";
  const std::vector<Heard> again =
      read_heard(folder.write("events.jsonl", text + "{\"event\":\"cut"));
  ASSERT_EQ(again.size(), good().size());
  EXPECT_DOUBLE_EQ(again[1].received, 1.0);
  EXPECT_DOUBLE_EQ(again[11].counters.at("cpu_s"), 9.6);
  EXPECT_EQ(understand(again, {}, kStart, 7).metrics, tell(good()).metrics);
}

TEST(HeardFile, ABrokenLineIsNamed) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("events.jsonl", line_of(good()[0]) + "\nnot json\n");
  EXPECT_THAT(test::error_of([&] { read_heard(path); }),
              HasSubstr("events.jsonl:2: is not a JSON object"));
}

}  // namespace
}  // namespace treino::experiment
