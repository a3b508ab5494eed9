// SPDX-License-Identifier: Apache-2.0
// Trainings on the CUDA device over the stand-in for its driver, or on a GPU (places.h): the same
// bits again and across a resume; over the stand-in, memory that runs out, by the GPU's size and by
// --vram-limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/cuda/networks.h"
#include "tests/support/environment.h"
#include "tests/support/places.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace treino::train::test {
namespace {

using testing::HasSubstr;
using treino::test::cuda_under_test;
using treino::test::Environment;
using treino::test::Outcome;
using treino::test::TemporaryFolder;

class CudaTraining : public testing::TestWithParam<const std::string*> {
 protected:
  Environment driver_{"TREINO_CUDA_DRIVER", cuda_under_test("TREINO_CUDA_DRIVER")};
  Environment image_{"TREINO_CUDA_IMAGE", cuda_under_test("TREINO_CUDA_IMAGE")};
  TemporaryFolder folder_;
};

TEST_P(CudaTraining, FourEpochsAreTwoAndTwo) {
  Settings settings;
  settings.device = "cuda";
  train(*GetParam(), folder_ / "whole", settings);
  train(*GetParam(), folder_ / "again", settings);
  EXPECT_TRUE(state_of(folder_ / "again") == state_of(folder_ / "whole"));
  const FitResult rest = train_in_two(*GetParam(), folder_ / "parts", settings);
  EXPECT_EQ(rest.epochs.size(), 2U);
  EXPECT_TRUE(state_of(folder_ / "parts") == state_of(folder_ / "whole"));
  EXPECT_EQ(epochs_of(folder_ / "parts"), epochs_of(folder_ / "whole"));
}

TEST_P(CudaTraining, GraphsAndOneKernelForAllStepsGiveTheSameBits) {
  Settings settings;
  settings.device = "cuda";
  settings.overrides.emplace_back("train.epochs", "2");
  for (const char* way : {"graph", "levels"}) {
    const Environment step("TREINO_CUDA_STEP", way);
    train(*GetParam(), folder_ / way, settings);
  }
  EXPECT_TRUE(state_of(folder_ / "graph") == state_of(folder_ / "levels"));
}

class CudaShortTraining : public CudaTraining {};

// Tensor cores over the stand-in and the CPU's rounded products follow each other, and not the
// float32 training.
TEST_P(CudaShortTraining, FollowsTheCpus) {
  Settings settings;
  settings.overrides = {{"train.epochs", "2"}, {"train.precision", ""}};
  const auto state_and_loss = [&](const std::string& device, const std::string& precision,
                                  const char* folder) {
    const std::string run = folder_ / (precision + folder);
    settings.device = device;
    settings.overrides[1].second = precision;
    const double loss = train(*GetParam(), run, settings).epochs.back().training.loss;
    return std::pair(state_of(run), loss);
  };
  const auto exact = state_and_loss("cuda", "float32", "");
  for (const char* precision : {"tf32", "bf16"}) {
    const auto one = state_and_loss("cuda", precision, "");
    EXPECT_TRUE(state_and_loss("cuda", precision, "-again") == one);
    EXPECT_FALSE(one.first == exact.first);
    EXPECT_NEAR(state_and_loss("cpu", precision, "-cpu").second, one.second, 5e-3 * one.second);
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, CudaShortTraining, testing::Values(&kDense, &kConv),
                         [](const auto& info) { return info.index == 0 ? "dense" : "conv"; });

INSTANTIATE_TEST_SUITE_P(Networks, CudaTraining, cuda::test::every_network(),
                         cuda::test::network_name);

class CudaMemory : public testing::Test {
 protected:
  // `treino train` of the convolutional network on a GPU of that scenario; without one, on the GPU
  // that there is.
  Outcome train_with(const std::string& scenario, std::vector<std::string> more = {}) {
    std::ofstream(folder_ / "conv.toml") << kConv;
    std::vector<std::string> arguments{"train", folder_ / "conv.toml", "--device", "cuda",
                                       "--out", folder_ / "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto set = [&](const char* name) {
      return std::string(name) + "=" +
             (scenario.empty() ? cuda_under_test(name) : TREINO_FAKE_CUDA_LIBRARY);
    };
    return treino::test::run_treino(
        {.arguments = std::move(arguments),
         .folder = folder_ / "",
         .environment = {set("TREINO_CUDA_DRIVER"), set("TREINO_CUDA_IMAGE"),
                         "TREINO_FAKE_CUDA=" + scenario}});
  }
  TemporaryFolder folder_;
};

TEST_F(CudaMemory, TrainsWhereThereIsEnough) {
  const Outcome outcome = train_with("", {"--vram-limit", "1GiB"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.err, testing::ContainsRegex("of the GPU's [0-9.]+ [KM]i?B besides"));
  const auto events = events_of(folder_ / "run");
  EXPECT_GT(std::stod(events.back().json("peak_device_memory_bytes").value_or("0")), 100000);
}

TEST_F(CudaMemory, TooLittleForAStepNamesTheLayerAndABatchThatFits) {
  const Outcome outcome =
      train_with(R"({"devices": [{"bytes": 600000}]})", {"--set", "train.batch=64"});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the GPU's memory is full: program train asked for"));
  EXPECT_THAT(outcome.err, testing::ContainsRegex("conv2d[_0-9]*'s [a-z_0-9]+ alone takes"));
  EXPECT_THAT(outcome.err, testing::ContainsRegex("a batch of [0-9]+ instead of 64 would fit"));
}

TEST_F(CudaMemory, TheLimitCountsAsTheGpusSize) {
  const Outcome outcome = train_with("", {"--vram-limit", "400KB"});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("(--vram-limit)"));
}

TEST_F(CudaMemory, TooLittleForTheDataSaysSo) {
  const Outcome outcome = train_with(R"({"devices": [{"bytes": 20000}]})");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("asked for "));
  EXPECT_THAT(outcome.err, HasSubstr("use a smaller set or network"));
}

TEST_F(CudaMemory, AGpuLostInTheMiddleEndsInOneLine) {
  const Outcome outcome = train_with(R"({"fail": {"cuGraphLaunch": 999}})");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the GPU does not answer any more (CUDA_ERROR_UNKNOWN)"));
  EXPECT_THAT(outcome.err, HasSubstr("--resume"));
}

}  // namespace
}  // namespace treino::train::test
