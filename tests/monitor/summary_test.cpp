// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "treino/monitor/series.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;

Summary example() {
  Summary summary;
  summary.wall_s = 1.25;
  summary.samples = 13;
  summary.missed = 2;
  summary.exit = 143;
  summary.add("cpu_s", Reading::of(0.5125));
  summary.add("peak_pss_mib", Reading::absent("no permission"), 1);
  return summary;
}

TEST(Summary, UnknownIsNullWithItsReasonAndNeverZero) {
  const auto json = nlohmann::json::parse(to_json(example()));
  EXPECT_EQ(json["cpu_s"], 0.513);
  EXPECT_TRUE(json["peak_pss_mib"].is_null());
  EXPECT_EQ(json["status"]["peak_pss_mib"], "no permission");
  EXPECT_TRUE(json["gpu"].is_null());
  EXPECT_EQ(json["samples"], 13);
  EXPECT_EQ(json["missed"], 2);
  EXPECT_EQ(json["exit"], 143);
  EXPECT_THAT(to_text(example()), HasSubstr("unknown: no permission"));
}

TEST(Summary, GpuEntriesStandInTheirOwnObject) {
  Summary summary = example();
  summary.add("gpu.util_pct_mean", Reading::of(12.34), 1);
  summary.add("gpu.energy_j", Reading::absent("not supported"), 1);
  const auto json = nlohmann::json::parse(to_json(summary));
  EXPECT_EQ(json["gpu"]["util_pct_mean"], 12.3);
  EXPECT_TRUE(json["gpu"]["energy_j"].is_null());
  EXPECT_EQ(json["status"]["gpu.energy_j"], "not supported");
}

TEST(Summary, WithoutACommandThereIsNoExit) {
  Summary summary = example();
  summary.exit.reset();
  EXPECT_TRUE(nlohmann::json::parse(to_json(summary))["exit"].is_null());
}

TEST(Cell, UnknownIsEmptyAndAStatusIsAWord) {
  const Column rss{"rss_mib", Kind::gauge, 1, ""}, status{"gpu_status", Kind::status, 0, ""};
  EXPECT_EQ(cell_text(rss, Reading::of(12.345)), "12.3");
  EXPECT_EQ(cell_text(rss, Reading::absent("no permission")), "");
  EXPECT_EQ(cell_text(status, Reading::absent("no driver")), "no driver");
  EXPECT_EQ(cell_text(status, Reading::absent("")), "ok");
}

TEST(Reading, LastingNotesAreKeptOnce) {
  EXPECT_EQ(lasting_note(std::string("driver 550")), lasting_note(std::string("driver 550")));
}

}  // namespace
}  // namespace treino::monitor
