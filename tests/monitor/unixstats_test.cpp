// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/unixstats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/monitor/fake_proc.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"
#include "treino/monitor/cpu.h"
#include "treino/monitor/proc.h"
#include "treino/monitor/process_tree.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {
namespace {

using test::error_of;
using testing::HasSubstr;

// As the seed writes: an empty line, then rows; the last without its end.
constexpr const char* kSeed =
    "\n0,0;14,4049;29,2317;2;0\n0,1;14,405;29,2313;2;0\n0,2;14,4051;29,2319;4;0\n0,3;14,4054;29,"
    "229;4;0\n"
    "0,4;14,4055;29,23;4;0";

TEST(UnixStats, ReadsTheSeedsRows) {
  const UnixStatsFile file = parse_unixstats(kSeed, "old.txt");
  ASSERT_EQ(file.rows.size(), 5u);
  EXPECT_FALSE(file.has_header);
  EXPECT_DOUBLE_EQ(file.rows[1].t, 0.1);
  EXPECT_DOUBLE_EQ(file.rows[1].values[0].value, 14.405);
  EXPECT_DOUBLE_EQ(file.rows[4].values[1].value, 29.23);
  EXPECT_DOUBLE_EQ(file.rows[4].values[2].value, 4);
}

TEST(UnixStats, SaysWhatEachColumnIs) {
  const std::string text = describe(parse_unixstats(kSeed, "old.txt"), "old.txt");
  EXPECT_THAT(text, HasSubstr("SINCE BOOT"));
  EXPECT_THAT(text, HasSubstr("WHOLE MACHINE"));
  EXPECT_THAT(text, HasSubstr("0 in every row"));
  EXPECT_THAT(text, HasSubstr("3 of 5 rows repeat"));
  EXPECT_THAT(text, HasSubstr("14.4049"));
  const auto json = nlohmann::json::parse(to_json(parse_unixstats(kSeed, "old.txt")));
  EXPECT_NEAR(json["columns"]["machine_cpu_since_boot_pct"]["variation"], 0.0006, 1e-9);
  EXPECT_EQ(json["columns"]["gpu_name_line_mem_pct"]["zeros"], 5);
}

TEST(UnixStats, AsCsvWithPoints) {
  EXPECT_THAT(to_csv(parse_unixstats(kSeed, "x")), HasSubstr("\n0.1,14.405,29.2313,2,0\n"));
}

TEST(UnixStats, ReadsOurOwnDialectWithUnknowns) {
  const UnixStatsFile file =
      parse_unixstats("time(s);cpu;ram;gpu;graphic ram\r\n0,1;50,0000;20,0000;;\r\n", "own.csv");
  EXPECT_TRUE(file.has_header);
  EXPECT_FALSE(file.rows[0].values[2].known());
  EXPECT_THAT(describe(file, "own.csv"), HasSubstr("unknown"));
}

TEST(UnixStats, MistakesNameTheLine) {
  const auto mistake = [](const char* text) {
    return error_of([text] { parse_unixstats(text, "f.txt"); });
  };
  EXPECT_EQ(mistake("\n\n"), "f.txt: has no rows");
  EXPECT_THAT(mistake("\n0,0;1;2;3"), HasSubstr("f.txt:2: has 4 cells"));
  EXPECT_THAT(mistake("0,0;1;x;3;4"), HasSubstr("f.txt:1: \"x\" is no number"));
  EXPECT_THAT(mistake("0,0;1;1,2,3;3;4"), HasSubstr("is no number"));
  EXPECT_THAT(mistake(";1;2;3;4"), HasSubstr("has no time"));
  EXPECT_THAT(error_of([] { read_unixstats("/nonexistent.txt"); }), HasSubstr("/nonexistent.txt"));
}

TEST(UnixStats, TheProgramReadsAFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("old.txt", kSeed);
  const test::Outcome shown = test::run_treino({"import-unixstats", path});
  EXPECT_EQ(shown.exit, 0);
  EXPECT_THAT(shown.out, HasSubstr("SINCE BOOT"));
  const test::Outcome missing = test::run_treino({"import-unixstats", folder / "none"});
  EXPECT_EQ(missing.exit, 2);
}

std::string proc_stat() {
  ProcReader reader;
  return std::string(reader.read("/proc/stat").value());
}

// A machine 22 minutes after its start, 19.28 % busy till then; for ten seconds a program keeps all
// the cores busy that it may use. The seed's reading moves by 0.6 points, ours says 100 %.
TEST(UnixStats, TenSecondsOfFullLoadUnderBothFormulas) {
  const auto stat = [](double uptime, double busy) {
    const auto ticks = [](double seconds) { return static_cast<long>(seconds * 100); };
    return fmt::format("cpu  {} 0 {} {} 0 0 0 0 0 0\n", ticks(busy * 0.75), ticks(busy * 0.25),
                       ticks(uptime - busy));
  };
  test::FakeProc proc;
  const auto probe = make_cpu_probe({.root = proc.root()});
  Summary before_it;
  probe->summarize(before_it);
  const double cores = before_it.get("cpu_cores_available").value;
  const double uptime = 1320 * cores, busy = 0.1928 * uptime, load = 10 * cores;
  const double seed_before = seeds_cpu_percent(stat(uptime, busy)).value;
  const double seed_after = seeds_cpu_percent(stat(uptime + load, busy + load)).value;

  proc.set({.pid = 10, .parent = 1, .user = 5000});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  std::vector<Reading> cells(3);
  probe->read({Moment::start, 0, 0}, tree, cells);
  proc.set({.pid = 10, .parent = 1, .user = 5000 + static_cast<long>(load * 100)});
  tree.refresh(Tree::Depth::all);
  probe->read({Moment::tick, 10, 10}, tree, cells);
  EXPECT_NEAR(cells[0].value, cores, 1e-6);
  EXPECT_NEAR(cells[1].value, 100, 1e-4);
  EXPECT_NEAR(seed_before, 19.28, 0.01);
  EXPECT_NEAR(seed_after - seed_before, 0.61, 0.02);
}

// And on this machine: what ours reads is what the kernel counted; the seed's cannot move by more
// than the part of the time since boot that went by.
TEST(UnixStats, TheSameLoadOnThisMachine) {
  Launch launch{.command = {TREINO_BINARY, "monitor", "--load", "children", "20", "50"}};
  const std::string before = proc_stat();
  Sampler sampler(std::move(launch), {});
  const Summary summary = sampler.run();
  const std::string after = proc_stat();
  const double kernel = summary.get("cpu_s_rusage").value;
  ASSERT_GE(kernel, 20 * 0.05);
  EXPECT_NEAR(summary.get("cpu_s").value, kernel, 0.03 * kernel);
  EXPECT_NEAR(summary.get("cpu_cores_mean").value, kernel / summary.wall_s,
              0.03 * kernel / summary.wall_s);
  ProcReader reader;
  const std::string uptime(reader.read("/proc/uptime").value());
  const double most = 100 * (summary.wall_s + 1) / std::stod(uptime);
  const double moved = std::abs(seeds_cpu_percent(after).value - seeds_cpu_percent(before).value);
  EXPECT_LT(moved, most);
  EXPECT_FALSE(seeds_cpu_percent("intr 5").known());
}

}  // namespace
}  // namespace treino::monitor
