// SPDX-License-Identifier: Apache-2.0
// What cuDNN and cuBLASLt make: over the stand-in, which algorithms are taken and what is said
// where none works; trainings also on a GPU (places.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/support/environment.h"
#include "tests/support/places.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"

namespace treino::train::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using treino::test::cuda_under_test;
using treino::test::Environment;
using treino::test::Outcome;
using treino::test::TemporaryFolder;

// Bias, relu and its gradient, a mask, an optimiser in the same launch: all that stands around a
// convolution.
const std::string kDeep = R"(name = "deep"
data = "generated:images:90:20"
model = [
  { conv2d = { filters = 8, kernel = 3, padding = "same", activation = "relu" } },
  { conv2d = { filters = 16, kernel = 3, activation = "relu" } },
  { dropout = { rate = 0.2 } },
  { conv2d = { filters = 24, kernel = 3, stride = 2, bias = false } },
  { batch_norm = {} },
  { activation = { function = "relu" } },
  { flatten = {} },
  { dense = { units = 16, activation = "relu" } },
  { dense = { units = 4, activation = "softmax" } },
]
[train]
optimizer = { adam = { rate = 0.01 } }
batch = 16
epochs = 4
seed = 3
precision = "bf16"
)";

class CudaLibraries : public testing::Test {
 protected:
  Environment driver_{"TREINO_CUDA_DRIVER", cuda_under_test("TREINO_CUDA_DRIVER")};
  Environment image_{"TREINO_CUDA_IMAGE", cuda_under_test("TREINO_CUDA_IMAGE")};
  Environment cudnn_{"TREINO_CUDNN", cuda_under_test("TREINO_CUDNN")};
  Environment cublaslt_{"TREINO_CUBLASLT", cuda_under_test("TREINO_CUBLASLT")};
  Environment always_{"TREINO_CUDA_LIBRARIES", "always"};
  TemporaryFolder folder_;
};

TEST_F(CudaLibraries, TrainAsOwnKernelsDo) {
  for (const char* precision : {"float32", "tf32", "bf16"}) {
    Settings settings;
    settings.device = "cuda";
    settings.overrides = {{"train.precision", precision}};
    const std::string start = folder_ / precision;
    const FitResult with = train(kDeep, start, settings);
    train(kDeep, start + "-again", settings);
    EXPECT_TRUE(state_of(start + "-again") == state_of(start));
    const Environment off("TREINO_CUDNN", "off"), off_too("TREINO_CUBLASLT", "off");
    const FitResult own = train(kDeep, start + "-own", settings);
    EXPECT_FALSE(state_of(start + "-own") == state_of(start));  // else nothing was compared
    EXPECT_NEAR(with.epochs[0].training.loss, own.epochs[0].training.loss,
                0.01 * own.epochs[0].training.loss);
  }
}

TEST_F(CudaLibraries, FourEpochsAreTwoAndTwo) {
  Settings settings;
  settings.device = "cuda";
  train(kDeep, folder_ / "whole", settings);
  train_in_two(kDeep, folder_ / "parts", settings);
  EXPECT_TRUE(state_of(folder_ / "parts") == state_of(folder_ / "whole"));
}

class LibraryChoices : public testing::Test {
 protected:
  void SetUp() override {
    if (treino::test::on_real_gpu()) GTEST_SKIP() << "scenarios are the stand-in's";
    std::ofstream(folder_ / "deep.toml") << kDeep;
  }
  Outcome train(const std::string& engines, std::vector<std::string> more = {},
                const std::string& cudnn = TREINO_FAKE_CUDA_LIBRARY,
                const std::string& size = "always") {
    std::vector<std::string> arguments{"train", folder_ / "deep.toml", "--device", "cuda"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--out") == more.end()) {
      arguments.push_back("--out");
      arguments.push_back(folder_ / "run");
    }
    return treino::test::run_treino(
        {.arguments = std::move(arguments),
         .folder = folder_ / "",
         .environment = {std::string("TREINO_CUDA_DRIVER=") + TREINO_FAKE_CUDA_LIBRARY,
                         std::string("TREINO_CUDA_IMAGE=") + TREINO_FAKE_CUDA_LIBRARY,
                         "TREINO_CUDNN=" + cudnn, "TREINO_CUBLASLT=" + cublaslt_,
                         "TREINO_CUDA_LIBRARIES=" + size, "TREINO_FAKE_CUDA={" + engines + "}"}});
  }
  // What the run recorded of its kernels.
  std::string kernels(const std::string& run = "run") const {
    std::ifstream file(folder_ / (run + "/environment.json"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string cublaslt_ = "off";
  TemporaryFolder folder_;
};

// Sums of few bits, Fourier transforms, Winograd, no tensor cores, no plan after all, too much
// room; and, last, one that will do.
const std::string kMany =
    R"("cudnn": [{"notes": [0, 2]}, {"notes": [0, 3]}, {"notes": [0, 5]}, {"notes": [1]},
  {"notes": [0], "fails": 3000}, {"notes": [0], "workspace": 999999999999}, {"notes": [0, 4]}, {"notes": [0, 1]}])";

TEST_F(LibraryChoices, TheFirstThatKeepsThePrecisionAndTheBits) {
  const Outcome outcome = train(kMany);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(kernels(), HasSubstr("cudnn 9.19.0 engine 7"));
  EXPECT_THAT(kernels(), Not(HasSubstr("engine 6")));
}

TEST_F(LibraryChoices, FastTakesThoseThatDoNotGiveTheBitsAgain) {
  const Outcome outcome = train(kMany, {"--fast"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(kernels(), HasSubstr("cudnn 9.19.0 engine 6, choice 6, not deterministic"));
}

TEST_F(LibraryChoices, WithoutOneOwnKernelsServe) {
  const Outcome outcome = train(R"("cudnn": [{"notes": [0], "fails": 3000}])");
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(kernels(), Not(HasSubstr("cudnn")));
}

TEST_F(LibraryChoices, ServeOnlyWhatIsLarge) {
  const Outcome outcome =
      train("", {}, "/nowhere/libcudnn.so", "");  // would say that it is missing
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
}

TEST_F(LibraryChoices, ExactIsWithoutThem) {
  const Outcome outcome = train("", {"--exact"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(kernels(), Not(HasSubstr("cudnn")));
  EXPECT_EQ(train("", {"--exact", "--fast"}).exit, 2);
}

TEST_F(LibraryChoices, AreAskedForByNameAndDoNotWork) {
  Outcome outcome = train("", {}, "/nowhere/libcudnn.so");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("TREINO_CUDNN=/nowhere/libcudnn.so cannot be loaded"));
  outcome = train(R"("cudnn_create": 1001)");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("TREINO_CUDNN=off trains without it"));
}

TEST_F(LibraryChoices, OneThatFailsEndsInOneLine) {
  const Outcome outcome = train(R"("cudnn": [{"notes": [0], "executes": 3000}])");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err,
              HasSubstr("cudnn 9.19.0 engine 0, choice 0 failed: "
                        "CUDNN_STATUS_NOT_SUPPORTED; TREINO_CUDNN=off trains without it"));
}

TEST_F(LibraryChoices, CublasltMakesProducts) {
  cublaslt_ = TREINO_FAKE_CUDA_LIBRARY;
  Outcome outcome = train("", {}, "off");
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(kernels(), HasSubstr("cublaslt 130000 algorithm 66, tile 20"));
  outcome = train(R"("cublaslt_algorithms": 0)", {"--out", folder_ / "none"}, "off");
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(kernels("none"), Not(HasSubstr("cublaslt")));
  outcome = train(R"("cublaslt_create": 1)", {"--out", folder_ / "broken"}, "off");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("TREINO_CUBLASLT=off trains without it"));
  outcome = train(R"("cublaslt_multiplies": 15)", {"--out", folder_ / "failing"}, "off");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("algorithm 66, tile 20 failed: CUBLAS_STATUS_NOT_SUPPORTED"));
}

// The fakes fill it; others have it before and afterwards, and where it is large steps that could
// run side by side have the same.
TEST_F(LibraryChoices, NobodyElseIsInACallsWorkspace) {
  cublaslt_ = TREINO_FAKE_CUDA_LIBRARY;
  for (const std::string precision : {"float32", "tf32", "bf16"}) {
    const auto state = [&](const std::string& bytes, const std::string& order) {
      const std::string run = folder_ / (precision + bytes + order);
      const Outcome outcome = train(R"("cublaslt_workspace": )" + bytes +
                                        R"(, "cudnn": [{"notes": [0, 1], "workspace": )" + bytes +
                                        "}]" + (order.empty() ? "" : R"(, "order": )" + order),
                                    {"--out", run, "--set", "train.precision=" + precision});
      EXPECT_EQ(outcome.exit, 0) << outcome.err;
      return state_of(run);
    };
    const std::string expected = state("64", "");
    for (const char* order : {"", "1", "2", "3"})
      EXPECT_TRUE(state("20000000", order) == expected) << precision << ", order " << order;
  }
}

TEST_F(LibraryChoices, AResumedRunWantsTheSame) {
  EXPECT_EQ(train("", {"--set", "train.epochs=2"}).exit, 0);
  const Outcome outcome = treino::test::run_treino(
      {.arguments = {"train", "--resume", folder_ / "run", "--device", "cuda", "--set",
                     "train.epochs=4"},
       .folder = folder_ / "",
       .environment = {std::string("TREINO_CUDA_DRIVER=") + TREINO_FAKE_CUDA_LIBRARY,
                       std::string("TREINO_CUDA_IMAGE=") + TREINO_FAKE_CUDA_LIBRARY,
                       "TREINO_CUDNN=off", "TREINO_CUBLASLT=off"}});
  EXPECT_EQ(outcome.exit, 2) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("was trained with kernels that do not run here"));
}

}  // namespace
}  // namespace treino::train::test
