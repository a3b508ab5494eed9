// SPDX-License-Identifier: Apache-2.0
// Contestants that do what they promise, and contestants that do not.
#include "treino/experiment/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "treino/experiment/analyse.h"

namespace treino::experiment {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using OneRun = Run;  // testing::Test has a Run of its own

// Contestants "a", "b", ... that train 100 samples in batches of 32 for two epochs, in two blocks.
Result result_of(int contestants) {
  Result result;
  for (int c = 0; c < contestants; ++c) {
    const std::string name(1, static_cast<char>('a' + c));
    result.contestants.push_back({.id = name, .name = name, .work = "w"});
    for (int block = 1; block <= 2; ++block) {
      OneRun run{.block = block, .contestant = name};
      run.metrics = {{"wall_s", 1}, {"train_s", 0.5}};
      run.work = {.layers = "dense[10] 100",
                  .parameters = 100,
                  .optimizer = "adam",
                  .batch = 32,
                  .samples_per_epoch = 100,
                  .epochs = 2,
                  .train_samples = 100,
                  .test_samples = 10,
                  .precision = "float32",
                  .loss = "mse",
                  .data_sha256 = "ab",
                  .device = "cpu",
                  .shuffle = true};
      for (int epoch = 1; epoch <= 2; ++epoch)
        run.epochs.push_back({.number = epoch, .seconds = 0.25, .samples = 100, .steps = 4});
      result.runs.push_back(run);
    }
  }
  return result;
}

// That of the contestant in a block.
OneRun& run_of(Result& result, const std::string& contestant, int block) {
  for (OneRun& run : result.runs) {
    if (run.contestant == contestant && run.block == block) return run;
  }
  throw std::logic_error("no such run");
}

std::string line_of(const Difference& one) {
  return one.field + ": " + one.contestant + " " + one.value + ", " + one.other + " " +
         one.other_value;
}

std::vector<std::string> differences(const Result& result) {
  const Certificate certificate = certify(result, "w");
  EXPECT_EQ(certificate.ok, certificate.differences.empty());
  std::vector<std::string> lines;
  for (const Difference& one : certificate.differences) lines.push_back(line_of(one));
  return lines;
}

TEST(Certificate, WorkThatWasDoneAsSaidIsTheSame) {
  const Certificate certificate = certify(result_of(3), "w");
  EXPECT_TRUE(certificate.ok);
  EXPECT_THAT(certificate.unknown, IsEmpty());
  EXPECT_THAT(certificate.notes, IsEmpty());
}

TEST(Certificate, FewerSamplesThanPromisedAreOtherWork) {
  Result result = result_of(2);
  for (const int block : {1, 2}) {
    for (Epoch& epoch : run_of(result, "b", block).epochs) {
      epoch.samples = 10;
      epoch.steps = 1;
    }
  }
  EXPECT_THAT(differences(result),
              ElementsAre("samples of epoch 1 in block 1: b 10, its work event 100",
                          "steps of epoch 1 in block 1: b 1, its work event 3 or 4",
                          "steps an epoch: b 1, a 4"));
  analyse(result, "");
  EXPECT_THAT(result.comparisons, IsEmpty()) << "not ranked";
  result.settings.unequal = true;
  analyse(result, "");
  EXPECT_THAT(result.comparisons, testing::Not(IsEmpty()));
}

TEST(Certificate, OneEpochOfOneRunIsEnough) {
  Result result = result_of(2);
  run_of(result, "b", 2).epochs[1].samples = 90;
  EXPECT_THAT(differences(result),
              ElementsAre("samples of epoch 2 in block 2: b 90, its work event 100"));
}

TEST(Certificate, ALastBatchIsAStepOrNone) {
  for (const double steps : {3, 4}) {
    Result result = result_of(2);
    for (OneRun& run : result.runs) {
      for (Epoch& epoch : run.epochs) epoch.steps = steps;
    }
    EXPECT_THAT(differences(result), IsEmpty()) << steps;
  }
  Result result = result_of(1);
  for (const int block : {1, 2}) {
    for (Epoch& epoch : run_of(result, "a", block).epochs) epoch.steps = 2;
  }
  EXPECT_THAT(differences(result),
              ElementsAre("steps of epoch 1 in block 1: a 2, its work event 3 or 4"));
}

TEST(Certificate, StepsAreComparedBetweenContestants) {
  Result result = result_of(2);
  for (const int block : {1, 2}) {
    for (Epoch& epoch : run_of(result, "b", block).epochs) epoch.steps = 3;
  }
  EXPECT_THAT(differences(result), ElementsAre("steps an epoch: b 3, a 4"));
}

TEST(Certificate, EpochsThatWereLeftAway) {
  Result result = result_of(2);
  run_of(result, "b", 1).epochs.pop_back();
  EXPECT_THAT(differences(result), ElementsAre("epochs in block 1: b 1, its work event 2"));
}

// What epochs did stands for what nobody promised: log lines have no work event.
TEST(Certificate, WithoutAPromiseEpochsSpeak) {
  Result result = result_of(2);
  for (const int block : {1, 2}) {
    OneRun& run = run_of(result, "b", block);
    run.work.samples_per_epoch.reset();
    run.work.epochs.reset();
    for (Epoch& epoch : run.epochs) epoch.samples = 50;
    run.epochs[0].steps = run.epochs[1].steps = 2;
    run.epochs.resize(1);
  }
  EXPECT_THAT(differences(result), ElementsAre("samples an epoch: b 50, a 100",
                                               "steps an epoch: b 2, a 4", "epochs: b 1, a 2"));
}

TEST(Certificate, RunsOfOneContestantAreHeldAgainstItsFirst) {
  Result result = result_of(2);
  run_of(result, "b", 2).work.batch = 64;
  for (Epoch& epoch : run_of(result, "b", 2).epochs) epoch.steps = 2;
  EXPECT_THAT(differences(result), ElementsAre("batch in block 2: b 64, itself before 32",
                                               "steps an epoch in block 2: b 2, itself before 4"));
}

TEST(Certificate, WhatEpochsDoNotSayIsNotKnown) {
  Result result = result_of(2);
  for (const int block : {1, 2}) {
    for (Epoch& epoch : run_of(result, "b", block).epochs)
      epoch.samples = epoch.steps = std::nullopt;
  }
  const Certificate certificate = certify(result, "w");
  EXPECT_TRUE(certificate.ok);
  EXPECT_THAT(certificate.unknown,
              ElementsAre("b does not say its steps an epoch, samples as its epochs did them"));
}

TEST(Certificate, WhoIsNotBelievedIsNotKnown) {
  Result result = result_of(2);
  for (const int block : {1, 2}) run_of(result, "b", block).status = RunStatus::broken_events;
  EXPECT_THAT(certify(result, "w").unknown,
              ElementsAre("b says what cannot be believed of its work"));
}

TEST(Certificate, TimeThatIsLeftOutIsNoted) {
  Result result = result_of(2);
  run_of(result, "b", 1).epochs[0].left_out = 1;
  const Certificate certificate = certify(result, "w");
  EXPECT_TRUE(certificate.ok);
  ASSERT_THAT(certificate.notes, SizeIs(1));
  EXPECT_THAT(certificate.notes[0],
              HasSubstr("b leaves 50.0 % of its epochs out of their seconds"));
}

}  // namespace
}  // namespace treino::experiment
