// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cuda/store.h"
#include "treino/backend/cuda/workspace.h"

namespace treino::cuda {

// A planned program: a graph of the launches of one step and, for calls of many steps, one of
// several steps in a row; or, where it is asked for, one launch for all steps of a call. The host
// waits only when the last step is done.
class CudaExecutable : public Executable {
 public:
  CudaExecutable(const Program& program, CudaStore& store, std::shared_ptr<Workspace> workspace,
                 std::shared_ptr<Gpu> gpu, std::shared_ptr<Libraries> libraries);

  void run(std::int64_t steps) override;
  StepTimes profile(std::int64_t steps) override;
  std::vector<std::string> choices() const override { return choices_; }

 private:
  Plan plan_at(int turn) const;
  void reserve();
  void prepare();
  void add_plan();
  void prepare_levels();
  void prepare_several();
  std::int64_t counter_bytes() const;
  Address groups_at(int turn) const;

  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<Libraries> libraries_;
  std::shared_ptr<Workspace> workspace_;
  Program program_;
  std::vector<Address> variables_;
  std::vector<std::string> choices_;
  std::int64_t arena_bytes_ = 0, scratch_bytes_ = 0, group_bytes_ = 0, counters_ = 0;
  int steps_ = 1;   // of `several_`
  int arenas_ = 1;  // that steps in a row take in turn
  Block own_;       // counters, then fused groups for each arena

  // What has addresses of the workspace in it, and the workspace's version they are of.
  std::int64_t version_ = -1;
  std::vector<Plan> plans_;  // for the first arena; once there is `several_`, for each
  OwnGraph one_, several_;
  LevelTable table_;
  Block table_block_;  // the table, then the barrier; empty: graphs are run
};

}  // namespace treino::cuda
