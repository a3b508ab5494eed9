// SPDX-License-Identifier: Apache-2.0
// What a training takes of the GPU's memory, as the stand-in for the driver counts it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cuda/networks.h"
#include "tests/cuda/stand_in.h"
#include "tests/cuda/trial.h"
#include "treino/backend/cuda/plan.h"
#include "treino/base/error.h"

namespace treino::cuda::test {
namespace {

std::int64_t padded(std::int64_t bytes) {
  return (bytes + 255) / 256 * 256;
}

struct Bytes {
  std::int64_t data = 0, variables = 0;
  // Arena, twice, and scratch memory: of a program and of all; of a program with one arena.
  std::int64_t largest = 0, all = 0, least = 0;
  std::int64_t own = 0;  // counters and groups of all programs
};

Bytes planned(const Trial& trial) {
  Bytes bytes;
  for (const Variable& variable : trial.variables()) {
    const std::int64_t size = variable.type.shape.elements() * host_bytes(variable.type.dtype);
    (variable.role == Role::data ? bytes.data : bytes.variables) +=
        variable.role == Role::data ? size : padded(size);
  }
  for (const Program* program : trial.programs()) {
    Planner::Places nowhere;
    nowhere.variables.resize(program->variables.size());
    const Plan plan = make_plan(*program, nowhere);
    const std::int64_t arena = padded(program->arena_bytes), scratch = padded(plan.scratch_bytes);
    const std::int64_t room = 2 * arena + scratch;
    bytes.least = std::max(bytes.least, arena + scratch);
    bytes.largest = std::max(bytes.largest, room);
    bytes.all += room;
    bytes.own += padded(plan.counters * static_cast<std::int64_t>(sizeof(unsigned))) +
                 2 * static_cast<std::int64_t>(plan.groups.size() * sizeof(FusedGroup));
  }
  return bytes;
}

class CudaWorkspace : public testing::TestWithParam<const std::string*> {
 protected:
  void limit(std::int64_t bytes) {
    stand_in_.set((R"({"devices": [{"bytes": )" + std::to_string(bytes) + "}]}").c_str());
  }
  StandIn stand_in_;
};

TEST_P(CudaWorkspace, ATrainingTakesItsDataItsVariablesAndTheRoomOfItsLargestProgram) {
  ASSERT_EQ(stand_in_.bytes(), 0);
  Trial trial(*GetParam(), 16);
  const Bytes bytes = planned(trial);
  const std::int64_t taken = stand_in_.bytes();
  EXPECT_GE(taken, bytes.data + bytes.variables + bytes.largest);
  // Programs without counters and groups have a block of one byte.
  EXPECT_LE(taken, bytes.data + bytes.variables + bytes.largest + bytes.own + 4);
  EXPECT_LT(bytes.largest, bytes.all);
  trial.run(9);
  trial.evaluate();
  EXPECT_EQ(stand_in_.bytes(), taken);
}

TEST_P(CudaWorkspace, AProgramThatNeedsMoreMovesItAndLosesNothing) {
  Trial trial(*GetParam(), 2);
  trial.run(40);
  const std::string whole = trial.state();
  trial.start();
  trial.run(20);
  const std::int64_t before = stand_in_.bytes();
  {
    const Trial large(*GetParam(), 64, trial.device());
    const Bytes bytes = planned(large);
    EXPECT_LE(stand_in_.bytes(), before + bytes.data + bytes.variables + bytes.largest + bytes.own);
    trial.run(10);
  }
  trial.run(10);
  EXPECT_TRUE(trial.state() == whole);
}

TEST_P(CudaWorkspace, AProgramThatDoesNotFitLeavesTheOthersAsTheyAre) {
  Trial trial(*GetParam(), 2);
  trial.run(40);
  const std::string whole = trial.state();
  trial.start();
  trial.run(20);
  const Bytes bytes = planned(trial);
  limit(stand_in_.bytes() + bytes.data + bytes.variables + bytes.own + 4000);
  try {
    const Trial large(*GetParam(), 100, trial.device());
    ADD_FAILURE() << "it fits";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("the GPU's memory is full: program train"));
    EXPECT_THAT(error.what(), testing::ContainsRegex("a batch of [0-9]+ instead of 100 would fit"));
  }
  trial.run(20);
  EXPECT_TRUE(trial.state() == whole);
}

TEST_P(CudaWorkspace, ProgramsThatAreGoneLeaveNothingBehind) {
  std::shared_ptr<Device> device;
  {
    Trial trial(*GetParam(), 16);
    trial.run(9);
    device = trial.device();
  }
  EXPECT_EQ(stand_in_.bytes(), 0);
}

// With too little for two arenas a training has one.
TEST_P(CudaWorkspace, OneArenaIsEnough) {
  Trial trial(*GetParam(), 2);
  trial.run(40);
  const std::string whole = trial.state();
  const Bytes bytes = planned(trial);
  const std::int64_t enough = stand_in_.bytes() - bytes.largest + bytes.least;
  limit(stand_in_.bytes() + enough);
  {
    Trial tight(*GetParam(), 2);
    tight.run(40);
    EXPECT_TRUE(tight.state() == whole);
  }
  limit(stand_in_.bytes() + enough - 1024);
  EXPECT_THROW(Trial(*GetParam(), 2).run(1), Error);
}

INSTANTIATE_TEST_SUITE_P(Networks, CudaWorkspace, every_network(), network_name);

}  // namespace
}  // namespace treino::cuda::test
