// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/live_frame.h"

#include <gmock/gmock.h>

#include <cmath>
#include <sstream>

#include "tests/monitor/rows.h"
#include "treino/chart/utf8.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;
using testing::Not;

class LiveFrameTest : public testing::Test {
 protected:
  void SetUp() override {
    history.begin(rows.header);
    for (int i = 1; i <= 200; ++i) {
      rows["cpu_cores"] = Reading::of(1 + std::sin(i * 0.1));
      rows["rss_mib"] = Reading::of(i);
      rows["processes"] = Reading::of(3);
      rows["gpu_util_pct"] = rows["gpu_mem_mib"] = gpu;
      history.add(rows.row(i * 0.1));
    }
    state.history = &history;
    state.t = history.end();
    state.help = " q leave";
    state.processes = {{100, 0, "python3", 1.25, 300.5},
                       {101, 1, "worker", 0.5, 20},
                       {102, 2, "deep", std::nan(""), std::nan("")}};
    state.output = {"epoch 1", "epoch 2 loss 0.31"};
  }
  std::string draw(int columns, int rows_high, bool unicode = true) {
    return draw_live(state, columns, rows_high, unicode).text();
  }

  Rows rows;
  History history;
  LiveState state;
  Reading gpu = Reading::absent("unsupported: no driver");
};

TEST_F(LiveFrameTest, shows_graphs_tree_output_and_keys) {
  const std::string screen = draw(110, 30);
  EXPECT_THAT(screen, HasSubstr("python3 train.py"));
  EXPECT_THAT(screen, HasSubstr("CPU 1.913 cores"));
  EXPECT_THAT(screen, HasSubstr("Memory RSS 200 MiB  peak 200"));
  EXPECT_THAT(screen, HasSubstr("    100   1.25    300.5  python3"));
  EXPECT_THAT(screen, HasSubstr("  └ deep"));
  EXPECT_THAT(screen, HasSubstr("102      ?        ?"));  // unknown is not 0
  EXPECT_THAT(screen, HasSubstr("epoch 2 loss 0.31"));
  EXPECT_THAT(screen, HasSubstr(" q leave"));
  EXPECT_THAT(screen, HasSubstr("⣿"));
}

TEST_F(LiveFrameTest, an_unknown_gpu_is_a_line_with_its_reason_and_no_graph) {
  const std::string screen = draw(110, 30);
  EXPECT_THAT(screen, HasSubstr("GPU unsupported: no driver"));
  EXPECT_THAT(screen, Not(HasSubstr("VRAM")));
}

TEST_F(LiveFrameTest, a_gpu_has_its_graphs) {
  rows["gpu_util_pct"] = Reading::of(87);
  rows["gpu_mem_mib"] = Reading::of(2048);
  rows["gpu_status"].note = "inferred";
  history.add(rows.row(20.1));
  const std::string screen = draw(110, 40);
  EXPECT_THAT(screen, HasSubstr("GPU 87 %  peak 87  inferred"));
  EXPECT_THAT(screen, HasSubstr("VRAM 2048 MiB"));
}

TEST_F(LiveFrameTest, fits_every_size) {
  rows["gpu_util_pct"] = Reading::of(87);
  history.add(rows.row(20.1));
  for (int columns = 1; columns < 180; columns += 7) {
    for (int high = 1; high < 70; high += 3) {
      std::istringstream lines(draw(columns, high));
      int count = 0;
      for (std::string line; std::getline(lines, line); ++count) {
        EXPECT_LE(chart::width(line), static_cast<std::size_t>(columns));
      }
      EXPECT_EQ(count, high);
    }
  }
}

TEST_F(LiveFrameTest, is_ascii_where_the_locale_is) {
  for (const char letter : draw(100, 30, false)) EXPECT_GE(letter, 0);
}

TEST_F(LiveFrameTest, zooms_to_the_last_seconds) {
  state.seconds = 5;
  EXPECT_THAT(draw(110, 30), HasSubstr("CPU"));
  // All that was before is off the screen: the axis follows what is shown.
  rows["cpu_cores"] = Reading::of(0.5);
  for (int i = 201; i <= 300; ++i) history.add(rows.row(i * 0.1));
  const std::string screen = draw(110, 30);
  EXPECT_THAT(screen, HasSubstr("\n1  │"));
  state.seconds = 0;
  EXPECT_THAT(draw(110, 30), HasSubstr("\n2  │"));
}

TEST_F(LiveFrameTest, scrolls_and_sorts_processes) {
  state.processes.clear();
  for (int i = 0; i < 100; ++i) {
    state.processes.push_back({1000 + i, 0, "p" + std::to_string(i), i == 77 ? 2.0 : 0.1, 1});
  }
  EXPECT_THAT(draw(110, 30), HasSubstr("more"));
  state.first_process = 90;
  EXPECT_THAT(draw(110, 30), HasSubstr("p95"));
  state.first_process = 0;
  state.processes_by_cpu = true;
  const std::string sorted = draw(110, 30);
  EXPECT_LT(sorted.find("   1077   2.00"), sorted.find("   1000   0.10"));
}

TEST_F(LiveFrameTest, names_with_control_characters_do_no_harm) {
  state.processes[0].name = "evil\x1b[2J\n\xff";
  state.output = {"\x1b]0;title\a"};
  const std::string screen = draw(110, 30);
  EXPECT_THAT(screen, Not(HasSubstr("\x1b")));
  EXPECT_THAT(screen, Not(HasSubstr("\a")));
}

TEST_F(LiveFrameTest, before_the_first_row) {
  History empty;
  empty.begin(rows.header);
  state.history = &empty;
  state.t = 0;
  EXPECT_THAT(draw(100, 30), HasSubstr("CPU unknown"));
}

}  // namespace
}  // namespace treino::monitor
