// SPDX-License-Identifier: Apache-2.0
// Sums over the rows of [rows][channels], several at once and all in one launch: a block takes a
// few channels and every so-manieth row, a thread N channels and several rows at a time; the block
// that is done last adds what the others found, always in the same order, and finishes the
// channels.
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"

namespace treino::cuda {

// The rows begin, begin + step, ... of so many.
struct RowShare {
  static constexpr int kAtOnce = 8;

  int begin, step;

  // use(fetched, count) for groups of kAtOnce rows, fetched by fetch(offset, true) from where the
  // row begins. The last group may have fewer: the others are fetch(its first row's, false). Where
  // all are there the addresses take few instructions, so that nothing comes between the loads.
  template <typename Fetch, typename Use>
  TREINO_HOST_DEVICE void each_group(Index rows, Index width, Fetch&& fetch, Use&& use) const {
    const Index stride = step * width;
    Index left = rows - begin, offset = begin * width;
    for (; left > 0; left -= Index{step} * kAtOnce, offset += stride * kAtOnce) {
      decltype(fetch(offset, true)) fetched[kAtOnce];
      int count = kAtOnce;
      if (left > Index{step} * (kAtOnce - 1)) {
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j) fetched[j] = fetch(offset + stride * j, true);
      } else {
        count = 0;
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j) {
          const bool there = Index{step} * j < left;
          fetched[j] = fetch(there ? offset + stride * j : offset, there);
          count += there;
        }
      }
      use(fetched, count);
    }
  }
};

// `Terms` has kSums, channels, add<N>(c, rows, sums): adds a share of the rows of N channels,
// known(c): what finishing a channel needs besides, and finish(c, sums, known).
template <typename Terms, int kVector, int kAcross>
struct RowSums {
  static constexpr int kSums = Terms::kSums, kLanes = kThreads / kAcross;
  static constexpr int kWide = kAcross * kVector;                // channels of a block
  static constexpr int kOfThread = kSums * kVector, kWarp = 32;  // sums; threads
  static constexpr int kParts = kSums * kWide, kReaders = kThreads / kParts;

  Terms terms;
  double* partial;     // [kWide channels][chunk][sum][channel]
  unsigned* counters;  // one for each kWide channels, zero
  int chunks;

  struct Shared {
    double sums[kOfThread][kThreads];
    double warps[kOfThread][kWarp];
  };
  struct Thread {
    typename Terms::Known known;
    double sums[kSums];
  };

  template <typename Team>
  TREINO_HOST_DEVICE void tile(Index block, Team& team) const {
    const int group = static_cast<int>(block) / chunks;
    const int chunk = static_cast<int>(block) - group * chunks, first = group * kWide;
    double* parts = partial + Index{group} * chunks * kParts;
    Shared& shared = team.shared;
    team.each([&](int thread, Thread& own) {
      if (const int c = first + thread; thread < kWide && c < terms.channels)
        own.known = terms.known(c);
      double sums[kSums][kVector] = {};
      const int c = first + thread % kAcross * kVector;
      if (c < terms.channels)
        terms.template add<kVector>(c, {chunk * kLanes + thread / kAcross, chunks * kLanes}, sums);
#pragma unroll
      for (int k = 0; k < kOfThread; ++k) shared.sums[k][thread] = sums[k / kVector][k % kVector];
    });
    // A thread adds every 32nd of one of the sums, which are of the same channel.
    team.each([&](int thread, Thread&) {
      if (thread >= kOfThread * kWarp) return;
      const double* from = shared.sums[thread / kWarp] + thread % kWarp;
      double sum = 0;
#pragma unroll
      for (int i = 0; i < kThreads / kWarp; ++i) sum += from[i * kWarp];
      shared.warps[thread / kWarp][thread % kWarp] = sum;
    });
    team.each([&](int thread, Thread& own) {
      if (thread >= kWide) return;
      for (int k = 0; k < kSums; ++k) {
        const double* from = shared.warps[k * kVector + thread % kVector] + thread / kVector;
        own.sums[k] = 0;
#pragma unroll
        for (int i = 0; i < kWarp / kAcross; ++i) own.sums[k] += from[i * kAcross];
        if (chunks > 1) parts[(chunk * kSums + k) * kWide + thread] = own.sums[k];
      }
      if (chunks == 1) finish(first + thread, own);
    });
    if (chunks == 1 || !team.is_last(counters + group, static_cast<unsigned>(chunks))) return;
    double* found = shared.sums[0];
    team.each([&](int thread, Thread&) {
      double sum = 0;
      for (int begin = thread / kParts; begin < chunks; begin += kReaders * 8) {
        double part[8];
#pragma unroll
        for (int j = 0; j < 8; ++j) {
          const int each = begin + j * kReaders;
          part[j] = each < chunks ? parts[each * kParts + thread % kParts] : 0;
        }
#pragma unroll
        for (int j = 0; j < 8; ++j) sum += part[j];
      }
      found[thread] = sum;
    });
    team.each([&](int thread, Thread& own) {
      if (thread >= kWide) return;
      for (int k = 0; k < kSums; ++k) {
        own.sums[k] = 0;
#pragma unroll
        for (int i = 0; i < kReaders; ++i) own.sums[k] += found[i * kParts + k * kWide + thread];
      }
      finish(first + thread, own);
    });
  }

 private:
  TREINO_HOST_DEVICE void finish(Index c, const Thread& own) const {
    if (c < terms.channels) terms.finish(c, own.sums, own.known);
  }
};

}  // namespace treino::cuda
