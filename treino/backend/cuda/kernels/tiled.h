// SPDX-License-Identifier: Apache-2.0
// Kernels whose threads work together, a tile of results a block. Such a structure has
//   Shared   what the block's threads share
//   Thread   what each of them keeps for itself
//   tile(block, team)   the work of one block
// and does all of it in team.each(f): f(thread, own) for every thread, then a barrier. On the GPU a
// thread calls f for itself; on the host it is a loop over them.
#pragma once

#include <cstring>

#include "treino/backend/cuda/kernels/common.h"

namespace treino::cuda {

inline constexpr int kThreads = 256;  // of a block

template <typename Work, typename = void>
inline constexpr bool kTiled = false;
template <typename Work>
inline constexpr bool kTiled<Work, std::void_t<typename Work::Shared>> = true;

// Blocks that a GPU's multiprocessor is to have at once: what a thread holds must leave room for
// them; 0: as the compiler likes.
template <typename Work, typename = void>
inline constexpr int kLeastBlocks = 0;
template <typename Work>
inline constexpr int kLeastBlocks<Work, std::enable_if_t<(Work::kBlocks > 0)>> = Work::kBlocks;

// N neighbours that are read or written at once, aligned to their size.
template <int N, typename T = float>
struct alignas(N * sizeof(T)) Neighbours {
  T value[N];
};
template <int N, typename T>
TREINO_HOST_DEVICE Neighbours<N, T> neighbours_at(const T* aligned) {
#ifdef __CUDA_ARCH__
  return *reinterpret_cast<const Neighbours<N, T>*>(aligned);
#else
  Neighbours<N, T> result;
  std::memcpy(&result, aligned, sizeof result);
  return result;
#endif
}
template <int N, typename T>
TREINO_HOST_DEVICE void put_neighbours(T* aligned, const Neighbours<N, T>& values) {
#ifdef __CUDA_ARCH__
  *reinterpret_cast<Neighbours<N, T>*>(aligned) = values;
#else
  std::memcpy(aligned, &values, sizeof values);
#endif
}

#ifndef __CUDACC__
template <typename Work>
class HostTeam {
 public:
  typename Work::Shared shared;

  template <typename F>
  void each(F&& f) {
    for (int thread = 0; thread < kThreads; ++thread) f(thread, own_[thread]);
  }
  // Whether this is the last of so many blocks to arrive at a counter that was zero; it is again.
  bool is_last(unsigned* counter, unsigned blocks) {
    if (++*counter < blocks) return false;
    *counter = 0;
    return true;
  }

 private:
  typename Work::Thread own_[kThreads];
};
#endif

}  // namespace treino::cuda
