// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/experiment/entry.h"

namespace treino::experiment {
namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ExperimentFile : public testing::Test {
 protected:
  Experiment read(const std::string& text) { return load_experiment(folder.write("x.toml", text)); }
  std::string mistake(const std::string& text) {
    return error_of([&] { entries_of(read(text)); });
  }
  std::vector<std::string> ids(const std::string& text) {
    std::vector<std::string> found;
    for (const Entry& entry : entries_of(read(text))) found.push_back(entry.id);
    return found;
  }
  test::TemporaryFolder folder;
};

const std::string kOne = "[[contestant]]\nname = \"a\"\ncommand = [\"true\"]\n";

TEST_F(ExperimentFile, DefaultsAreThoseOfTheDocs) {
  const Experiment experiment = read(kOne);
  EXPECT_EQ(experiment.name, "x");
  EXPECT_EQ(experiment.repeat, 10);
  EXPECT_EQ(experiment.interval_s, 0.1);
  EXPECT_EQ(experiment.margin, 0.01);
  EXPECT_EQ(experiment.cache, "warm");
  EXPECT_FALSE(experiment.unequal);
}

TEST_F(ExperimentFile, ReadsTimesAndShares) {
  const Experiment experiment = read(
      "interval = \"20ms\"\ntimeout = \"10m\"\ncool_down = 2.5\nmargin = \"2 %\"\nforeign_limit = "
      "0.05\n" +
      kOne);
  EXPECT_DOUBLE_EQ(experiment.interval_s, 0.02);
  EXPECT_DOUBLE_EQ(experiment.timeout_s, 600);
  EXPECT_DOUBLE_EQ(experiment.cool_down_s, 2.5);
  EXPECT_DOUBLE_EQ(experiment.margin, 0.02);
  EXPECT_DOUBLE_EQ(experiment.foreign_limit, 0.05);
}

TEST_F(ExperimentFile, MistakesNameFileAndLine) {
  EXPECT_THAT(mistake("repeat = 0\n" + kOne),
              HasSubstr("x.toml:1: repeat must be a whole number, at least 1"));
  EXPECT_THAT(mistake("name = \"x\"\nrepat = 3\n" + kOne),
              HasSubstr("x.toml:2: repat is not known here; did you mean \"repeat\"?"));
  EXPECT_THAT(mistake("interval = \"fast\"\n" + kOne),
              HasSubstr("x.toml:1: interval must be a time"));
  EXPECT_THAT(mistake("name = \n"), HasSubstr("x.toml:1: "));
  EXPECT_THAT(mistake("name = \"x\"\n"), HasSubstr("contestant is missing"));
  EXPECT_THAT(mistake("cache = \"hot\"\n" + kOne), HasSubstr("x.toml:1: cache \"hot\""));
  EXPECT_THAT(mistake(kOne + "colour = 1\n"),
              HasSubstr("x.toml:4: contestant.colour is not known here"));
  EXPECT_THAT(mistake("[[contestant]]\nname = \"a/b\"\ncommand = [\"x\"]\n"),
              HasSubstr("x.toml:2: contestant.name"));
  EXPECT_THAT(mistake("[[contestant]]\nname = \"a\"\n"),
              HasSubstr("contestant.command is missing"));
  EXPECT_THAT(mistake(kOne + kOne), HasSubstr("stands here twice"));
  EXPECT_THAT(mistake("control = \"b\"\n" + kOne),
              HasSubstr("x.toml:1: control \"b\" is no contestant"));
}

TEST_F(ExperimentFile, WholeNumbersHaveARange) {
  for (const std::string key : {"repeat", "threads", "epochs", "batch", "tries"}) {
    for (const char* value : {"0", "-1", "4294967297", "1.5"}) {
      EXPECT_THAT(
          mistake(key + " = " + value + "\n" + kOne),
          HasSubstr("x.toml:1: " + key + " must be a whole number, at least 1 and at most "))
          << value;
    }
  }
  EXPECT_THAT(mistake("repeat = 4294967297\n" + kOne), HasSubstr("at least 1 and at most 100000"));
  EXPECT_THAT(mistake("seed = -1\n" + kOne),
              HasSubstr("seed must be a whole number, at least 0 and at most 1000000000000000000"));
  EXPECT_EQ(read("seed = 4294967297\n" + kOne).seed, 4294967297u);
  for (const char* key : {"timeout", "interval", "cool_down"}) {
    EXPECT_THAT(mistake(key + std::string(" = inf\n") + kOne), HasSubstr("must be a time"));
  }
}

TEST_F(ExperimentFile, NamesOfFoldersAreNoPaths) {
  for (const std::string work : {"x/../../../precious", "resnet/cifar10", "..", "", "a b"}) {
    const std::string named = "has \"" + work + "\", which cannot name a folder";
    EXPECT_THAT(mistake(kOne + "work = \"" + work + "\"\n"),
                HasSubstr("x.toml:4: contestant.work " + named));
    EXPECT_THAT(mistake("work = \"" + work + "\"\n" + kOne), HasSubstr("x.toml:1: work " + named));
    EXPECT_THAT(mistake("works = [\"a\", \"" + work + "\"]\n" + kOne),
                HasSubstr("x.toml:1: works " + named));
  }
  EXPECT_EQ(ids(kOne + "work = \"resnet-cifar_10.2\"\n").size(), 1u);
}

TEST_F(ExperimentFile, AnUnknownContestantIsNamedWithTheNearest) {
  EXPECT_THAT(
      mistake("[[contestant]]\nuse = \"contestants/kearas\"\nwork = \"mnist\"\n"),
      AllOf(HasSubstr("x.toml:1: contestant.use \"contestants/kearas\" has no contestant.toml"),
            HasSubstr("did you mean \"keras\"?")));
  EXPECT_THAT(error_of([] { load_experiment("sed"); }), HasSubstr("did you mean \"seed\"?"));
}

TEST_F(ExperimentFile, WorksAreSpreadOverContestants) {
  const std::string two =
      "works = [\"mnist\", \"cifar10\"]\n[[contestant]]\nuse = \"contestants/keras\"\n"
      "[[contestant]]\nuse = \"contestants/jax\"\n";
  EXPECT_THAT(ids(two), ElementsAre("keras-mnist", "keras-cifar10", "jax-mnist", "jax-cifar10"));
  EXPECT_EQ(groups_of(entries_of(read(two))).size(), 2u);
}

TEST_F(ExperimentFile, TheOnlyWorkServesACommandToo) {
  const std::vector<Entry> entries =
      entries_of(read(kOne + "[[contestant]]\nuse = \"contestants/keras\"\nwork = \"mnist\"\n"));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].work, "mnist");
  EXPECT_EQ(entries[0].id, "a");
  EXPECT_EQ(entries[1].id, "keras");
}

TEST_F(ExperimentFile, AWorkNobodyHasIsRefused) {
  EXPECT_THAT(mistake("[[contestant]]\nuse = \"contestants/keras\"\nwork = \"mnits\"\n"),
              HasSubstr("contestant \"keras\" has no work \"mnits\"; did you mean \"mnist\"?"));
  EXPECT_THAT(mistake("[[contestant]]\nuse = \"contestants/keras\"\n"),
              HasSubstr("does not say its work"));
}

TEST_F(ExperimentFile, TheControlIsTheSameAgain) {
  const std::vector<Entry> entries = entries_of(read("control = \"a\"\n" + kOne));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].id, "a-control");
  EXPECT_EQ(entries[1].control_of, "a");
  EXPECT_EQ(entries[1].spec.command, entries[0].spec.command);
}

TEST_F(ExperimentFile, PrecisionIsFloat32UnlessSaid) {
  EXPECT_EQ(read(kOne).precision, "float32");
  EXPECT_EQ(read("precision = \"tf32\"\n" + kOne).precision, "tf32");
  EXPECT_THAT(mistake("precision = \"tf23\"\n" + kOne), HasSubstr("did you mean \"tf32\"?"));
}

TEST_F(ExperimentFile, ShippedExperimentsAndContestantsAreReadable) {
  for (const char* name : {"seed", "seed-as-published", "compiled-or-not", "threads", "batch"}) {
    const Experiment experiment = load_experiment(name);
    EXPECT_FALSE(entries_of(experiment).empty()) << name;
    EXPECT_EQ(experiment.name, name);
  }
}

TEST(Placeholders, UnknownOnesAreNamed) {
  EXPECT_EQ(fill_in("--seed={seed}", {{"seed", "3"}}, "x:"), "--seed=3");
  EXPECT_EQ(fill_in("no brace {", {}, "x:"), "no brace {");
  EXPECT_THAT(
      error_of([] {
        fill_in("{sed}", {{"seed", "3"}}, "here");
      }),
      HasSubstr("here: \"{sed}\" has the unknown placeholder {sed}; did you mean \"seed\"?"));
}

}  // namespace
}  // namespace treino::experiment
