// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/kernels/math.h"
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

TREINO_INLINE F fetch(const float* from, Index count, float rest) {
  if (count == kLanes) return load(from);
  return choose(first_lanes(count), load_part(from, count), splat(rest));
}

// out = e^(x - largest); returns their sum. A NaN anywhere in the row makes the whole row NaN.
TREINO_INLINE float exponentials(float* out, const float* x, Index columns, float& most_of) {
  F best = splat(-__builtin_inff());
  for (Index c = 0; c < columns; c += kLanes) {
    best = larger(best, fetch(x + c, least(kLanes, columns - c), -__builtin_inff()));
  }
  most_of = largest_of(best);
  F sum{};
  for (Index c = 0; c < columns; c += kLanes) {
    const Index count = least(kLanes, columns - c);
    const F value = exp(fetch(x + c, count, -__builtin_inff()) - most_of);
    put(out + c, value, count);
    sum += value;
  }
  return sum_of(sum);
}

void scale_row(float* row, Index columns, float factor) {
  for (Index c = 0; c < columns; c += kLanes) {
    const Index count = least(kLanes, columns - c);
    put(row + c, fetch(row + c, count, 0) * factor, count);
  }
}

void softmax(float* out, const float* x, Index rows, Index columns) {
  for (Index r = 0; r < rows; ++r) {
    float largest = 0;
    const float sum = exponentials(out + r * columns, x + r * columns, columns, largest);
    scale_row(out + r * columns, columns, 1.F / sum);
  }
}

// loss = sum t (largest + ln sum e^(z - largest)) - sum t z, with z - largest in both sums so that
// large logits do not cancel.
void cross_entropy(float* loss, float* probabilities, const float* logits, const float* targets,
                   Index rows, Index columns) {
  for (Index first = 0; first < rows; first += kLanes) {  // a row's sums in a lane
    const Index held = least(kLanes, rows - first);
    F sums = splat(1), weights{}, products{};
    for (Index r = 0; r < held; ++r) {
      const Index at = (first + r) * columns;
      float* p = probabilities + at;
      float largest = 0;
      const float sum = exponentials(p, logits + at, columns, largest), scale = 1.F / sum;
      F weight{}, product{};
      for (Index c = 0; c < columns; c += kLanes) {
        const Index count = least(kLanes, columns - c);
        const F target = fetch(targets + at + c, count, 0);
        put(p + c, fetch(p + c, count, 0) * scale, count);
        weight += target;
        product = fma(target, fetch(logits + at + c, count, largest) - largest, product);
      }
      const I lane = only_lane(r);
      sums = choose(lane, splat(sum), sums);
      weights = choose(lane, splat(sum_of(weight)), weights);
      products = choose(lane, splat(sum_of(product)), products);
    }
    put(loss + first, weights * log(sums) - products, held);
  }
}

}  // namespace

void add_softmax(Kernels& kernels) {
  kernels.softmax = softmax;
  kernels.cross_entropy = cross_entropy;
}

}  // namespace treino::cpu::TREINO_ISA
