// SPDX-License-Identifier: Apache-2.0
// Sums over the rows of [rows][channels], several at once and all in one launch: a block takes 32
// channels and every so-manieth row, eight rows at a time; the block that is done last adds what
// the others found, always in the same order, and finishes the channels.
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"

namespace treino::cuda {

// The rows begin, begin + step, ... of so many.
struct RowShare {
  Index begin, step;
  // use(fetch(row)) for each of them, in order.
  template <typename Fetch, typename Use>
  TREINO_HOST_DEVICE void each(Index rows, Fetch&& fetch, Use&& use) const {
    for (Index first = begin; first < rows; first += step * kAtOnce) {
      decltype(fetch(first)) fetched[kAtOnce] = {};
      for (int j = 0; j < kAtOnce; ++j) {
        if (first + j * step < rows) fetched[j] = fetch(first + j * step);
      }
      for (int j = 0; j < kAtOnce; ++j) {
        if (first + j * step < rows) use(fetched[j]);
      }
    }
  }
};

// `Terms` has kSums, channels, add(c, rows, sums): adds a share of the rows, and finish(c, sums).
template <typename Terms>
struct RowSums {
  static constexpr int kWide = 32, kLanes = kThreads / kWide, kSums = Terms::kSums;

  Terms terms;
  double* partial;     // [32 channels][chunk][sum][channel of the 32]
  unsigned* counters;  // one for each 32 channels, zero
  Index chunks;

  struct Shared {
    double sums[kLanes][kSums][kWide];
  };
  struct Thread {
    double sums[kSums];
  };

  template <typename Team>
  TREINO_HOST_DEVICE void tile(Index block, Team& team) const {
    const Index group = block / chunks, chunk = block - group * chunks, first = group * kWide;
    double* parts = partial + group * chunks * kSums * kWide;
    team.each([&](int thread, Thread& own) {
      for (double& sum : own.sums) sum = 0;
      const Index c = first + thread % kWide;
      if (c < terms.channels)
        terms.add(c, {chunk * kLanes + thread / kWide, chunks * kLanes}, own.sums);
      put(thread, own, team.shared);
    });
    team.each([&](int thread, Thread& own) {
      if (thread >= kWide) return;
      take(thread, own, team.shared);
      if (chunks == 1) return finish(first + thread, own);
      for (int k = 0; k < kSums; ++k) parts[(chunk * kSums + k) * kWide + thread] = own.sums[k];
    });
    if (chunks == 1 || !team.is_last(counters + group, static_cast<unsigned>(chunks))) return;
    team.each([&](int thread, Thread& own) {
      for (int k = 0; k < kSums; ++k) {
        own.sums[k] = 0;
        RowShare{thread / kWide, kLanes}.each(
            chunks, [&](Index each) { return parts[(each * kSums + k) * kWide + thread % kWide]; },
            [&](double part) { own.sums[k] += part; });
      }
      put(thread, own, team.shared);
    });
    team.each([&](int thread, Thread& own) {
      if (thread >= kWide) return;
      take(thread, own, team.shared);
      finish(first + thread, own);
    });
  }

 private:
  TREINO_HOST_DEVICE static void put(int thread, const Thread& own, Shared& shared) {
    for (int k = 0; k < kSums; ++k) shared.sums[thread / kWide][k][thread % kWide] = own.sums[k];
  }
  TREINO_HOST_DEVICE static void take(int thread, Thread& own, const Shared& shared) {
    for (int k = 0; k < kSums; ++k) {
      own.sums[k] = 0;
      for (int lane = 0; lane < kLanes; ++lane) own.sums[k] += shared.sums[lane][k][thread];
    }
  }
  TREINO_HOST_DEVICE void finish(Index c, const Thread& own) const {
    if (c < terms.channels) terms.finish(c, own.sums);
  }
};

}  // namespace treino::cuda
