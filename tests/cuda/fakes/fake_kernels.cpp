// SPDX-License-Identifier: Apache-2.0
// The kernels' own structures, run index by index on the host; compiled as the library's other
// code.
#include <cstring>
#include <new>
#include <string>

#include "tests/cuda/fakes/fake_driver.h"
#include "treino/backend/cuda/kernels.h"

namespace treino::cuda {

namespace {

// "wrong" of the scenario.
bool is_wrong(const std::string& kernel) {
  static const std::string wrong = scenario().value("wrong", "");
  return !wrong.empty() && kernel.find(wrong) != kernel.npos;
}

template <typename Work>
void run(const void* arguments, std::int64_t count) {
  if (is_wrong(kKernelNames[static_cast<int>(kernel_of<Work>)])) --count;
  alignas(Work) std::byte room[sizeof(Work)];
  std::memcpy(room, arguments, sizeof(Work));
  const Work& work = *std::launder(reinterpret_cast<const Work*>(room));
  if constexpr (kTiled<Work>) {
    HostTeam<Work> team;
    for (Index block = 0; block < count; ++block) work.tile(block, team);
  } else {
    for (Index i = 0; i < count; ++i) work(i);
  }
}

// Whole programs: of each level the launches from the last to the first, so that one that belongs
// into a later level shows.
void run_levels(const void* arguments, std::int64_t steps);

}  // namespace

const FakeKernel* fake_kernel(const std::string& name) {
  static const FakeKernel all[] = {
#define TREINO_KERNEL(name, ...) {"treino_" #name, sizeof(__VA_ARGS__), run<__VA_ARGS__>},
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
      {"treino_levels", sizeof(Levels), run_levels},
  };
  for (const FakeKernel& kernel : all) {
    if (kernel.name == name) return &kernel;
  }
  return nullptr;
}

namespace {

void run_levels(const void* arguments, std::int64_t steps) {
  Levels levels{};
  std::memcpy(&levels, arguments, sizeof levels);
  const Level* level = Levels::levels_of(levels.data);
  const LevelLaunch* launches = levels.launches_of(levels.data);
  for (std::int64_t step = 0; step < steps; ++step) {
    for (int i = 0; i < levels.levels; ++i) {
      for (int number = level[i].last; number-- > level[i].first;) {
        const LevelLaunch& launch = launches[number];
        fake_kernel(std::string("treino_") + kKernelNames[launch.kernel])
            ->run(levels.data + levels.arguments_at + launch.arguments, launch.count);
      }
    }
  }
}

}  // namespace

}  // namespace treino::cuda
