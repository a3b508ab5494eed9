// SPDX-License-Identifier: Apache-2.0
// Pooling of one channels-last image: vectors run over channels. Padding is left out of every
// window.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

struct Taps {    // the part of a window inside the image
  Index y0, x0;  // of tap (0, 0), may be outside
  Index ky0, ky1, kx0, kx1;
};

TREINO_INLINE Index first_inside(Index start, Index dilation) {
  return start >= 0 ? 0 : (-start + dilation - 1) / dilation;
}
TREINO_INLINE Index end_inside(Index start, Index size, Index dilation, Index extent) {
  return start >= extent ? 0 : least(size, (extent - start + dilation - 1) / dilation);
}

TREINO_INLINE Taps taps(const PoolImage& p, Index oy, Index ox) {
  Taps t;
  t.y0 = oy * p.stride[0] - p.pad[0];
  t.x0 = ox * p.stride[1] - p.pad[1];
  t.ky0 = first_inside(t.y0, p.dilation[0]);
  t.ky1 = end_inside(t.y0, p.size[0], p.dilation[0], p.height);
  t.kx0 = first_inside(t.x0, p.dilation[1]);
  t.kx1 = end_inside(t.x0, p.size[1], p.dilation[1], p.width);
  return t;
}

TREINO_INLINE Index tap_offset(const PoolImage& p, const Taps& t, Index ky, Index kx) {
  return ((t.y0 + ky * p.dilation[0]) * p.width + t.x0 + kx * p.dilation[1]) * p.channels;
}

TREINO_INLINE F fetch(const float* from, Index count) {
  return count == kLanes ? load(from) : load_part(from, count);
}
TREINO_INLINE void put(float* to, F value, Index count) {
  if (count == kLanes)
    store(to, value);
  else
    store_part(to, value, count);
}

void zero(float* to, Index count) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, F{});
  for (; i < count; ++i) to[i] = 0;
}

// Calls body(taps, output offset, channel, channels in this vector) for every output vector.
template <typename Body>
TREINO_INLINE void each_output(const PoolImage& p, Body body) {
  for (Index oy = 0; oy < p.out_height; ++oy) {
    for (Index ox = 0; ox < p.out_width; ++ox) {
      const Taps t = taps(p, oy, ox);
      const Index offset = (oy * p.out_width + ox) * p.channels;
      for (Index c = 0; c < p.channels; c += kLanes)
        body(t, offset + c, c, least(kLanes, p.channels - c));
    }
  }
}

// Calls body(input offset of the tap) for the taps of a window, row by row.
template <typename Body>
TREINO_INLINE void each_tap(const PoolImage& p, const Taps& t, Body body) {
  for (Index ky = t.ky0; ky < t.ky1; ++ky) {
    for (Index kx = t.kx0; kx < t.kx1; ++kx) body(tap_offset(p, t, ky, kx));
  }
}

void max_pool(const PoolImage& p) {
  each_output(p, [&](const Taps& t, Index out, Index c, Index count) {
    F best = splat(-__builtin_inff());
    // A NaN in the window stays: max of (best, NaN) is the second operand, and then best != best.
    each_tap(p, t, [&](Index at) {
      const F x = fetch(p.x + at + c, count);
      best = choose(best != best, best, larger(best, x));
    });
    put(p.out + out, best, count);
  });
}

// dx of an image. Windows that do not overlap write their pixels once, others add.
void max_pool_grad(const PoolImage& p) {
  const bool apart = p.stride[0] >= (p.size[0] - 1) * p.dilation[0] + 1 &&
                     p.stride[1] >= (p.size[1] - 1) * p.dilation[1] + 1;
  zero(p.out, p.height * p.width * p.channels);
  each_output(p, [&](const Taps& t, Index out, Index c, Index count) {
    const F y = fetch(p.y + out, count), dy = fetch(p.dy + out, count);
    I open = splat_int(-1);  // lanes whose largest has not come by yet
    each_tap(p, t, [&](Index at) {
      const I here = (fetch(p.x + at + c, count) == y) & open;
      open &= ~here;
      const F part = (F)((I)dy & here);
      float* dx = p.out + at + c;
      put(dx, apart ? part : part + fetch(dx, count), count);
    });
  });
}

TREINO_INLINE float share(const Taps& t) {
  return 1.F / static_cast<float>(most(1, (t.ky1 - t.ky0) * (t.kx1 - t.kx0)));
}

void avg_pool(const PoolImage& p) {
  each_output(p, [&](const Taps& t, Index out, Index c, Index count) {
    F sum{};
    each_tap(p, t, [&](Index at) { sum += fetch(p.x + at + c, count); });
    put(p.out + out, sum * share(t), count);
  });
}

void avg_pool_grad(const PoolImage& p) {
  zero(p.out, p.height * p.width * p.channels);
  each_output(p, [&](const Taps& t, Index out, Index c, Index count) {
    const F part = fetch(p.dy + out, count) * share(t);
    each_tap(p, t, [&](Index at) {
      float* dx = p.out + at + c;
      put(dx, part + fetch(dx, count), count);
    });
  });
}

}  // namespace

void add_pools(Kernels& kernels) {
  kernels.max_pool = max_pool;
  kernels.max_pool_grad = max_pool_grad;
  kernels.avg_pool = avg_pool;
  kernels.avg_pool_grad = avg_pool_grad;
}

}  // namespace treino::cpu::TREINO_ISA
