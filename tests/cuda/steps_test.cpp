// SPDX-License-Identifier: Apache-2.0
// Steps that share a graph, and kernels that begin early, give the bits of steps by themselves,
// however many a call asks for.
#include <gtest/gtest.h>

#include "tests/cuda/networks.h"
#include "tests/cuda/stand_in.h"
#include "tests/cuda/trial.h"

namespace treino::cuda::test {
namespace {

using treino::test::Environment;
namespace networks = train::test;

class CudaSteps : public testing::TestWithParam<const std::string*> {};

// 2 samples a step, so that an epoch has steps enough for several of the graphs.
TEST_P(CudaSteps, SharingAGraphGiveTheBitsOfStepsByThemselves) {
  std::string single;
  {
    const Environment way("TREINO_CUDA_STEP", "single"), edges("TREINO_CUDA_EDGES", "full");
    Trial trial(*GetParam(), 2);
    trial.run(45);
    single = trial.state();
  }
  Trial trial(*GetParam(), 2);
  for (const std::vector<int>& calls :
       {std::vector<int>{45}, {1, 44}, {20, 0, 25}, {40, 5}, {5, 5, 5, 5, 5, 5, 5, 5, 5}}) {
    trial.start();
    for (const int steps : calls) trial.run(steps);
    EXPECT_TRUE(trial.state() == single) << testing::PrintToString(calls);
  }
}

// What a step reads of the memory that programs share it has written itself.
TEST_P(CudaSteps, ProgramsThatRunInBetweenDoNotChangeThem) {
  Trial trial(*GetParam(), 2);
  trial.run(40);
  trial.evaluate();
  const std::string whole = trial.state();
  trial.start();
  for (int i = 0; i < 4; ++i) {
    trial.run(10);
    trial.evaluate();
  }
  EXPECT_TRUE(trial.state() == whole);
}

// Each order that the edges allow, of 24 drawn ones.
TEST_P(CudaSteps, RunInAnyOrderThatTheirEdgesAllow) {
  if (treino::test::on_real_gpu()) GTEST_SKIP() << "a GPU has its own order";
  StandIn stand_in;
  std::string usual;
  for (int order = 0; order <= 24; ++order) {
    if (order > 0) stand_in.set(("{\"order\": " + std::to_string(order) + "}").c_str());
    Trial trial(*GetParam(), 2);
    trial.run(33);
    if (order == 0) usual = trial.state();
    EXPECT_TRUE(trial.state() == usual) << order;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, CudaSteps, every_network(), network_name);

class CudaStepGraphs : public testing::Test {
 protected:
  // Graphs made and launched by a call of so many steps.
  std::pair<std::int64_t, std::int64_t> run(Trial& trial, std::int64_t steps) {
    const std::int64_t made = stand_in_.calls("cuGraphInstantiateWithFlags"),
                       launched = stand_in_.calls("cuGraphLaunch");
    trial.start();
    trial.run(steps);
    return {stand_in_.calls("cuGraphInstantiateWithFlags") - made,
            stand_in_.calls("cuGraphLaunch") - launched};
  }
  StandIn stand_in_;
};
using Graphs = std::pair<std::int64_t, std::int64_t>;

TEST_F(CudaStepGraphs, TheOneOfSeveralStepsIsMadeByTheFirstCallThatAsksForSoMany) {
  Trial trial(networks::kDense, 2);
  EXPECT_EQ(run(trial, 15), Graphs(0, 15));
  EXPECT_EQ(run(trial, 16), Graphs(1, 1));
  EXPECT_EQ(run(trial, 50), Graphs(0, 3 + 2));
}

TEST_F(CudaStepGraphs, WhereTheDriverHasNoMemoryForItStepsRunByThemselves) {
  Trial roomy(networks::kDense, 2);
  roomy.run(40);
  Trial trial(networks::kDense, 2);
  const std::string scenario = R"({"node_bytes": 1000, "devices": [{"bytes": )" +
                               std::to_string(stand_in_.bytes() + 100000) + "}]}";
  stand_in_.set(scenario.c_str());
  trial.run(40);
  EXPECT_TRUE(trial.state() == roomy.state());
  EXPECT_EQ(run(trial, 40), Graphs(0, 40));
}

}  // namespace
}  // namespace treino::cuda::test
