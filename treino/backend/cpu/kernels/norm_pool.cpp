// SPDX-License-Identifier: Apache-2.0
// Batch norm under max pooling, one channels-last image at a time. Forward: the sums of the
// statistics and the raw pooled values in one pass. Backward: the gradients of pooling, norm and a
// relu before it in one pass, dx = [x > 0] (dy scale where x was chosen + x slope + shift), with
// the sums of dx. Windows that tile the image are walked band by band, so that each pixel is read
// once.
#include "treino/backend/cpu/kernels/windows.h"

namespace treino::cpu::TREINO_ISA {

namespace {

#define TREINO_MEMBER inline __attribute__((always_inline))

// Some channels of an image, Vectors of them side by side, whose sums do not wait for each other;
// sums run in float over a band of rows and are gathered in double.
template <bool Whole, int Vectors>
struct Forward {
  const NormPoolImage& p;
  Index c, count;
  F pivot[Vectors], flip[Vectors];  // flip: the sign bit where the smallest is wanted
  F sum[Vectors]{}, squares[Vectors]{};

  TREINO_MEMBER Forward(const NormPoolImage& image, Index first, Index channels)
      : p(image), c(first), count(channels) {
    for (int v = 0; v < Vectors; ++v) {
      const Index at = c + v * kLanes;
      pivot[v] = take<Whole>(p.pivot + at, count);
      flip[v] = (F)((take<Whole>(p.gamma + at, count) < F{}) & splat_int(INT32_MIN));
    }
  }
  TREINO_MEMBER F visit(const float* x, int v) {
    const F value = take<Whole>(x + c + v * kLanes, count), d = value - pivot[v];
    sum[v] += d;
    squares[v] = fma(d, d, squares[v]);
    return (F)((I)value ^ (I)flip[v]);
  }
  TREINO_MEMBER void flush() {
    for (int v = 0; v < Vectors; ++v) {
      gather(p.sums + c + v * kLanes, sum[v], count);
      gather(p.sums + p.pool.channels + c + v * kLanes, squares[v], count);
      sum[v] = squares[v] = F{};
    }
  }
  // Size: of a square window known to the compiler, 0: any. What the loop uses is copied first: a
  // store might have changed it, for all the compiler knows.
  template <int Size>
  TREINO_MEMBER void band(Index oy) {
    const PoolImage w = p.pool;
    const Index high = Size ? Size : w.size[0], wide = Size ? Size : w.size[1];
    const Index pitch = w.width * w.channels;
    const float* x = w.x + oy * high * pitch;
    float* out = w.out + oy * w.out_width * w.channels + c;
    for (Index ox = 0; ox < w.out_width; ++ox, x += wide * w.channels, out += w.channels) {
      F best[Vectors];
      for (int v = 0; v < Vectors; ++v) best[v] = splat(-__builtin_inff());
      for (Index ky = 0; ky < high; ++ky) {
        for (Index kx = 0; kx < wide; ++kx) {
          for (int v = 0; v < Vectors; ++v)
            best[v] = larger(best[v], visit(x + ky * pitch + kx * w.channels, v));
        }
      }
      for (int v = 0; v < Vectors; ++v)
        give<Whole>(out + v * kLanes, (F)((I)best[v] ^ (I)flip[v]), count);
    }
    for (Index ky = 0; ky < high; ++ky) rest(oy * high + ky, w.out_width * wide);
    flush();
  }
  TREINO_MEMBER void rest(Index y, Index from) {
    const PoolImage& w = p.pool;
    for (Index x = from; x < w.width; ++x) {
      for (int v = 0; v < Vectors; ++v) visit(w.x + (y * w.width + x) * w.channels, v);
    }
  }
};

template <bool Whole, int Vectors>
struct Backward {
  const NormPoolImage& p;
  Index c, count;
  F scale[Vectors], slope[Vectors], shift[Vectors];
  F sum[Vectors]{};

  TREINO_MEMBER Backward(const NormPoolImage& image, Index first, Index channels)
      : p(image), c(first), count(channels) {
    for (int v = 0; v < Vectors; ++v) {
      scale[v] = take<Whole>(p.scale + c + v * kLanes, count);
      slope[v] = take<Whole>(p.slope + c + v * kLanes, count);
      shift[v] = take<Whole>(p.shift + c + v * kLanes, count);
    }
  }
  template <bool Relu>
  TREINO_MEMBER void settle(F x, F extra, float* to, int v) {
    F dx = fma(x, slope[v], shift[v]) + extra;
    if (Relu) dx = (F)((I)dx & (x > F{}));
    sum[v] += dx;
    give<Whole>(to, dx, count);
  }
  TREINO_MEMBER void flush() {
    for (int v = 0; v < Vectors; ++v) {
      gather(p.sums + c + v * kLanes, sum[v], count);
      sum[v] = F{};
    }
  }
  // The first of the pixels that are equal to what was chosen gets dy.
  template <int Size, bool Relu>
  TREINO_MEMBER void relu_band(Index oy) {
    const PoolImage w = p.pool;
    const Index high = Size ? Size : w.size[0], wide = Size ? Size : w.size[1];
    const Index channels = w.channels, pitch = w.width * channels, step = wide * channels;
    const Index next_band = high * pitch;  // x was written long ago: ask for it in time
    const float *x = w.x + oy * high * pitch + c, *y = w.y + oy * w.out_width * channels + c,
                *dy = w.dy + oy * w.out_width * channels + c;
    float* out = w.out + oy * high * pitch + c;
    const float* end = y + w.out_width * channels;
    for (; y != end; y += channels, dy += channels, x += step, out += step) {
      F chosen[Vectors], part[Vectors];
      for (int v = 0; v < Vectors; ++v) {
        chosen[v] = take<Whole>(y + v * kLanes, count);
        part[v] = take<Whole>(dy + v * kLanes, count) * scale[v];
      }
      for (Index ky = 0; ky < high; ++ky) {
        for (Index kx = 0; kx < wide; ++kx) {
          const Index tap = ky * pitch + kx * channels;
          __builtin_prefetch(x + tap + next_band);
          __builtin_prefetch(out + tap + next_band, 1);
          for (int v = 0; v < Vectors; ++v) {
            const F value = take<Whole>(x + tap + v * kLanes, count);
            const I here = value == chosen[v];
            settle<Relu>(value, (F)((I)part[v] & here), out + tap + v * kLanes, v);
            part[v] = (F)((I)part[v] & ~here);
          }
        }
      }
    }
    for (Index ky = 0; ky < high; ++ky) relu_rest<Relu>(oy * high + ky, w.out_width * wide);
    flush();
  }
  template <int Size>
  TREINO_MEMBER void band(Index oy) {
    p.relu ? relu_band<Size, true>(oy) : relu_band<Size, false>(oy);
  }
  // Spread: windows overlap, and out holds what they spread over x.
  template <bool Relu, bool Spread = false>
  TREINO_MEMBER void relu_rest(Index y, Index from) {
    const PoolImage w = p.pool;
    for (Index x = from; x < w.width; ++x) {
      for (int v = 0; v < Vectors; ++v) {
        const Index at = (y * w.width + x) * w.channels + c + v * kLanes;
        settle<Relu>(take<Whole>(w.x + at, count), Spread ? take<Whole>(w.out + at, count) : F{},
                     w.out + at, v);
      }
    }
  }
  TREINO_MEMBER void rest(Index y, Index from) {
    p.relu ? relu_rest<true>(y, from) : relu_rest<false>(y, from);
  }
  TREINO_MEMBER void spread(Index y) {
    p.relu ? relu_rest<true, true>(y, 0) : relu_rest<false, true>(y, 0);
  }
};

template <typename Columns>
TREINO_INLINE void row(Columns& columns, const PoolImage& w, Index oy) {
  if (w.size[0] == 2 && w.size[1] == 2)
    columns.template band<2>(oy);
  else
    columns.template band<0>(oy);
}

template <typename Columns>
TREINO_INLINE void tail(Columns& columns, const PoolImage& w) {
  for (Index y = w.out_height * w.size[0]; y < w.height; ++y) columns.rest(y, 0);
  columns.flush();
}

// Calls body(columns) for all channels, two vectors side by side where there are as many.
template <template <bool, int> typename Columns, typename Body>
TREINO_INLINE void each_columns(const NormPoolImage& p, Body body) {
  Index c = 0;
  for (; c + 2 * kLanes <= p.pool.channels; c += 2 * kLanes) body(Columns<true, 2>(p, c, kLanes));
  for (; c + kLanes <= p.pool.channels; c += kLanes) body(Columns<true, 1>(p, c, kLanes));
  if (c < p.pool.channels) body(Columns<false, 1>(p, c, p.pool.channels - c));
}

// Where gamma is 0 all of a window are alike after the norm, and the first one is chosen.
void choose_first_where_flat(const NormPoolImage& p) {
  const PoolImage& w = p.pool;
  for (Index c = 0; c < w.channels; ++c) {
    if (p.gamma[c] != 0) continue;
    for (Index oy = 0; oy < w.out_height; ++oy) {
      for (Index ox = 0; ox < w.out_width; ++ox) {
        const Taps t = taps(w, oy, ox);
        if (t.ky0 < t.ky1 && t.kx0 < t.kx1)
          w.out[(oy * w.out_width + ox) * w.channels + c] = w.x[tap_offset(w, t, t.ky0, t.kx0) + c];
      }
    }
  }
}

void norm_pool(const NormPoolImage& p) {
  const PoolImage& w = p.pool;
  if (tiles(w)) {
    for (Index oy = 0; oy < w.out_height; ++oy)
      each_columns<Forward>(p, [&](auto columns) { row(columns, w, oy); });
    each_columns<Forward>(p, [&](auto columns) { tail(columns, w); });
    return choose_first_where_flat(p);
  }
  for (Index y = 0; y < w.height; ++y) {
    each_columns<Forward>(p, [&](auto columns) {
      columns.rest(y, 0);
      columns.flush();
    });
  }
  each_output(w, [&](const Taps& t, Index out, Index c, Index count) {
    const I flip = (fetch(p.gamma + c, count) < F{}) & splat_int(INT32_MIN);
    F best = splat(-__builtin_inff());
    each_tap(w, t,
             [&](Index at) { best = larger(best, (F)((I)fetch(w.x + at + c, count) ^ flip)); });
    put(w.out + out, (F)((I)best ^ flip), count);
  });
  choose_first_where_flat(p);
}

void norm_pool_grad(const NormPoolImage& p) {
  const PoolImage& w = p.pool;
  if (tiles(w)) {
    for (Index oy = 0; oy < w.out_height; ++oy)
      each_columns<Backward>(p, [&](auto columns) { row(columns, w, oy); });
    each_columns<Backward>(p, [&](auto columns) { tail(columns, w); });
    return;
  }
  for (Index i = 0; i < w.height * w.width * w.channels; ++i) w.out[i] = 0;
  each_output(w, [&](const Taps& t, Index out, Index c, Index count) {
    const F y = fetch(w.y + out, count);
    const F part = fetch(w.dy + out, count) * fetch(p.scale + c, count);
    I open = splat_int(-1);
    each_tap(w, t, [&](Index at) {
      const I here = (fetch(w.x + at + c, count) == y) & open;
      open &= ~here;
      put(w.out + at + c, fetch(w.out + at + c, count) + (F)((I)part & here), count);
    });
  });
  for (Index y = 0; y < w.height; ++y) {
    each_columns<Backward>(p, [&](auto columns) {
      columns.spread(y);
      columns.flush();
    });
  }
}

}  // namespace

void add_norm_pool(Kernels& kernels) {
  kernels.norm_pool = norm_pool;
  kernels.norm_pool_grad = norm_pool_grad;
}

}  // namespace treino::cpu::TREINO_ISA
