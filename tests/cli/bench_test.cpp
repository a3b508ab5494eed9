// SPDX-License-Identifier: Apache-2.0
// `treino bench` and `treino report` as a user calls them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Bench : public testing::Test {
 protected:
  void SetUp() override {
    folder.write(
        "x.toml",
        "name = \"x\"\nrepeat = 6\ninterval = \"20ms\"\ncool_down = 0\nforeign_limit = 1000.0\n"
        "[[contestant]]\nname = \"short\"\ncommand = [\"sleep\", \"0.02\"]\n"
        "[[contestant]]\nname = \"long\"\ncommand = [\"sleep\", \"0.5\"]\n");
  }
  Outcome treino(std::vector<std::string> arguments, const std::string& until = {}) const {
    return run_treino({.arguments = std::move(arguments),
                       .folder = folder.path(),
                       .environment = {"TREINO_RESULTS=" + (folder / "kept")},
                       .interrupt_after = until});
  }
  TemporaryFolder folder;
};

TEST_F(Bench, FromExperimentToReport) {
  const Outcome bench = treino({"bench", "x.toml", "--out", "out"});
  EXPECT_EQ(bench.exit, 0) << bench.err;
  EXPECT_EQ(bench.out, "") << "standard output is for data";
  EXPECT_THAT(bench.err,
              AllOf(HasSubstr("block 6/6"), HasSubstr("short is"), HasSubstr("faster than long"),
                    HasSubstr("report: out/report.html")));
  EXPECT_THAT(read_whole_file(folder / "out/report.html"), HasSubstr("<!DOCTYPE html>"));

  const Outcome report = treino({"report", "out", "--json"});
  const auto comparisons = nlohmann::json::parse(report.out)["comparisons"];
  EXPECT_EQ(comparisons[0]["metric"], "wall_s");
  EXPECT_EQ(comparisons[0]["verdict"], "faster");
  EXPECT_LT(comparisons[0]["ratio"], 0.5);
  EXPECT_EQ(treino({"report", "out", "--md"}).out.substr(0, 2), "# ");
  EXPECT_EQ(treino({"report", "out", "-o", "again.html"}).exit, 0);
  EXPECT_EQ(read_whole_file(folder / "again.html"), read_whole_file(folder / "out/report.html"));

  EXPECT_THAT(treino({"bench", "history", "x"}).out, HasSubstr("/x/20"));
  const Outcome same = treino({"bench", "compare", "out", "latest"});
  EXPECT_EQ(same.exit, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("Nothing got worse"));
}

// A result is published: the folders of the machine it was made on are nobody's business.
TEST_F(Bench, TheResultNamesNoFolderOfThisMachine) {
  folder.write("ours.toml",
               "name = \"ours\"\nrepeat = 1\ninterval = \"20ms\"\ncool_down = 0\n"
               "foreign_limit = 1000.0\nworks = [\"mnist\"]\n"
               "[[contestant]]\nuse = \"contestants/treino\"\n");
  treino({"bench", "ours.toml", "--out", "out", "--data", folder / "nothing"});
  const auto result = nlohmann::json::parse(read_whole_file(folder / "out/result.json"));
  const std::string command = result["contestants"][0]["command"].dump();
  EXPECT_THAT(command, HasSubstr(R"(["treino","train","mnist")"));
  EXPECT_THAT(command, HasSubstr(R"("{scratch}/run")"));
  EXPECT_THAT(command, testing::Not(HasSubstr(folder.path())));
}

TEST_F(Bench, StoppedAndGoneOnWith) {
  const Outcome stopped = treino({"bench", "x.toml", "--out", "out"}, "block 2/6");
  EXPECT_EQ(stopped.exit, 130);
  EXPECT_THAT(stopped.err, HasSubstr("go on with: treino bench x.toml --out out --resume"));
  const Outcome resumed = treino({"bench", "x.toml", "--out", "out", "--resume"});
  EXPECT_EQ(resumed.exit, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("runs are there already"));
  const auto report = nlohmann::json::parse(treino({"report", "out", "--json"}).out);
  EXPECT_EQ(report["comparisons"][0]["n"], 6);
}

TEST_F(Bench, DryRunWritesNothing) {
  const Outcome dry = treino({"bench", "x.toml", "--dry-run"});
  EXPECT_EQ(dry.exit, 0);
  EXPECT_THAT(dry.out, AllOf(HasSubstr("short: sleep 0.02"), HasSubstr("block 6:")));
  EXPECT_FALSE(std::filesystem::exists(folder / "results"));
}

TEST_F(Bench, MistakesAreOneLineAndExitTwo) {
  folder.write("bad.toml", "repeat = 3\n[[contestant]]\nuse = \"contestants/kears\"\n");
  const Outcome unknown = treino({"bench", "bad.toml"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_THAT(unknown.err, HasSubstr("treino: bad.toml:2: contestant.use \"contestants/kears\" has "
                                     "no contestant.toml; did you mean \"keras\"?"));
  EXPECT_EQ(treino({"bench"}).exit, 2);
  EXPECT_EQ(treino({"report", "nowhere"}).exit, 2);
  EXPECT_EQ(treino({"report", ".", "--md", "--csv"}).exit, 2);
}

TEST_F(Bench, AContestantThatNeverRanMakesTheExitOne) {
  folder.write("y.toml",
               "repeat = 2\ncool_down = 0\nforeign_limit = 1000.0\n[[contestant]]\nname = "
               "\"ghost\"\ncommand = [\"no-such-program\"]\n"
               "[[contestant]]\nname = \"real\"\ncommand = [\"true\"]\n");
  const Outcome bench = treino({"bench", "y.toml", "--out", "out"});
  EXPECT_EQ(bench.exit, 1);
  EXPECT_THAT(bench.err, AllOf(HasSubstr("ghost: given up after 2 failures; the others go on"),
                               HasSubstr("report: out/report.html")));
}

}  // namespace
}  // namespace treino::test
