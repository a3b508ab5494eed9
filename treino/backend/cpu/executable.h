// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "treino/backend/cpu/claims.h"
#include "treino/backend/cpu/kept.h"
#include "treino/backend/cpu/memory.h"
#include "treino/backend/cpu/schedule.h"
#include "treino/backend/cpu/store.h"
#include "treino/backend/cpu/workspace.h"
#include "treino/base/thread_team.h"
#include "treino/runtime/device.h"

namespace treino::cpu {

// A planned program. run() enters the team once and loops over steps and levels inside.
class CpuExecutable : public Executable {
 public:
  // Programs on one team may share a workspace; without one the program has its own.
  CpuExecutable(const Program& program, CpuStore& store, std::shared_ptr<ThreadTeam> team,
                const PlanOptions& options, std::shared_ptr<Workspace> workspace = nullptr);

  void run(std::int64_t steps) override;
  StepTimes profile(std::int64_t steps) override;
  std::vector<std::string> choices() const override { return plan_.choices; }
  std::vector<KernelChoice> heavy_choices() const override { return plan_.heavy; }

 private:
  // Those phases whose results stay as long as no constant is written leave the plan.
  std::vector<Phase> take_constant_phases(const Kept& kept);
  void place_kept(const Program& program);
  std::byte* base(int space);
  void refresh_constants();
  void run_levels(const std::vector<Level>& levels, std::int64_t steps);
  void work(int worker);
  void work_timed(int worker);
  // Does what is left of a worker's share; how many units that was.
  Index take_share(const Level& level, int share, std::uint64_t round, int worker);
  void finish_level(const Level& level, std::uint64_t round, std::int64_t total, int worker);
  void run_share(const Share& share, int worker);
  void run_slice(const Task& task, Index slice, int worker);
  void settle_pointers();

  CpuStore& store_;
  std::shared_ptr<ThreadTeam> team_;
  std::vector<int> store_index_;  // of each variable of the program
  std::vector<int> written_;      // variables of the store
  Plan plan_;
  std::vector<Level> levels_, constant_levels_;
  const std::vector<Level>* running_ = nullptr;
  std::shared_ptr<Workspace> workspace_;
  Claims claims_;
  std::uint64_t rounds_ = 0;  // levels run
  std::int64_t units_ = 0;    // units of them done
  Memory scratch_, kept_;
  std::vector<std::size_t> kept_offsets_;  // of the program's variables that the store lacks
  struct Constant {
    int variable = 0;           // of the store
    std::int64_t version = -1;  // when the constant phases last ran
  };
  std::vector<Constant> constants_;                           // what the constant phases read
  bool constants_current_ = false;                            // whether they have run at all
  std::int64_t generation_ = -1, workspace_generation_ = -1;  // when pointers were last set
  std::int64_t steps_ = 0;                                    // of the run under way

  std::vector<Level> profile_levels_;
  StepTimes* times_ = nullptr;
};

}  // namespace treino::cpu
