// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/peak.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "treino/backend/cpu/kernels.h"
#include "treino/base/thread_team.h"

namespace treino::cpu {

namespace {

constexpr int kWindows = 40;  // the best of so many: a neighbour slows some, never all
constexpr Index kRounds = 20'000;
constexpr std::int64_t kLeastRead = 4 << 20;  // bytes of one window

using Clock = std::chrono::steady_clock;

struct Measurement {
  ThreadTeam* team = nullptr;
  const Kernels* kernels = nullptr;
  std::vector<float> data;
  bool reading = false;
  Index passes = 1;
  double amount = 0;  // of a window: operations or bytes
  double best = 0;

  void work(int worker) {
    alignas(64) float sink[64] = {0.999F, 1e-3F};
    const Index count = static_cast<Index>(data.size()) / team->size();
    const float* own = data.data() + count * worker;
    double sum = 0;
    for (int window = 0; window < kWindows; ++window) {
      team->barrier(worker);
      const Clock::time_point start = Clock::now();
      double done = 0;
      if (reading) {
        for (Index pass = 0; pass < passes; ++pass) sum += kernels->sum(own, count);
        done = static_cast<double>(passes * count) * sizeof(float);
      } else {
        done = kernels->multiply_adds_in_registers(kRounds, sink);
      }
      team->barrier(worker);
      if (worker != 0) continue;
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      best = std::max(best, done * team->size() / seconds);
    }
    if (worker == 0) amount = sum;  // read, so that it is computed
  }

  double run() {
    best = 0;
    team->run([](void* self, int worker) { static_cast<Measurement*>(self)->work(worker); }, this);
    return best;
  }
};

}  // namespace

Peak measure_peak(int threads, std::int64_t buffer_bytes) {
  ThreadTeam team(threads > 0 ? threads : usable_threads());
  Measurement measurement;
  measurement.team = &team;
  measurement.kernels = &choose_kernels();
  Peak peak;
  peak.buffer_bytes = std::clamp<std::int64_t>(buffer_bytes, 64 << 10, 256 << 20);
  measurement.data.assign(static_cast<std::size_t>(peak.buffer_bytes) / sizeof(float), 1.F);
  measurement.passes = std::max<Index>(1, kLeastRead / peak.buffer_bytes);
  peak.flops = measurement.run();
  measurement.reading = true;
  peak.bandwidth = measurement.run();
  return peak;
}

}  // namespace treino::cpu
