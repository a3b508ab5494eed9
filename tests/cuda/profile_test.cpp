// SPDX-License-Identifier: Apache-2.0
// `treino profile --device cuda` over the stand-in for the driver: its times are the host's, its
// clocks the scenario's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/places.h"
#include "tests/support/program.h"

namespace treino::test {
namespace {

using testing::HasSubstr;

Outcome profile(const std::string& scenario, std::vector<std::string> more = {}) {
  const std::string library = TREINO_FAKE_CUDA_LIBRARY;
  std::vector<std::string> arguments{"profile",   source_folder() + "/recipes/mnist.toml",
                                     "--device",  "cuda",
                                     "--seconds", "0.01",
                                     "--batch",   "4"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_treino(
      {.arguments = std::move(arguments),
       .environment = {"TREINO_CUDA_DRIVER=" + library, "TREINO_CUDA_IMAGE=" + library,
                       "TREINO_FAKE_CUDA=" + scenario}});
}

TEST(CudaProfile, HoldsOpsLaunchesAndThePeakOfTheClocks) {
  const Outcome outcome = profile(R"({"devices": [{"name": "Fake One", "capability": [9, 0],
    "multiprocessors": 100, "clock": 1500000, "memory_clock": 2000000, "memory_width": 512}]})",
                                  {"--json"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["device"], "Fake One");
  EXPECT_NEAR(json["peak_gflops"].get<double>(), 38400, 1e-6);  // 100 x 128 x 2 x 1.5 GHz
  EXPECT_NEAR(json["bandwidth_gbs"].get<double>(), 256, 1e-6);  // 2 x 2 GHz x 64 bytes
  double of_ops = 0, of_launches = 0;
  for (const auto& op : json["ops"]) of_ops += op["us"].get<double>();
  for (const auto& launch : json["launches"]) {
    EXPECT_GE(launch["us"].get<double>(), 0);
    of_launches += launch["us"].get<double>();
  }
  EXPECT_GT(json["launches"].size(), 10U);
  EXPECT_LE(of_launches, of_ops * 1.0001);  // least times of parts are no more than those of wholes
  EXPECT_GT(of_launches, 0);
  EXPECT_LT(json["longest_chain"].get<std::size_t>(), json["launches"].size());
  EXPECT_GT(json["longest_chain"].get<int>(), 3);
  EXPECT_LE(json["chain_work_us"].get<double>(), json["work_us"].get<double>() * 1.0001);
  EXPECT_LE(json["idle_least"].get<double>(), json["idle_most"].get<double>());
}

TEST(CudaProfile, TheTextNamesTheGpuAndItsLaunches) {
  const Outcome outcome = profile("");
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Fake GPU; by its clocks it reaches"));
  EXPECT_THAT(outcome.out, HasSubstr("so the GPU is without work for"));
  EXPECT_THAT(outcome.out, HasSubstr("matmul"));
}

TEST(CudaProfile, AGpuThatHidesItsClocksHasNoPeak) {
  const Outcome outcome = profile(R"({"devices": [{"name": "Shy", "clock": 0}]})");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("Shy does not say its clocks"));
}

}  // namespace
}  // namespace treino::test
