// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/history.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/rng.h"

namespace treino::experiment {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

Result result_of(double seconds, const std::string& commit, int blocks, std::uint64_t seed,
                 double accuracy = 0.95) {
  Result result;
  result.name = "smoke";
  result.started = fmt::format("2026-01-0{}T00:00:00Z", seed);
  result.machine = {{"processor", "Test CPU"}, {"commit", commit}};
  result.contestants.push_back({.id = "treino", .name = "treino", .work = "mnist"});
  Rng rng(seed, 0);
  for (int block = 1; block <= blocks; ++block) {
    Run run{.block = block, .contestant = "treino"};
    run.metrics = {{"train_s", seconds * std::exp(0.01 * rng.normal())},
                   {"peak_pss_mib", 50 + rng.uniform()},
                   {"accuracy", accuracy + 0.0001 * rng.normal()}};
    result.runs.push_back(run);
  }
  return result;
}

const Change& change_of(const std::vector<Change>& all, const std::string& metric) {
  for (const Change& one : all) {
    if (one.comparison.metric == metric) return one;
  }
  throw std::logic_error("no change of " + metric);
}

TEST(Changes, SlowerIsSeenAndIsWorse) {
  const Result before = result_of(1.0, "aaa", 10, 1), after = result_of(1.1, "bbb", 10, 2);
  const auto found = changes(before, after);
  EXPECT_EQ(change_of(found, "train_s").comparison.verdict, "slower");
  EXPECT_NEAR(change_of(found, "train_s").comparison.ratio, 1.1, 0.02);
  EXPECT_TRUE(worse(found));
  EXPECT_THAT(changes_markdown(before, after, found), HasSubstr("| treino | training | 1."));
  EXPECT_THAT(changes_markdown(before, after, found), HasSubstr("**slower**"));
}

TEST(Changes, FasterAndTheSameAreNotWorse) {
  EXPECT_FALSE(worse(changes(result_of(1.0, "aaa", 10, 1), result_of(0.8, "bbb", 10, 2))));
  EXPECT_FALSE(worse(changes(result_of(1.0, "aaa", 10, 1), result_of(1.0, "bbb", 10, 2))));
}

TEST(Changes, LessAccuracyIsWorse) {
  EXPECT_TRUE(worse(changes(result_of(1, "aaa", 10, 1, 0.95), result_of(1, "bbb", 10, 2, 0.80))));
  EXPECT_FALSE(worse(changes(result_of(1, "aaa", 10, 1, 0.80), result_of(1, "bbb", 10, 2, 0.95))));
}

TEST(Changes, FewRunsPromiseNothing) {
  const Result before = result_of(1, "aaa", 5, 1), after = result_of(2, "bbb", 5, 2);
  EXPECT_FALSE(worse(changes(before, after)));
  EXPECT_THAT(changes_markdown(before, after, changes(before, after)),
              HasSubstr("So few blocks cannot show every difference"));
}

TEST(Changes, TwoMachinesAreSaid) {
  const Result before = result_of(1, "aaa", 6, 1);
  Result after = result_of(1, "bbb", 6, 2);
  EXPECT_THAT(changes_markdown(before, after, {}), Not(HasSubstr("Two machines")));
  after.machine[0].second = "Other CPU";
  EXPECT_THAT(changes_markdown(before, after, {}), HasSubstr("**Two machines**"));
}

TEST(History, KeptByMachineAndCommitAndFoundAgain) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(setenv("TREINO_RESULTS", folder.path().c_str(), 1), 0);
  const std::string first = keep_result(result_of(1, "aaa111", 2, 1), results_root());
  keep_result(result_of(3, "bbb222", 2, 2), results_root());
  EXPECT_THAT(first, HasSubstr("/smoke/2026-01-01T000000Z-aaa111.json"));
  EXPECT_THAT(kept_results(results_root(), "smoke"), SizeIs(2));
  EXPECT_THAT(kept_results(results_root(), "other"), SizeIs(0));
  EXPECT_EQ(open_result("aaa").started, "2026-01-01T00:00:00Z");
  EXPECT_EQ(open_result("latest").started, "2026-01-02T00:00:00Z");
  EXPECT_EQ(open_result(first).runs.size(), 2u);
  EXPECT_THAT(test::error_of([] { open_result("ccc"); }),
              HasSubstr("ccc: is no experiment's folder"));
  unsetenv("TREINO_RESULTS");
}

}  // namespace
}  // namespace treino::experiment
