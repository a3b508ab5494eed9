// SPDX-License-Identifier: Apache-2.0
// Dropout masks: Philox4x32-10 (base/rng.h) for several counters at a time, one a 64-bit lane.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

constexpr int kCounters = kLanes / 2;
typedef std::uint64_t Wide __attribute__((vector_size(8 * kCounters)));

TREINO_INLINE Wide low_of(Wide a) {
  return a & 0xffffffffU;
}

// In the low halves: what is above them counts for nothing before the words are put together.
struct Words {
  Wide w[4];
};

// Rounds wait for each other, so two vectors of counters go through them side by side.
constexpr int kPair = 2;

TREINO_INLINE void philox(Words (&pair)[kPair], std::uint64_t key) {
  std::uint32_t key_low = static_cast<std::uint32_t>(key);
  std::uint32_t key_high = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    for (Words& c : pair) {
      const Wide product0 = low_of(c.w[0]) * std::uint64_t{0xD2511F53};
      const Wide product1 = low_of(c.w[2]) * std::uint64_t{0xCD9E8D57};
      c = {{(product1 >> 32) ^ c.w[1] ^ std::uint64_t{key_low}, product1,
            (product0 >> 32) ^ c.w[3] ^ std::uint64_t{key_high}, product0}};
    }
    key_low += 0x9E3779B9;
    key_high += 0xBB67AE85;
  }
}

typedef std::uint32_t U __attribute__((vector_size(4 * kLanes)));

#if defined(__AVX512F__)
TREINO_INLINE Wide interleave_low(Wide a, Wide b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
TREINO_INLINE Wide interleave_high(Wide a, Wide b) {
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
#elif defined(__AVX2__)
TREINO_INLINE Wide interleave_low(Wide a, Wide b) {
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}
TREINO_INLINE Wide interleave_high(Wide a, Wide b) {
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}
#else
TREINO_INLINE Wide interleave_low(Wide a, Wide b) {
  return __builtin_shufflevector(a, b, 0, 2);
}
TREINO_INLINE Wide interleave_high(Wide a, Wide b) {
  return __builtin_shufflevector(a, b, 1, 3);
}
#endif

TREINO_INLINE void store_masks(float* out, U words, std::uint32_t threshold, float keep,
                               Index count) {
  const F mask = choose((I)(words < threshold), splat(0), splat(keep));
  if (count >= kLanes)
    store(out, mask);
  else if (count > 0)
    store_part(out, mask, count);
}

void dropout(float* out, Index first, Index count, std::uint32_t stream, std::uint64_t position,
             std::uint64_t seed, std::uint32_t threshold, float keep) {
  Wide lane{};
  for (int i = 0; i < kCounters; ++i) lane[i] = static_cast<std::uint64_t>(i);
  const Wide zero{};
  for (Index done = 0; done < count; done += 2 * kPair * kLanes) {
    Words pair[kPair];
    for (int k = 0; k < kPair; ++k) {
      const Wide counter = lane + static_cast<std::uint64_t>((first + done + 2 * k * kLanes) / 4);
      pair[k] = {{low_of(counter), zero + std::uint64_t{stream}, zero + (position & 0xffffffffU),
                  zero + (position >> 32)}};
    }
    philox(pair, seed);
    for (int k = 0; k < kPair; ++k) {
      const Words& words = pair[k];
      const Index at = done + 2 * k * kLanes;
      // Words 0 and 1 of a counter side by side, words 2 and 3 too, then counters in order.
      const Wide early = low_of(words.w[0]) | (words.w[1] << 32),
                 late = low_of(words.w[2]) | (words.w[3] << 32);
      store_masks(out + at, (U)interleave_low(early, late), threshold, keep, count - at);
      store_masks(out + at + kLanes, (U)interleave_high(early, late), threshold, keep,
                  count - at - kLanes);
    }
  }
}

}  // namespace

void add_dropout(Kernels& kernels) {
  kernels.dropout = dropout;
}

}  // namespace treino::cpu::TREINO_ISA
