// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "treino/backend/cpu/kernels.h"
#include "treino/base/error.h"

namespace treino::cpu {

namespace portable {
const Kernels& table();
}
#ifdef TREINO_X86_KERNELS
namespace avx2 {
const Kernels& table();
}
namespace avx512 {
const Kernels& table();
}
#endif

std::span<const Kernels* const> available_kernels() {
  static std::array<const Kernels*, 3> sets{};
  static const std::size_t count = [] {
    std::size_t n = 0;
#ifdef TREINO_X86_KERNELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
      sets[n++] = &avx512::table();
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets[n++] = &avx2::table();
#endif
    sets[n++] = &portable::table();
    return n;
  }();
  return {sets.data(), count};
}

const Kernels& choose_kernels() {
  const std::span<const Kernels* const> sets = available_kernels();
  const char* wanted = std::getenv("TREINO_ISA");
  if (wanted == nullptr || *wanted == '\0') return *sets[0];
  std::string names;
  for (const Kernels* set : sets) {
    if (set->name == wanted) return *set;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", set->name);
  }
  throw Error::mistake(fmt::format(
      "TREINO_ISA={} is not an instruction set of this machine and build: use one of {}", wanted,
      names));
}

}  // namespace treino::cpu
