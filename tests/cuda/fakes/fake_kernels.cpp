// SPDX-License-Identifier: Apache-2.0
// The kernels' own structures, run index by index on the host; compiled as the library's other
// code.
#include <cstring>
#include <new>

#include "tests/cuda/fakes/fake_driver.h"
#include "treino/backend/cuda/kernels.h"

namespace treino::cuda {

namespace {

template <typename Work>
void run(const void* arguments, std::int64_t count) {
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

}  // namespace

const FakeKernel* fake_kernel(const std::string& name) {
  static const FakeKernel all[] = {
#define TREINO_KERNEL(name, ...) {"treino_" #name, sizeof(__VA_ARGS__), run<__VA_ARGS__>},
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
  };
  for (const FakeKernel& kernel : all) {
    if (kernel.name == name) return &kernel;
  }
  return nullptr;
}

}  // namespace treino::cuda
