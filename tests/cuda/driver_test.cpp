// SPDX-License-Identifier: Apache-2.0
// Every way there is no GPU to be used, against a stand-in for the driver. The stand-in reads its
// scenario once, so each case is a process of its own: the program itself, run as a user would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/places.h"
#include "tests/support/program.h"

namespace treino::test {
namespace {

using testing::HasSubstr;

const std::string kFake = TREINO_FAKE_CUDA_LIBRARY, kOldFake = TREINO_FAKE_OLD_CUDA_LIBRARY;

Outcome with(const std::string& driver, const std::string& scenario,
             std::vector<std::string> arguments) {
  return run_treino(
      {.arguments = std::move(arguments),
       .environment = {"TREINO_CUDA_DRIVER=" + driver, "TREINO_FAKE_CUDA=" + scenario}});
}

// One line that says all of `parts`, exit code 1, nothing on standard output.
void expect_refusal(const std::string& driver, const std::string& scenario,
                    const std::vector<std::string>& parts) {
  const Outcome outcome =
      with(driver, scenario, {"train", source_folder() + "/recipes/iris.toml", "--device", "cuda"});
  EXPECT_EQ(outcome.exit, 1) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
}

TEST(CudaDriver, IsMissing) {
  expect_refusal("/nowhere/libcuda.so.1", "",
                 {"treino: TREINO_CUDA_DRIVER=/nowhere/libcuda.so.1 cannot be loaded"});
}

TEST(CudaDriver, LacksAFunction) {
  expect_refusal(kOldFake, "",
                 {"too old", "cuGraphInstantiateWithFlags", "driver 580", "--device cpu"});
}

TEST(CudaDriver, IsOfAnOlderVersion) {
  expect_refusal(kFake, R"({"version": 12040})",
                 {"for CUDA 12.4", "CUDA 13.0 (driver 580) or newer"});
}

TEST(CudaDriver, DoesNotStart) {
  expect_refusal(kFake, R"({"fail": {"cuInit": 100}})",
                 {"the driver finds no GPU (CUDA_ERROR_NO_DEVICE)", "nvidia-smi"});
  expect_refusal(kFake, R"({"fail": {"cuInit": 34}})",
                 {"stand-in", "CUDA_ERROR_STUB_LIBRARY", "LD_LIBRARY_PATH"});
  expect_refusal(kFake, R"({"fail": {"cuInit": 999}})", {"CUDA_ERROR_UNKNOWN", "Xid"});
  expect_refusal(kFake, R"({"fail": {"cuInit": 4321}})",
                 {"an error it has no name for (4321)", "report it"});
}

TEST(CudaDriver, HasNoDevice) {
  expect_refusal(kFake, R"({"devices": []})", {"the driver finds no GPU", "in a container"});
}

TEST(CudaDoctor, ShowsWhatIsThere) {
  const Outcome outcome = with(kFake,
                               R"({"version": 13020, "devices": [
        {"name": "Fake H100", "capability": [9, 0], "multiprocessors": 132, "bytes": 85899345920},
        {"name": "Small One", "capability": [7, 5], "multiprocessors": 14, "bytes": 4294967296}]})",
                               {"doctor"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.out, HasSubstr("Fake H100 (compute 9.0, 132 multiprocessors, 80.0 GiB)"));
  EXPECT_THAT(outcome.out, HasSubstr("Small One (compute 7.5, 14 multiprocessors, 4.0 GiB)"));
  EXPECT_THAT(outcome.out, HasSubstr("driver for CUDA 13.2"));
  EXPECT_THAT(outcome.out, HasSubstr("its tests have passed on one kind of GPU, an NVIDIA H200"));
}

// As above, with kernels for its GPUs.
Outcome doctor(const std::string& scenario) {
  return run_treino({.arguments = {"doctor"},
                     .environment = {"TREINO_CUDA_DRIVER=" + kFake, "TREINO_CUDA_IMAGE=" + kFake,
                                     "TREINO_FAKE_CUDA=" + scenario}});
}

TEST(CudaDoctor, SaysWhichLibrariesThereAre) {
  const Outcome outcome =
      run_treino({.arguments = {"doctor"},
                  .environment = {"TREINO_CUDA_DRIVER=" + kFake, "TREINO_CUDA_IMAGE=" + kFake,
                                  "TREINO_CUDNN=" + kFake, "TREINO_CUBLASLT=off"}});
  EXPECT_THAT(outcome.out, HasSubstr("cuDNN 91900, no cuBLASLt (TREINO_CUBLASLT names one)"));
}

TEST(CudaDoctor, TriesAKernelAndAProduct) {
  EXPECT_THAT(doctor("").out, testing::ContainsRegex(
                                  "GPU trial +a kernel and a matrix product agree with the host"));
}

TEST(CudaDoctor, SaysWhatTheGpuComputesWrongly) {
  EXPECT_THAT(doctor(R"({"wrong": "matmul"})").out, HasSubstr("a matrix product differs: "));
  EXPECT_THAT(doctor(R"({"wrong": "fused"})").out, HasSubstr("an elementwise kernel differs: "));
}

TEST(CudaDoctor, SaysWhyNothingRuns) {
  const Outcome outcome = doctor(R"({"fail": {"cuModuleLoadData": 209}})");
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.out, HasSubstr("this build has no kernels for this GPU"));
  EXPECT_THAT(outcome.out, HasSubstr("-> a GPU of compute capability 8.0"));
}

TEST(CudaDoctor, SaysWhyThereIsNone) {
  const Outcome outcome = with(kFake, R"({"fail": {"cuInit": 100}})", {"doctor"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.out, HasSubstr("the driver finds no GPU (CUDA_ERROR_NO_DEVICE)"));
}

}  // namespace
}  // namespace treino::test
