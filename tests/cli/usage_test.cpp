// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace treino::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> command_names() {
  std::istringstream help(run_treino({"--help"}).out);
  std::vector<std::string> names;
  bool listed = false;
  for (std::string line; std::getline(help, line);) {
    if (line == "Subcommands:") {
      listed = true;
    } else if (listed && line.rfind("  ", 0) == 0 && line[2] != ' ') {
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
    } else if (listed && line.empty()) {
      break;
    }
  }
  return names;
}

TEST(Usage, AResultThatCannotBeWrittenIsAFailure) {
  for (const char* command : {"recipes", "completion bash", "--help"}) {
    for (const char* place : {">/dev/full", ">&-"}) {
      const Outcome outcome = run_shell(std::string(TREINO_BINARY) + " " + command + " " + place);
      EXPECT_EQ(outcome.exit, 1) << command << place;
      EXPECT_THAT(outcome.err, HasSubstr("standard output cannot be written"));
    }
  }
}

TEST(Usage, AnEmptyRecipeSaysWhatIsMissing) {
  const TemporaryFolder folder;
  folder.write("empty.toml", "");
  const Outcome outcome = run_treino({"train", "empty.toml"}, folder.path());
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.err, HasSubstr("empty.toml: no layers; write [[model]] before each layer"));
}

TEST(Usage, EveryCommandHasHelpWithExamples) {
  const std::vector<std::string> names = command_names();
  ASSERT_GE(names.size(), 7U);
  for (const std::string& name : names) {
    const Outcome help = run_treino({name, "--help"});
    EXPECT_EQ(help.exit, 0) << name;
    EXPECT_THAT(help.out, HasSubstr("Example")) << name;
    EXPECT_THAT(help.out, HasSubstr("treino " + name)) << name;
  }
}

TEST(Usage, VersionGoesToStandardOutput) {
  const Outcome version = run_treino({"--version"});
  EXPECT_EQ(version.exit, 0);
  EXPECT_THAT(version.out, StartsWith("treino "));
}

struct Mistake {
  std::vector<std::string> arguments;
  std::string text;
};

TEST(Usage, AMistakeIsOneLineAndExitTwo) {
  const Mistake mistakes[] = {
      {{}, "see treino --help"},
      {{"trian", "mnist"}, "did you mean \"train\""},
      {{"train"}, "RECIPE is required"},
      {{"train", "mnits"}, "did you mean \"mnist\""},
      {{"train", "mnist", "--epochs", "0"}, "--epochs 0"},
      {{"train", "mnist", "--epochs", "three"}, "--epochs three"},
      {{"train", "mnist", "--rate", "nan"}, "--rate nan"},
      {{"train", "mnist", "--rate", "inf"}, "--rate inf"},
      {{"train", "mnist", "--rate", "-1"}, "--rate -1"},
      {{"train", "mnist", "--optimizer", "adm"}, "did you mean \"adam\""},
      {{"train", "mnist", "--batch", "-5"}, "--batch -5"},
      {{"train", "mnist", "--threads", "0"}, "--threads"},
      {{"train", "mnist", "--device", "tpu"}, "tpu"},
      {{"train", "mnist", "--data", "nowhere"}, "nowhere"},
      {{"train", "mnist", "--set", "train.batch"}, "key=value"},
      {{"train", "mnist", "--set", "train.bacth=3"}, "did you mean \"batch\""},
      {{"train", "mnist", "--set", "model.dense_7.units=3"}, "dense_7"},
      {{"train", "nowhere/x.toml"}, "nowhere/x.toml"},
      {{"train", "--resume", "nowhere"}, "nowhere"},
      {{"train", "mnist", "--bogus"}, "--bogus"},
      {{"summary"}, "RECIPE"},
      {{"eval", "nowhere"}, "nowhere"},
      {{"predict", "nowhere", "x.png"}, "nowhere"},
      {{"completion", "tcsh"}, "tcsh"},
  };
  for (const Mistake& mistake : mistakes) {
    const Outcome outcome = run_treino(mistake.arguments);
    EXPECT_EQ(outcome.exit, 2) << mistake.text;
    EXPECT_THAT(outcome.err, StartsWith("treino: ")) << mistake.text;
    EXPECT_THAT(outcome.err, HasSubstr(mistake.text));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(outcome.out, "") << mistake.text;
  }
}

TEST(Usage, MistakesInRecipesNameFileAndLine) {
  const TemporaryFolder folder;
  const std::string head = "data = \"mnist\"\n[[model]]\n";
  const std::pair<std::string, std::string> recipes[] = {
      {head + "dens = { units = 3 }\n", ":3: "},
      {head + "conv2d = { filters = 8, kernel = 29 }\n", ":3: "},
      {head + "dense = { units = 0 }\n", ":3: "},
      {head + "dense = { units = 3, unis = 4 }\n", ":3: "},
      {head + "flatten = {}\n[train]\nloss = \"cross\"\n", ":5: "},
      {head + "flatten = {}\n[train]\nbatch = \"many\"\n", ":5: "},
      {"data = \n", ":1: "},
  };
  for (const auto& [text, place] : recipes) {
    folder.write("wrong.toml", text);
    const Outcome outcome = run_treino(
        {"train", "wrong.toml", "--no-download", "--data", "generated:images"}, folder.path());
    EXPECT_EQ(outcome.exit, 2) << text;
    EXPECT_THAT(outcome.err, HasSubstr("treino: wrong.toml" + place)) << text;
  }
}

TEST(Usage, SummaryAsTableJsonAndDot) {
  EXPECT_THAT(run_treino({"summary", "mnist"}).out, HasSubstr("101,770"));
  const auto json = nlohmann::json::parse(run_treino({"summary", "cifar10", "--json"}).out);
  EXPECT_EQ(json.at("parameters"), 167754);
  EXPECT_THAT(run_treino({"summary", "resnet", "--dot"}).out, StartsWith("digraph"));
  EXPECT_THAT(run_treino({"summary", "mnist", "--set", "model.dense_1.units=64"}).out,
              HasSubstr("50,890"));
  EXPECT_THAT(run_treino({"summary", "mnist", "--model", "lenet5"}).out, HasSubstr("conv2d_1"));
}

TEST(Usage, RecipesAreListed) {
  const Outcome list = run_treino({"recipes"});
  EXPECT_THAT(list.out, HasSubstr("cifar10-axon"));
  EXPECT_THAT(run_treino({"recipes", "--names"}).out, HasSubstr("\nmnist\n"));
  EXPECT_THAT(run_treino({"recipes", "--reference"}).out, HasSubstr("| `conv2d` |"));
}

TEST(Usage, DoctorSaysWhatIsMissingAndTheRemedy) {
  const Outcome text = run_treino({"doctor"});
  EXPECT_EQ(text.exit, 0);
  EXPECT_THAT(text.out, HasSubstr("processor"));
  EXPECT_THAT(text.out, HasSubstr("threads"));
  const auto json = nlohmann::json::parse(run_treino({"doctor", "--json"}).out);
  for (const auto& finding : json.at("trainer")) {
    EXPECT_TRUE(finding.at("ok") || !finding.at("remedy").get<std::string>().empty()) << finding;
  }
  for (const auto& finding : json.at("monitor")) {
    EXPECT_FALSE(finding.at("text").get<std::string>().empty()) << finding;
  }
}

TEST(Usage, DoctorNamesAFolderThatCannotBeWritten) {
  Invocation invocation;
  invocation.arguments = {"doctor"};
  invocation.environment = {"XDG_CACHE_HOME=/proc"};
  const Outcome outcome = run_treino(invocation);
  EXPECT_THAT(outcome.out, HasSubstr("missing cache"));
}

TEST(Usage, CompletionScriptsAreValidAndKnowTheOptions) {
  const TemporaryFolder folder;
  const Outcome bash = run_treino({"completion", "bash"});
  folder.write("completion.bash", bash.out);
  const Outcome completed =
      run_shell("source " + (folder / "completion.bash") +
                "; COMP_WORDS=(treino train --ep); COMP_CWORD=2; _treino; echo ${COMPREPLY[@]}; "
                "COMP_WORDS=(treino su); COMP_CWORD=1; _treino; echo ${COMPREPLY[@]}");
  EXPECT_EQ(completed.out, "--epochs\nsummary\n") << completed.err;
  EXPECT_THAT(run_treino({"completion", "zsh"}).out, HasSubstr("#compdef treino"));
  EXPECT_THAT(run_treino({"completion", "fish"}).out, HasSubstr("-l epochs"));
}

TEST(Usage, ABinaryWithoutItsRecipesSaysWhereItLooked) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "bin");
  std::filesystem::copy_file(TREINO_BINARY, folder / "bin/treino");
  const test::Outcome outcome =
      test::run_shell("cd " + folder.path() + " && bin/treino train mnist");
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.err, testing::HasSubstr("unknown recipe \"mnist\"; looked in " +
                                              (folder / "share/treino/recipes") +
                                              " and recipes; give the path of a .toml file"));
}

}  // namespace
}  // namespace treino::test
