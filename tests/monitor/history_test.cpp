// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/history.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/monitor/rows.h"

namespace treino::monitor {
namespace {

TEST(History, keeps_rows_with_their_gaps) {
  Rows rows;
  History history;
  history.begin(rows.header);
  rows["cpu_cores"] = Reading::of(1);
  history.add(rows.row(0.1));
  rows["cpu_cores"] = Reading::absent("gone");
  history.add(rows.row(0.2));
  const History::Track* cpu = history.track("cpu_cores");
  ASSERT_NE(cpu, nullptr);
  EXPECT_EQ(cpu->mean[0], 1);
  EXPECT_TRUE(std::isnan(cpu->mean[1]));
  EXPECT_TRUE(cpu->known);
  EXPECT_STREQ(cpu->why, "gone");
  EXPECT_FALSE(history.track("gpu_util_pct")->known);
  EXPECT_EQ(history.track("no_such_column"), nullptr);
}

TEST(History, of_a_day_is_small_and_loses_no_extreme) {
  Rows rows;
  History history(1024);
  history.begin(rows.header);
  const int count = 864000;  // ten a second
  double sum = 0;
  for (int i = 1; i <= count; ++i) {
    const double value = i == 600000 ? 64 : i % 2;
    sum += value;
    rows["cpu_cores"] = Reading::of(value);
    rows["pss_mib"] = i % 50 == 0 ? Reading::of(500) : Reading::absent("read at a slower pace");
    history.add(rows.row(i * 0.1));
  }
  const History::Track* cpu = history.track("cpu_cores");
  ASSERT_LT(history.times().size(), 1024U);
  EXPECT_GE(history.times().size(), 512U);
  EXPECT_EQ(cpu->peak, 64);
  double highest = 0;
  double weighted = 0;
  double before = 0;
  for (std::size_t i = 0; i < history.times().size(); ++i) {
    highest = std::max(highest, cpu->high[i]);
    weighted += cpu->mean[i] * (history.times()[i] - before);
    before = history.times()[i];
    // Each kept row stands for many readings of the slower pace.
    EXPECT_FALSE(std::isnan(history.track("pss_mib")->mean[i])) << i;
    EXPECT_NEAR(history.times()[i], (static_cast<double>(i) + 1) * history.times()[0],
                history.times()[0]);
  }
  EXPECT_EQ(highest, 64);
  EXPECT_NEAR(weighted, sum * 0.1, 1);  // the integral of the means is the integral of the rows
  EXPECT_NEAR(history.times().back(), 86400, 1e-6);
}

TEST(History, bounds_its_events_and_says_how_many_are_missing) {
  Rows rows;
  History history;
  history.begin(rows.header);
  for (int i = 0; i < 1500; ++i) {
    rows.marks.push_back({i * 0.1, Event("epoch_start", 0), {}});
    rows.marks.back().event.set("epoch", i);
  }
  history.add(rows.row(150));
  EXPECT_EQ(history.events().size(), 1000U);
  EXPECT_EQ(history.events_left_out(), 500U);
}

TEST(History, names_events_for_people) {
  Event epoch("epoch_start", 0);
  epoch.set("epoch", 2);
  EXPECT_EQ(label_of(epoch), "epoch 2");
  EXPECT_EQ(label_of(Event("train_stop", 0)), "train stop");
  Event eval("eval", 0);
  eval.set("split", "test");
  EXPECT_EQ(label_of(eval), "eval test");
}

}  // namespace
}  // namespace treino::monitor
