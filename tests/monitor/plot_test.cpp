// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/plot.h"

#include <gmock/gmock.h>

#include "tests/monitor/rows.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;
using testing::Not;

class PlotTest : public testing::Test {
 protected:
  void SetUp() override {
    history.begin(rows.header);
    for (int i = 1; i <= 100; ++i) {
      rows["cpu_cores"] = Reading::of(1.5);
      rows["pss_mib"] = i % 10 == 0 ? Reading::of(200 + i) : Reading::absent("slower pace");
      rows.marks.clear();
      if (i == 50) {
        rows.marks.push_back({5.0, Event("epoch_start", 0), {}});
        rows.marks.back().event.set("epoch", 2);
      }
      history.add(rows.row(i * 0.1));
    }
  }
  Rows rows;
  History history;
};

TEST_F(PlotTest, draws_what_is_known_and_leaves_out_what_is_not) {
  const std::vector<chart::Chart> charts = charts_of(history);
  ASSERT_EQ(charts.size(), 2U);
  EXPECT_EQ(charts[0].title, "CPU");
  EXPECT_EQ(charts[1].title, "Memory");
  EXPECT_EQ(charts[1].series.size(), 1U);        // RSS was never known
  EXPECT_EQ(charts[1].series[0].x.size(), 10U);  // a slower pace is no gap
  EXPECT_EQ(charts[0].events[0].label, "epoch 2");
}

TEST_F(PlotTest, a_long_silence_is_a_gap) {
  rows["pss_mib"] = Reading::of(900);
  history.add(rows.row(60, 50));
  const chart::Series pss = charts_of(history)[1].series[0];
  EXPECT_EQ(pss.y[pss.y.size() - 1], 900);
  EXPECT_TRUE(std::isnan(pss.y[pss.y.size() - 2]));
}

TEST_F(PlotTest, page_is_one_file_that_tells_what_is_unknown) {
  Summary summary;
  summary.wall_s = 10;
  summary.add("cpu_s", Reading::of(15));
  summary.add("gpu.status", Reading::absent("unsupported: no <driver>"));
  summary.methods.emplace_back("cpu", "cgroup v2 cpu.stat");
  const std::string page = html_of(history, summary);
  EXPECT_THAT(page, HasSubstr("python3 train.py"));
  EXPECT_THAT(page, HasSubstr("unsupported: no &lt;driver&gt;"));
  EXPECT_THAT(page, HasSubstr("cgroup v2 cpu.stat"));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("href=")));
}

TEST_F(PlotTest, writes_the_file_its_name_asks_for) {
  const test::TemporaryFolder folder;
  for (const std::string name : {"a.svg", "a.html"}) {
    PlotOutput output(folder / name);
    output.begin(rows.header);
    output.row(rows.row(1));
    output.end({});
    EXPECT_THAT(read_whole_file(folder / name), HasSubstr("<svg")) << name;
  }
}

TEST_F(PlotTest, a_watch_without_any_row_still_makes_a_file) {
  const test::TemporaryFolder folder;
  PlotOutput output(folder / "empty.svg");
  output.begin(rows.header);
  output.end({});
  EXPECT_THAT(read_whole_file(folder / "empty.svg"), HasSubstr("<svg"));
}

TEST_F(PlotTest, mistakes_are_told_before_the_watch) {
  EXPECT_THAT(test::error_of([] { PlotOutput("a.png"); }), HasSubstr(".svg or .html"));
  EXPECT_THAT(test::error_of([] { PlotOutput("/no/such/folder/a.svg"); }, Fault::work),
              HasSubstr("/no/such/folder"));
}

}  // namespace
}  // namespace treino::monitor
