// SPDX-License-Identifier: Apache-2.0
// Pooling of one channels-last image: vectors run over channels. Padding is left out of every
// window.
#include "treino/backend/cpu/kernels/windows.h"

namespace treino::cpu::TREINO_ISA {

namespace {

void zero(float* to, Index count) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, F{});
  for (; i < count; ++i) to[i] = 0;
}

// A NaN in the window stays: max of (best, NaN) is the second operand, and then best != best.
TREINO_INLINE F larger_or_nan(F best, F x) {
  return choose(best != best, best, larger(best, x));
}

// What is pooled: x of some channels, or x scale + shift.
template <bool Affine, bool Whole>
struct Pooled {
  F scale{}, shift{};
  Pooled(const PoolImage& p, Index c, Index count) {
    if (Affine) scale = take<Whole>(p.scale + c, count), shift = take<Whole>(p.shift + c, count);
  }
  F at(const float* x, Index count) const {
    const F value = take<Whole>(x, count);
    return Affine ? fma(value, scale, shift) : value;
  }
};

// A row of windows that tile the image, some channels at a time. Size: of a square window known to
// the compiler, 0: any. By value: a store might have changed what is read through a reference, for
// all the compiler knows.
template <int Size, bool Affine, bool Whole>
TREINO_INLINE void max_pool_row(const PoolImage p, Index oy, Index c, Index count) {
  const Index high = Size ? Size : p.size[0], wide = Size ? Size : p.size[1];
  const Index channels = p.channels, pitch = p.width * channels, step = wide * channels;
  const Pooled<Affine, Whole> pooled(p, c, count);
  const float* x = p.x + oy * high * pitch + c;
  float* out = p.out + oy * p.out_width * channels + c;
  for (Index ox = 0; ox < p.out_width; ++ox, x += step, out += channels) {
    F best = pooled.at(x, count);
    for (Index ky = 0; ky < high; ++ky) {
      for (Index kx = 0; kx < wide; ++kx)
        best = larger_or_nan(best, pooled.at(x + ky * pitch + kx * channels, count));
    }
    give<Whole>(out, best, count);
  }
}

template <int Size, bool Affine>
void max_pool_tiles(const PoolImage& p) {
  for (Index oy = p.first_row; oy < p.out_height; ++oy) {
    Index c = 0;
    for (; c + kLanes <= p.channels; c += kLanes)
      max_pool_row<Size, Affine, true>(p, oy, c, kLanes);
    if (c < p.channels) max_pool_row<Size, Affine, false>(p, oy, c, p.channels - c);
  }
}

template <bool Affine>
void max_pool_of(const PoolImage& p) {
  if (tiles(p)) {
    const bool square = p.size[0] == p.size[1];
    return square && p.size[0] == 2   ? max_pool_tiles<2, Affine>(p)
           : square && p.size[0] == 3 ? max_pool_tiles<3, Affine>(p)
                                      : max_pool_tiles<0, Affine>(p);
  }
  each_output(p, [&](const Taps& t, Index out, Index c, Index count) {
    const Pooled<Affine, false> pooled(p, c, count);
    F best = splat(-__builtin_inff());
    each_tap(p, t, [&](Index at) { best = larger_or_nan(best, pooled.at(p.x + at + c, count)); });
    put(p.out + out, best, count);
  });
}

void max_pool(const PoolImage& p) {
  p.scale != nullptr ? max_pool_of<true>(p) : max_pool_of<false>(p);
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
