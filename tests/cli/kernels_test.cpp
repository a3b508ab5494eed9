// SPDX-License-Identifier: Apache-2.0
// Which kernels a training takes: pinned, recorded in the run's folder, given back on resume.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::test {
namespace {

using testing::HasSubstr;

// Its second convolution is one that the table gives to Winograd.
class Kernels : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("wide.toml",
                  "data = \"generated:images:200:50\"\n"
                  "[[model]]\nconv2d = { filters = 16, kernel = 3, padding = \"same\", "
                  "activation = \"relu\" }\n"
                  "[[model]]\nconv2d = { filters = 16, kernel = 3, padding = \"same\" }\n"
                  "[[model]]\nflatten = {}\n"
                  "[[model]]\ndense = { units = 4, activation = \"softmax\" }\n"
                  "[train]\nepochs = 2\n");
  }

  Outcome treino(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    Invocation invocation;
    invocation.arguments = std::move(arguments);
    invocation.folder = folder_.path();
    invocation.environment = std::move(environment);
    return run_treino(invocation);
  }
  void train(const std::string& out, std::vector<std::string> more = {},
             std::vector<std::string> environment = {}) {
    std::vector<std::string> arguments{"train", "wide.toml", "--out", out, "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = treino(arguments, std::move(environment));
    ASSERT_EQ(outcome.exit, 0) << outcome.err;
  }
  std::string weights(const std::string& run) const {
    return read_whole_file(folder_ / (run + "/model.safetensors"));
  }
  nlohmann::json record(const std::string& run) const {
    return nlohmann::json::parse(read_whole_file(folder_ / (run + "/environment.json")));
  }
  void set_record(const std::string& run, const nlohmann::json& json) const {
    write_whole_file(folder_ / (run + "/environment.json"), json.dump());
  }
  // Kernels of the record that serve convolutions, each once.
  std::set<std::string> convolutions(const std::string& run) const {
    std::set<std::string> kernels;
    const nlohmann::json ops = record(run).at("choices").at("ops");
    for (const auto& choice : ops) {
      if (choice.at("op").get<std::string>().rfind("conv2d", 0) == 0)
        kernels.insert(choice.at("kernel").get<std::string>());
    }
    return kernels;
  }
  bool has_winograd(const std::string& run) const { return convolutions(run).contains("winograd"); }

  TemporaryFolder folder_;
};

TEST_F(Kernels, ExactGivesTheBitsOfTheDirectKernels) {
  train("exact", {"--exact"});
  train("direct", {}, {"TREINO_CONVOLUTION=direct"});
  train("winograd", {}, {"TREINO_CONVOLUTION=winograd"});
  EXPECT_EQ(weights("exact"), weights("direct"));
  EXPECT_NE(weights("exact"), weights("winograd"));  // else this test would say nothing
  EXPECT_EQ(convolutions("exact"), std::set<std::string>{"direct"});
  EXPECT_TRUE(convolutions("winograd").contains("winograd"));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"eval", "winograd", "--json"},
        {"profile", "wide.toml", "--json", "--seconds", "0.01", "--set",
         "input.shape=[16,16,1]"}}) {
    std::vector<std::string> exact = command;
    exact.push_back("--exact");
    const Outcome pinned = treino(exact);
    ASSERT_EQ(pinned.exit, 0) << pinned.err;
    EXPECT_EQ(pinned.out.find("winograd"), std::string::npos);
  }
  EXPECT_EQ(treino({"eval", "winograd", "--json", "--exact"}).out,
            treino({"eval", "winograd", "--json"}, {"TREINO_CONVOLUTION=direct"}).out);
  const Outcome both = treino({"train", "wide.toml", "--exact"}, {"TREINO_CONVOLUTION=winograd"});
  EXPECT_EQ(both.exit, 2);
  EXPECT_THAT(both.err, HasSubstr("--exact contradicts TREINO_CONVOLUTION=winograd"));
}

TEST_F(Kernels, EveryHeavyOpIsRecordedOnce) {
  train("run");
  const auto choices = record("run").at("choices");
  EXPECT_FALSE(choices.at("instruction_set").get<std::string>().empty());
  std::set<std::string> seen;
  std::map<std::string, int> ops;
  for (const auto& choice : choices.at("ops")) {
    const std::string op = choice.at("op");
    EXPECT_TRUE(seen.insert(op + choice.at("shape").get<std::string>()).second);
    EXPECT_GE(choice.at("slices").get<int>(), 1);
    ++ops[op];
  }
  // Two layers, each in a training step of 32 and of the last 8, and in evaluation of 50.
  EXPECT_EQ(ops["conv2d"], 6);
  EXPECT_EQ(ops["conv2d_grad_kernel"], 4);
  EXPECT_EQ(ops["conv2d_grad_input"], 2);
  EXPECT_EQ(ops["matmul"], 7);
}

TEST_F(Kernels, AResumedRunTakesTheRecordedKernels) {
  train("whole", {"--epochs", "3"}, {"TREINO_CONVOLUTION=direct"});
  train("parts", {}, {"TREINO_CONVOLUTION=direct"});
  train("table", {"--epochs", "3"});
  const Outcome resumed = treino({"train", "--resume", "parts", "--epochs", "3", "--quiet"});
  ASSERT_EQ(resumed.exit, 0) << resumed.err;
  EXPECT_EQ(weights("parts"), weights("whole"));
  if (has_winograd("table")) EXPECT_NE(weights("parts"), weights("table"));
}

TEST_F(Kernels, AResumedRunTakesTheRecordedInstructionSet) {
  train("whole", {"--epochs", "3"}, {"TREINO_ISA=portable"});
  train("parts", {}, {"TREINO_ISA=portable"});
  ASSERT_EQ(treino({"train", "--resume", "parts", "--epochs", "3", "--quiet"}).exit, 0);
  EXPECT_EQ(weights("parts"), weights("whole"));
  EXPECT_EQ(record("parts").at("choices").at("instruction_set"), "portable");
}

TEST_F(Kernels, WhatCannotRunHereIsNotResumed) {
  train("run", {}, {"TREINO_CONVOLUTION=direct"});
  const nlohmann::json recorded = record("run");
  const std::string before = weights("run");
  const auto refused = [&](const nlohmann::json& changed, std::vector<std::string> environment = {},
                           std::vector<std::string> more = {}) {
    set_record("run", changed);
    std::vector<std::string> arguments{"train", "--resume", "run", "--epochs", "3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = treino(arguments, std::move(environment));
    EXPECT_EQ(outcome.exit, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("treino: run: "));
    EXPECT_THAT(outcome.err, HasSubstr("train anew"));
    return outcome.err;
  };
  const auto with_kernel = [&](const std::string& kernel, std::size_t number) {
    nlohmann::json changed = recorded;
    changed["choices"]["ops"][number]["kernel"] = kernel;
    return changed;
  };
  nlohmann::json set = recorded;
  set["choices"]["instruction_set"] = "sve2";
  EXPECT_THAT(refused(set),
              HasSubstr("instruction set \"sve2\", which this machine does not have"));
  set = recorded;
  set["choices"]["revision"] = 1000;
  EXPECT_THAT(refused(set), HasSubstr("added in another order (revision 1000 of the arithmetic"));
  EXPECT_THAT(refused(with_kernel("fft", 0)), HasSubstr("kernel \"fft\", which this version"));
  // One input channel: Winograd serves it, but its record says direct to the line of the op.
  EXPECT_THAT(refused(with_kernel("winograd", 0)), HasSubstr("winograd now"));
  nlohmann::json slices = recorded;
  slices["choices"]["ops"][0]["slices"] = 99;
  EXPECT_THAT(refused(slices), HasSubstr("was cut into 99 slices"));
  EXPECT_THAT(refused(recorded, {"TREINO_CONVOLUTION=winograd"}),
              HasSubstr("TREINO_CONVOLUTION would change the mathematics"));
  EXPECT_EQ(weights("run"), before);
  set_record("run", recorded);
  EXPECT_EQ(treino({"train", "--resume", "run", "--epochs", "3", "--exact", "--quiet"}).exit, 0);

  train("other", {}, {"TREINO_CONVOLUTION=winograd"});
  const Outcome exact = treino({"train", "--resume", "other", "--epochs", "3", "--exact"});
  EXPECT_EQ(exact.exit, 2);
  EXPECT_THAT(exact.err, HasSubstr("--exact would change the mathematics"));
}

TEST_F(Kernels, TunedOnesAreTakenWhereAskedForAlone) {
  const std::vector<std::string> cache{"XDG_CACHE_HOME=" + (folder_ / "cache")};
  train("plain", {}, cache);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cache/treino/kernels.json"));
  train("tuned", {"--tune"}, cache);
  train("one", {"--tune", "--threads", "1"}, cache);
  train("four", {"--tune", "--threads", "4"}, cache);
  EXPECT_EQ(weights("one"), weights("tuned"));  // what was measured with other threads is taken
  EXPECT_EQ(weights("four"), weights("tuned"));
  // Whatever was measured: turned around, so that what is taken must come from the file.
  const std::string file = folder_ / "cache/treino/kernels.json";
  nlohmann::json known = nlohmann::json::parse(read_whole_file(file));
  ASSERT_FALSE(known.at("answers").empty());
  for (auto& answer : known["answers"]) {
    EXPECT_TRUE(answer.at("microseconds").contains(answer.at("kernel").get<std::string>()));
    answer["kernel"] = "direct";
  }
  write_whole_file(file, known.dump());
  const Outcome again =
      treino({"train", "wide.toml", "--out", "again", "--tune", "--epochs", "1"}, cache);
  ASSERT_EQ(again.exit, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr(" measured before)"));
  EXPECT_EQ(convolutions("again"), std::set<std::string>{"direct"});
  train("direct", {"--epochs", "1"}, {"TREINO_CONVOLUTION=direct"});
  EXPECT_EQ(weights("again"), weights("direct"));
  train("later", {}, cache);
  EXPECT_EQ(weights("later"), weights("plain"));  // a plain run does not look at the file
  // Goes on with its record, not with the file.
  std::filesystem::remove(file);
  ASSERT_EQ(treino({"train", "--resume", "again", "--epochs", "2", "--quiet"}, cache).exit, 0);
  train("whole", {}, {"TREINO_CONVOLUTION=direct"});
  EXPECT_EQ(weights("again"), weights("whole"));
  EXPECT_FALSE(std::filesystem::exists(file));

  for (const std::vector<std::string>& refused :
       {std::vector<std::string>{"train", "--resume", "again", "--tune"},
        {"train", "wide.toml", "--tune", "--exact"}}) {
    const Outcome outcome = treino(refused, cache);
    EXPECT_EQ(outcome.exit, 2);
    EXPECT_THAT(outcome.err, HasSubstr("--tune"));
  }
}

TEST_F(Kernels, ADamagedCacheIsOneWarningAndWrittenAnew) {
  const std::vector<std::string> cache{"XDG_CACHE_HOME=" + (folder_ / "cache")};
  const std::string file = folder_ / "cache/treino/kernels.json";
  std::filesystem::create_directories(folder_ / "cache/treino");
  write_whole_file(file, "{\"answers\": [");
  const std::vector<std::string> tune{
      "tune", "wide.toml", "--set", "input.shape=[16,16,1]", "--milliseconds", "1"};
  const Outcome damaged = treino(tune, cache);
  EXPECT_EQ(damaged.exit, 0);
  EXPECT_THAT(damaged.err, HasSubstr("warning: " + file + ": is damaged"));
  EXPECT_EQ(std::count(damaged.err.begin(), damaged.err.end(), '\n'), 1) << damaged.err;
  const Outcome mended = treino(tune, cache);
  EXPECT_EQ(mended.err, "");
  EXPECT_THAT(mended.out, HasSubstr("(known)"));
  const Outcome nowhere = treino(tune, {"XDG_CACHE_HOME=/proc"});
  EXPECT_EQ(nowhere.exit, 0);
  EXPECT_THAT(nowhere.err, HasSubstr("XDG_CACHE_HOME"));
}

TEST_F(Kernels, TwoTuneAtOnceAndAgree) {
  const std::string one = "XDG_CACHE_HOME=" + (folder_ / "cache") + " " + TREINO_BINARY + " tune " +
                          (folder_ / "wide.toml") +
                          " --set input.shape=[16,16,1] --milliseconds 1 --json > ";
  const Outcome both = run_shell(one + (folder_ / "a") + " & " + one + (folder_ / "b") + "; wait");
  ASSERT_EQ(both.exit, 0) << both.err;
  EXPECT_EQ(both.err, "");
  auto a = nlohmann::json::parse(read_whole_file(folder_ / "a")).at("ops"),
       b = nlohmann::json::parse(read_whole_file(folder_ / "b")).at("ops");
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (std::size_t i = 0; i < a.size(); ++i) {
    // The times are one process's: the later one took its answers.
    EXPECT_EQ(a[i].at("candidates").at("winner"), b[i].at("candidates").at("winner"));
    const auto of_a = a[i].at("candidates").at("us"), of_b = b[i].at("candidates").at("us");
    EXPECT_EQ(of_a.size(), of_b.size());
    for (const auto& [kernel, time] : of_a.items())
      EXPECT_NEAR(time.get<double>(), of_b.at(kernel).get<double>(), 1e-6);
  }
}

}  // namespace
}  // namespace treino::test
