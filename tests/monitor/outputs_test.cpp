// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::monitor {
namespace {

using test::TemporaryFolder;

std::vector<std::string> lines(const std::string& path) {
  std::istringstream text(read_whole_file(path));
  std::vector<std::string> all;
  for (std::string line; std::getline(text, line);) all.push_back(line);
  return all;
}

Header header() {
  Header header;
  header.columns = {{"cpu_pct", Kind::rate, 2, "cpu"},       {"cpu_s", Kind::counter, 3, "cpu"},
                    {"rss_mib", Kind::gauge, 1, "rss"},      {"pss_mib", Kind::gauge, 1, "pss"},
                    {"gpu_util_pct", Kind::gauge, 1, "gpu"}, {"gpu_mem_pct", Kind::gauge, 1, "gpu"},
                    {"gpu_status", Kind::status, 0, "state"}};
  header.machine_mib = 1000;
  header.target = "train \"x\"";
  return header;
}

// One row without a GPU and PSS not read, one with all, and an event between them.
void play(Output& output) {
  const char* no_driver = "no driver, none found";
  output.begin(header());
  const std::vector<Reading> first = {Reading::of(50),
                                      Reading::of(0.1),
                                      Reading::of(200),
                                      Reading::absent("slower pace"),
                                      Reading::absent(no_driver),
                                      Reading::absent(no_driver),
                                      Reading::absent(no_driver)};
  output.row({0.1, 0.1, 0, first, {}});
  std::vector<Mark> marks;
  marks.push_back(
      {0.15, std::move(Event("epoch_stop", 9).set("epoch", 1).set("loss", 0.5)), first});
  output.mark(marks[0]);
  const std::vector<Reading> second = {Reading::of(98),    Reading::of(0.2), Reading::of(200),
                                       Reading::of(100),   Reading::of(33),  Reading::of(43.25),
                                       Reading::absent("")};
  output.row({0.7, 0.6, 5, second, marks});
  Summary summary;
  summary.wall_s = 0.7;
  output.end(summary);
}

TEST(Csv, EmptyIsUnknownAndTheReasonIsSaidOnce) {
  const TemporaryFolder folder;
  CsvOutput csv(folder / "a.csv");
  play(csv);
  EXPECT_THAT(
      lines(folder / "a.csv"),
      testing::ElementsAre(
          "t_s,dt_s,missed,cpu_pct,cpu_s,rss_mib,pss_mib,gpu_util_pct,gpu_mem_pct,gpu_status,"
          "event,status",
          "0.100000,0.100000,0,50.00,0.100,200.0,,,,\"no driver, none found\",,"
          "\"pss_mib: slower pace; gpu_util_pct: no driver, none found; gpu_mem_pct: no "
          "driver, none found\"",
          "0.700000,0.600000,5,98.00,0.200,200.0,100.0,33.0,43.2,ok,epoch_stop,"));
}

TEST(JsonLines, EachLineIsWholeJson) {
  const TemporaryFolder folder;
  JsonLinesOutput jsonl(folder / "a.jsonl");
  play(jsonl);
  std::vector<nlohmann::json> all;
  for (const std::string& line : lines(folder / "a.jsonl"))
    all.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0]["kind"], "header");
  EXPECT_EQ(all[0]["target"], "train \"x\"");
  EXPECT_EQ(all[1]["cpu_pct"], 50);
  EXPECT_TRUE(all[1]["pss_mib"].is_null());
  EXPECT_EQ(all[1]["status"]["pss_mib"], "slower pace");
  EXPECT_EQ(all[1]["gpu_status"], "no driver, none found");
  EXPECT_EQ(all[2]["kind"], "event");
  EXPECT_EQ(all[2]["event"]["loss"], 0.5);
  EXPECT_EQ(all[2]["cpu_s"], 0.1);
  EXPECT_FALSE(all[2].contains("rss_mib"));
  EXPECT_EQ(all[3]["missed"], 5);
  EXPECT_EQ(all[3]["gpu_status"], "ok");
  EXPECT_EQ(all[4]["summary"]["wall_s"], 0.7);
}

TEST(UnixStats, TheSeedsHeaderAndDecimalCommas) {
  const TemporaryFolder folder;
  UnixStatsOutput csv(folder / "a.csv");
  play(csv);
  // RAM: 200 MiB resident of 1000; half of it shared, once that is known.
  EXPECT_THAT(lines(folder / "a.csv"),
              testing::ElementsAre("time(s);cpu;ram;gpu;graphic ram", "0,1;50,0000;20,0000;;",
                                   "0,7;98,0000;10,0000;33,0000;43,2500"));
}

TEST(Pretty, TheSeedsLine) {
  const TemporaryFolder folder;
  FILE* file = std::fopen((folder / "a").c_str(), "w");
  PrettyOutput pretty(fileno(file));
  play(pretty);
  std::fclose(file);
  EXPECT_THAT(
      lines(folder / "a"),
      testing::ElementsAre(
          "Elapsed Time: 0.1s    CPU: 50.0%    RAM: 20.0%    GPU: ?    Graphic RAM: ?",
          "-- 0.150s epoch_stop 1  loss 0.5000",
          "Elapsed Time: 0.7s    CPU: 98.0%    RAM: 10.0%    GPU: 33.0%    Graphic RAM: 43.2%"));
}

TEST(LineSink, SaysWhichFileAndWhy) {
  const TemporaryFolder folder;
  EXPECT_THAT(test::error_of([&] { LineSink(folder / "none/x"); }, Fault::work),
              testing::HasSubstr("none/x: cannot be written: No such file"));
  LineSink full("/dev/full");
  EXPECT_EQ(test::error_of([&] { full.write("a\n"); }, Fault::work),
            "/dev/full: cannot be written: No space left on device");
}

TEST(Csv, EveryRowIsInTheFileAsSoonAsItIsWritten) {
  const TemporaryFolder folder;
  CsvOutput csv(folder / "a.csv");
  csv.begin(header());
  EXPECT_EQ(lines(folder / "a.csv").size(), 1u);
  const std::vector<Reading> cells(7);
  for (std::size_t i = 1; i <= 3; ++i) {
    csv.row({0.1, 0.1, 0, cells, {}});
    EXPECT_EQ(lines(folder / "a.csv").size(), 1 + i);
  }
}

}  // namespace
}  // namespace treino::monitor
