// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/unixstats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/support/errors.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"
#include "treino/monitor/proc.h"
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

// The same load under both formulas: one thread busy for two seconds. Since boot, two seconds of
// one core are next to nothing; the true reading is what the load took.
TEST(UnixStats, TheSeedsFormulaBarelyMovesWhereOursReadsTheLoad) {
  Launch launch{.command = {TREINO_BINARY, "monitor", "--load", "threads", "2", "2"}};
  const std::string before = proc_stat();
  Sampler sampler(std::move(launch), {});
  const Summary summary = sampler.run();
  const std::string after = proc_stat();
  const double truth = summary.get("cpu_s_rusage").value / summary.wall_s;
  ASSERT_GT(truth, 0.2) << "the load got no CPU at all";
  EXPECT_NEAR(summary.get("cpu_cores_mean").value, truth, 0.03 * truth);
  // What it moves follows from its own terms: at most the part of the time since boot that passed.
  ProcReader reader;
  const std::string uptime(reader.read("/proc/uptime").value());
  const double most = 100 * summary.wall_s / std::stod(uptime);
  const double moved = std::abs(seeds_cpu_percent(after).value - seeds_cpu_percent(before).value);
  EXPECT_LT(moved, most + 0.2);
  const double ours = summary.get("cpu_pct_mean").value;
  if (std::stod(uptime) > 300) {
    EXPECT_LT(moved, ours / 10) << "the seed's reading moved by " << moved << " points, ours is "
                                << ours;
  }
  EXPECT_FALSE(seeds_cpu_percent("intr 5").known());
}

}  // namespace
}  // namespace treino::monitor
