// SPDX-License-Identifier: Apache-2.0
// Measured choices and the file they are kept in.
#include "treino/train/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"
#include "treino/backend/devices.h"
#include "treino/base/file.h"
#include "treino/train/profile.h"

namespace treino::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The CPU device with times by name instead of measured ones, counting how often it is asked.
class Scripted : public Device {
 public:
  std::map<std::string, double> times{{"direct", 3e-3}, {"winograd", 2e-3}, {"onednn", 4e-3}};
  std::vector<std::string> names{"direct", "winograd", "onednn"};
  int asked = 0;

  std::string_view name() const override { return cpu_->name(); }
  const Target& target() const override { return cpu_->target(); }
  std::unique_ptr<Store> make_store(std::span<const Variable> variables) override {
    return cpu_->make_store(variables);
  }
  std::unique_ptr<Executable> load(const Program& program, Store& store) override {
    return cpu_->load(program, store);
  }
  std::string instruction_set() const override { return "abacus"; }
  std::vector<std::string> candidates(const Step& step) const override {
    return step.op == Op::conv2d ? names : std::vector<std::string>{};
  }
  std::vector<double> time_candidates(const Step&, std::span<const std::string> kernels,
                                      double) override {
    ++asked;
    std::vector<double> seconds;
    for (const std::string& kernel : kernels) seconds.push_back(times.at(kernel));
    return seconds;
  }

 private:
  std::unique_ptr<Device> cpu_ = make_device("cpu", {.threads = 1});
};

// Two convolutions of one shape and one of another.
constexpr const char* kRecipe =
    "name = \"tiny\"\n[input]\nshape = [8, 8, 4]\n"
    "[[model]]\nconv2d = { filters = 4, kernel = 3, padding = \"same\" }\n"
    "[[model]]\nconv2d = { filters = 4, kernel = 3, padding = \"same\" }\n"
    "[[model]]\nconv2d = { filters = 6, kernel = 3, padding = \"same\" }\n"
    "[[model]]\nflatten = {}\n"
    "[[model]]\ndense = { units = 3, activation = \"softmax\" }\n[train]\nbatch = 8\n";

class Tune : public testing::Test {
 protected:
  std::vector<TunedOp> run(bool again = false) {
    const Program* const programs[] = {&program_, &program_};
    return tune(
        programs, device_,
        {.cache = file_, .again = again, .threads = 2, .warn = [this](const std::string& line) {
           warnings_.push_back(line);
         }});
  }

  test::TemporaryFolder folder_;
  std::string file_ = folder_ / "cache/kernels.json";
  Scripted device_;
  Program program_ = training_step(nn::parse_recipe(kRecipe, "tiny.toml"), device_);
  std::vector<std::string> warnings_;
};

TEST_F(Tune, EachShapeIsTimedOnceAndKept) {
  const auto ops = run();
  ASSERT_EQ(ops.size(), 2U);
  EXPECT_EQ(device_.asked, 2);
  EXPECT_EQ(ops[0].scope, "conv2d_1");
  EXPECT_EQ(ops[1].scope, "conv2d_3");
  EXPECT_EQ(ops[0].kernel, "winograd");
  EXPECT_DOUBLE_EQ(ops[0].lead(), 1.5);
  EXPECT_DOUBLE_EQ(ops[0].gain(), 1.5);
  const KernelChoices choices = choices_of(ops, device_);
  EXPECT_EQ(choices.instruction_set, "abacus");
  EXPECT_EQ(choices.ops.at(1).kernel, "winograd");
  EXPECT_EQ(choices.ops.at(1).shape, ops[1].shape);

  device_.times["winograd"] = 9;
  const auto known = run();
  EXPECT_EQ(device_.asked, 2);
  EXPECT_TRUE(known[0].known);
  EXPECT_EQ(known[0].kernel, "winograd");
  EXPECT_NEAR(known[0].seconds_of("winograd"), 2e-3, 1e-12);
  EXPECT_TRUE(warnings_.empty());

  const auto again = run(true);
  EXPECT_EQ(device_.asked, 4);
  EXPECT_EQ(again[0].kernel, "direct");
  EXPECT_EQ(run()[0].kernel, "direct");  // it replaced what was known
}

TEST_F(Tune, NoiseDoesNotUnseatTheTable) {
  device_.times = {{"direct", 1.00e-3}, {"winograd", 0.98e-3}, {"onednn", 0.99e-3}};
  EXPECT_EQ(run()[0].kernel, "direct");
  EXPECT_EQ(winner_of(std::vector<CandidateTime>{{"direct", 1}, {"winograd", 0.9}}), "winograd");
}

TEST_F(Tune, OtherCandidatesAreAnotherQuestion) {
  run();
  device_.names = {"direct", "winograd"};  // a build without oneDNN
  EXPECT_FALSE(run()[0].known);
  device_.names = {"winograd", "direct"};  // the same ones
  EXPECT_TRUE(run()[0].known);
  device_.names = {"direct", "winograd", "onednn"};
  EXPECT_TRUE(run()[0].known);
}

TEST_F(Tune, ADamagedFileIsWarnedOfOnceAndMeasuredAgain) {
  for (const char* text : {"{\"answers\": [{", "[]", "{\"answers\": [{\"cpu\": 3}]}",
                           "{\"answers\": [{\"cpu\":\"\",\"instruction_set\":\"abacus\",\"op\":"
                           "\"conv2d\",\"shape\":\"\",\"threads\":2,\"kernel\":\"fft\","
                           "\"microseconds\":{\"direct\":1}}]}"}) {
    warnings_.clear();
    std::filesystem::create_directories(folder_ / "cache");
    write_whole_file(file_, text);
    EXPECT_FALSE(run()[0].known);
    ASSERT_EQ(warnings_.size(), 1U) << text;
    EXPECT_THAT(warnings_[0], HasSubstr(file_ + ": is damaged"));
    EXPECT_THAT(warnings_[0], HasSubstr("measured again"));
    EXPECT_TRUE(run()[0].known);
    EXPECT_EQ(warnings_.size(), 1U);
  }
}

TEST_F(Tune, APlaceThatCannotBeWrittenIsWarnedOf) {
  folder_.write("cache", "a file");
  EXPECT_EQ(run()[0].kernel, "winograd");
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_THAT(warnings_[0], HasSubstr("XDG_CACHE_HOME"));
  EXPECT_THAT(warnings_[0], HasSubstr(folder_ / "cache"));
}

// All answer one question their own way and one of their own.
TEST_F(Tune, OfProcessesAtOnceTheFirstWriterWins) {
  constexpr int kProcesses = 6;
  const auto answer = [](const std::string& shape, double seconds) {
    return TuneAnswer{"cpu",
                      "isa",
                      "conv2d",
                      shape,
                      1,
                      "direct",
                      {{"direct", seconds}, {"winograd", 2 * seconds}}};
  };
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      TuneCache cache(file_, [](const std::string&) { _exit(2); });
      const auto stands = cache.add({answer("common", i + 1), answer(std::to_string(i), 1)});
      write_whole_file(folder_ / std::to_string(i),
                       std::to_string(stands[0].candidates[0].seconds));
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const TuneCache cache(file_, [](const std::string& line) { ADD_FAILURE() << line; });
  const auto common = cache.find(answer("common", 0));
  ASSERT_TRUE(common);
  for (int i = 0; i < kProcesses; ++i) {
    EXPECT_TRUE(cache.find(answer(std::to_string(i), 0))) << i;
    EXPECT_EQ(read_whole_file(folder_ / std::to_string(i)),
              std::to_string(common->candidates[0].seconds));
  }
}

TEST_F(Tune, TextAndJsonSayWhoWonAndByHowMuch) {
  const auto ops = run();
  const std::string text = to_text(ops);
  EXPECT_THAT(text, HasSubstr("3000.0     2000.0     4000.0  winograd"));
  EXPECT_THAT(text, HasSubstr("1.50x"));
  const auto json = nlohmann::json::parse(to_json(ops));
  const auto& candidates = json["ops"][0]["candidates"];
  EXPECT_EQ(candidates["winner"], "winograd");
  EXPECT_EQ(candidates["table"], "direct");
  EXPECT_NEAR(candidates["us"]["onednn"].get<double>(), 4000, 1e-6);
  EXPECT_THAT(to_text({}), HasSubstr("no op"));
}

TEST(TuneCpu, TimesWhatTheDeviceCanRun) {
  const auto device = make_device("cpu", {.threads = 2});
  const Program program = training_step(nn::parse_recipe(kRecipe, "tiny.toml"), *device);
  const Program* const programs[] = {&program};
  const auto ops = tune(programs, *device, {.cache = "", .seconds = 1e-3});
  std::vector<std::string> names;
  for (const TunedOp& op : ops) {
    names.push_back(op.op);
    EXPECT_GE(op.candidates.size(), 2U);
    for (const CandidateTime& candidate : op.candidates) {
      EXPECT_GT(candidate.seconds, 0) << candidate.kernel;
      EXPECT_LT(candidate.seconds, 10) << candidate.kernel;
    }
    EXPECT_GE(op.gain(), 1);
  }
  // The first layer needs no gradient of its input; the second's shape is the first's.
  EXPECT_THAT(names, testing::UnorderedElementsAre("conv2d", "conv2d", "conv2d_grad_kernel",
                                                   "conv2d_grad_kernel", "conv2d_grad_input",
                                                   "conv2d_grad_input"));
  // What it chose is taken, whatever the table says.
  KernelChoices choices = choices_of(ops, *device);
  for (std::size_t i = 0; i < ops.size(); ++i) choices.ops[i].kernel = ops[i].candidates[1].kernel;
  device->use(choices);
  const auto store = device->make_store(program.variables);
  const auto executable = device->load(program, *store);
  std::size_t found = 0;
  for (const KernelChoice& is : executable->heavy_choices()) {
    for (const KernelChoice& wanted : choices.ops) {
      if (!is.same_op(wanted)) continue;
      EXPECT_EQ(is.kernel, wanted.kernel);
      ++found;
    }
  }
  EXPECT_EQ(found, choices.ops.size());
  EXPECT_TRUE(tune(programs, *make_device("cpu", {.exact = true}), {.cache = ""}).empty());
}

}  // namespace
}  // namespace treino::train
