// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cuda/store.h"

namespace treino::cuda {

// A planned program: its launches as one graph, run for each step, or, where they are small, one
// launch for all steps of a call. The host waits only when the last step is done.
class CudaExecutable : public Executable {
 public:
  CudaExecutable(const Program& program, CudaStore& store, std::shared_ptr<Gpu> gpu);
  ~CudaExecutable() override;

  void run(std::int64_t steps) override;
  StepTimes profile(std::int64_t steps) override;
  std::vector<std::string> choices() const override { return choices_; }

 private:
  void allocate(const Program& program);
  void prepare_levels();

  std::shared_ptr<Gpu> gpu_;
  std::vector<std::string> choices_;
  Block arena_, scratch_, groups_, counters_;
  Plan plan_;
  GraphExec graph_ = nullptr;
  LevelTable table_;
  Block table_block_;  // the table, then the barrier; empty: the graph is run
};

}  // namespace treino::cuda
