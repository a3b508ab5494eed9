// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <list>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/rng.h"

namespace treino::experiment {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

// Ten runs of a trainer that loads data (no CPU), waits, and then trains: CPU rises from 1 to 2
// cores within each of three epochs of a length of their own.
class Trainers {
 public:
  Trainers(double longest_wait, std::uint64_t seed) {
    Rng rng(seed, 0);
    for (int i = 0; i < 10; ++i) {
      Run& run = runs_.emplace_back();
      run.contestant = "a";
      run.train_start = 1 + longest_wait * rng.uniform();
      double at = 0;
      for (int k = 1; k <= 3; ++k) {
        const double seconds = 2 + rng.uniform();
        run.epochs.push_back({.number = k,
                              .start = at,
                              .stop = at + seconds,
                              .seconds = seconds,
                              .loss = 1.0 / k,
                              .accuracy = 0.5});
        at += seconds;
      }
      Course& course = courses_.emplace_back();
      course.run = &run;
      std::vector<double>& cpu = course.samples.columns["cpu_cores"];
      for (double t = 0.05 * rng.uniform(); t < *run.train_start + at; t += 0.1) {
        course.samples.t.push_back(t);
        double value = 0;
        for (const Epoch& epoch : run.epochs) {
          const double inside = (t - *run.train_start - epoch.start) / epoch.seconds;
          if (inside >= 0 && inside < 1) value = 1 + inside + 0.05 * rng.normal();
        }
        cpu.push_back(value);
      }
    }
  }
  std::span<const Course> courses() const { return courses_; }

 private:
  std::list<Run> runs_;
  std::vector<Course> courses_;
};

TEST(Progress, WaitsBeforeTrainingDoNotMoveIt) {
  const Trainers prompt(0, 1), waiting(10, 2);
  const Curve here = curve_in_progress(prompt.courses(), "cpu_cores");
  const Curve there = curve_in_progress(waiting.courses(), "cpu_cores");
  ASSERT_EQ(here.x.size(), there.x.size());
  ASSERT_GE(here.x.size(), 100u);
  int outside = 0;
  for (std::size_t i = 0; i < here.x.size(); ++i) {
    const bool inside = here.low[i] <= there.middle[i] && there.middle[i] <= here.high[i];
    outside += inside ? 0 : 1;
    const double within = std::fmod(here.x[i], 1);
    if (within < 0.06 || within > 0.94) continue;  // a sample astride two epochs is of both
    EXPECT_NEAR(there.middle[i], 1 + within, 0.15) << here.x[i];
  }
  EXPECT_LE(outside, static_cast<int>(here.x.size()) / 20);
}

TEST(Progress, EpochsOfAnyLengthLieOnOneAnother) {
  const Trainers trainers(5, 3);
  const Curve curve = curve_in_progress(trainers.courses(), "cpu_cores");
  EXPECT_GT(curve.x.front(), 0);
  EXPECT_LT(curve.x.back(), 3);
  EXPECT_NEAR(curve.middle.front(), 1, 0.1);
  EXPECT_NEAR(curve.middle.back(), 2, 0.1);
}

TEST(Seconds, BeginAtTrainStartAndEndWithHalfOfTheRuns) {
  const Trainers trainers(10, 4);
  const Curve curve = curve_in_seconds(trainers.courses(), "cpu_cores", 0.1);
  EXPECT_NEAR(curve.x.front(), 0.05, 0.05);
  EXPECT_NEAR(curve.middle.front(), 1, 0.15) << "waiting is not on this axis";
  std::vector<double> ends;
  for (const Course& course : trainers.courses()) ends.push_back(course.run->epochs.back().stop);
  EXPECT_NEAR(curve.x.back(), median(ends), 0.3);
  EXPECT_LE(curve.x.size(), 151u);
}

TEST(Resample, MeansOverStretchesAndLinesBetweenReadings) {
  const std::vector<double> t = {0.5, 1.5, 2.5, 10.5}, values = {1, 3, 5, 21},
                            edges = {0, 2, 3, 4, 6, 20, 30};
  const std::vector<double> means = resample(t, values, edges);
  ASSERT_EQ(means.size(), 6u);
  EXPECT_DOUBLE_EQ(means[0], 2);
  EXPECT_DOUBLE_EQ(means[1], 5);
  EXPECT_DOUBLE_EQ(means[2], 7);
  EXPECT_DOUBLE_EQ(means[3], 10);
  EXPECT_DOUBLE_EQ(means[4], 21);
  EXPECT_TRUE(std::isnan(means[5])) << "after the last reading nothing is known";
}

TEST(Learning, OnePointAnEpoch) {
  const Trainers trainers(0, 5);
  EXPECT_THAT(learning_curve(trainers.courses(), "loss").middle,
              ElementsAre(1, 0.5, DoubleNear(1.0 / 3, 1e-12)));
}

TEST(Curves, NothingKnownNothingDrawn) {
  const Trainers trainers(0, 6);
  EXPECT_TRUE(curve_in_seconds(trainers.courses(), "gpu_util_pct", 0.1).x.empty());
  EXPECT_TRUE(curve_in_progress(trainers.courses(), "gpu_util_pct").x.empty());
  EXPECT_TRUE(curve_in_seconds({}, "cpu_cores", 0.1).x.empty());
}

TEST(SamplesFile, UnknownCellsStayUnknown) {
  const test::TemporaryFolder folder;
  const Samples samples = read_samples(
      folder.write("s.csv", "t_s,cpu_s,pss_mib,gpu_status\n0.1,0.05,,ok\n0.2,0.15,30,ok\n0.3"));
  ASSERT_EQ(samples.t.size(), 2u) << "a line without its end is no row";
  EXPECT_TRUE(std::isnan(samples.columns.at("pss_mib")[0]));
  EXPECT_NEAR(samples.counter_at("cpu_s", 0.15).value(), 0.10, 1e-12);
  EXPECT_NEAR(samples.counter_at("cpu_s", 0.05).value(), 0.025, 1e-12) << "0 at launch";
  EXPECT_FALSE(samples.counter_at("cpu_s", 0.5));
  EXPECT_EQ(samples.peak("pss_mib", 0, 1), 30);
  EXPECT_FALSE(samples.peak("pss_mib", 0, 0.15));
}

TEST(SamplesFile, MistakesNameFileAndLine) {
  const test::TemporaryFolder folder;
  const auto mistake = [&](const std::string& text) {
    const std::string path = folder.write("s.csv", text);
    return test::error_of([&] { read_samples(path); });
  };
  EXPECT_THAT(mistake("cpu\n"), HasSubstr("s.csv:1: the first column must be t_s"));
  EXPECT_THAT(mistake("t_s,cpu\n1\n"), HasSubstr("s.csv:2: has 1 cells, the header 2"));
  EXPECT_THAT(mistake("t_s,cpu\n2,1\n1,1\n"), HasSubstr("s.csv:3: t_s must be a time not before"));
}

}  // namespace
}  // namespace treino::experiment
