// SPDX-License-Identifier: Apache-2.0
// Transforms of Winograd's F(m x n, 3x3) with the points 0, 1, -1, 2, -2, 1/2, infinity (Lavin and
// Gray, "Fast algorithms for convolutional neural networks", 2015): a 4x4 tile of a 3x3 correlation
// from 36 multiplications instead of 144, a 5x5 tile from 49 instead of 225. m outputs along a
// dimension take the first m + 1 points and infinity, so that tiles of several sizes share one
// domain of the kernel and no output is computed to be thrown away. One tile at a time, vectors
// over channels.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

#define TREINO_MEMBER static inline __attribute__((always_inline))

// Along one dimension, a tile of M outputs. `input` is B^T d of M + 2 pixels, `output` is A^T m,
// `gradient` (A y) and `input_gradient` (B v) are their transposes. Rows of B^T are the
// coefficients of prod (t - b) over the other points b, divided by its value at the point and by
// the scale `kernel_points` gives that point.
template <int M>
struct Line;

// A row of F(5, 3) is one of F(4, 3) times (t - 1/2) / (p - 1/2): F(4, 3) of e = d - 2 d', where d'
// is the next pixel.
template <>
struct Line<5> {
  TREINO_MEMBER void input(const F (&d)[7], F (&o)[7]) {
    F e[5];
    for (int i = 0; i < 5; ++i) e[i] = d[i] - 2.F * d[i + 1];
    const F a = e[4] - 4.F * e[2], b = e[3] - 4.F * e[1], c = e[4] - e[2], f = 2.F * (e[3] - e[1]);
    const F half = 4.F * d[1] + (d[5] - 5.F * d[3]);
    o[0] = 4.F * e[0] + (e[4] - 5.F * e[2]);
    o[1] = -a - b;
    o[2] = (1.F / 3.F) * (a - b);
    o[3] = (-1.F / 3.F) * (c + f);
    o[4] = 0.2F * (c - f);
    o[5] = half;
    o[6] = 4.F * d[2] + (d[6] - 5.F * d[4]) - 0.5F * half;
  }
  TREINO_MEMBER void output(const F (&m)[7], F (&o)[5]) {
    const F a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    o[0] = m[0] + a + (c + m[5]);
    o[1] = 2.F * d + b + 0.5F * m[5];
    o[2] = 4.F * c + a + 0.25F * m[5];
    o[3] = 8.F * d + b + 0.125F * m[5];
    o[4] = 16.F * c + a + (0.0625F * m[5] + m[6]);
  }
  TREINO_MEMBER void gradient(const F (&y)[5], F (&o)[7]) {
    const F a = y[0] + y[2] + y[4], b = y[1] + y[3];
    const F c = 16.F * y[4] + (4.F * y[2] + y[0]), d = 2.F * (4.F * y[3] + y[1]);
    o[0] = y[0];
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + d;
    o[4] = c - d;
    o[5] = y[0] + 0.5F * y[1] + 0.25F * (y[2] + 0.5F * y[3] + 0.25F * y[4]);
    o[6] = y[4];
  }
  TREINO_MEMBER void input_gradient(const F (&v)[7], F (&d)[7]) {
    const F p = (1.F / 3.F) * v[2], q = (1.F / 3.F) * v[3], r = 0.2F * v[4];
    const F s = p - v[1], t = p + v[1], u = r - q, w = 2.F * (q + r);
    const F half = v[5] - 0.5F * v[6];
    const F e1 = 4.F * t + w, e2 = -5.F * v[0] - (4.F * s + u), e3 = -t - w, e4 = v[0] + (s + u);
    d[0] = 4.F * v[0];
    d[1] = e1 - 8.F * v[0] + 4.F * half;
    d[2] = e2 - 2.F * e1 + 4.F * v[6];
    d[3] = e3 - 2.F * e2 - 5.F * half;
    d[4] = e4 - 2.F * e3 - 5.F * v[6];
    d[5] = half - 2.F * e4;
    d[6] = v[6];
  }
};

template <>
struct Line<4> {
  TREINO_MEMBER void input(const F (&d)[6], F (&o)[6]) {
    const F a = d[4] - 4.F * d[2], b = d[3] - 4.F * d[1], c = d[4] - d[2], e = 2.F * (d[3] - d[1]);
    o[0] = 4.F * d[0] + (d[4] - 5.F * d[2]);
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = 4.F * d[1] + (d[5] - 5.F * d[3]);
  }
  TREINO_MEMBER void output(const F (&m)[6], F (&o)[4]) {
    const F a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    o[0] = m[0] + a + c;
    o[1] = 2.F * d + b;
    o[2] = 4.F * c + a;
    o[3] = 8.F * d + b + m[5];
  }
  TREINO_MEMBER void gradient(const F (&y)[4], F (&o)[6]) {
    const F a = y[0] + y[2], b = y[1] + y[3], c = 4.F * y[2] + y[0], d = 2.F * (4.F * y[3] + y[1]);
    o[0] = y[0];
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + d;
    o[4] = c - d;
    o[5] = y[3];
  }
  TREINO_MEMBER void input_gradient(const F (&v)[6], F (&d)[6]) {
    const F s = v[1] + v[2], t = v[1] - v[2], u = v[3] + v[4], w = 2.F * (v[3] - v[4]);
    d[0] = 4.F * v[0];
    d[1] = 4.F * (v[5] - t) - w;
    d[2] = -5.F * v[0] - (4.F * s + u);
    d[3] = t + w - 5.F * v[5];
    d[4] = v[0] + (s + u);
    d[5] = v[5];
  }
};

template <>
struct Line<3> {
  TREINO_MEMBER void input(const F (&d)[5], F (&o)[5]) {
    const F a = d[3] - d[1];
    o[0] = 4.F * (d[0] - d[2]) + 2.F * a;
    o[1] = 3.F * (d[3] - d[2]) - 6.F * d[1];
    o[2] = d[3] - 3.F * d[2] + 2.F * d[1];
    o[3] = 4.F * a;
    o[4] = d[4] - d[2] - 2.F * a;
  }
  TREINO_MEMBER void output(const F (&m)[5], F (&o)[3]) {
    const F a = m[1] + m[2];
    o[0] = m[0] + a + m[3];
    o[1] = 2.F * m[3] + (m[1] - m[2]);
    o[2] = 4.F * m[3] + a + m[4];
  }
  TREINO_MEMBER void gradient(const F (&y)[3], F (&o)[5]) {
    const F a = y[0] + y[2];
    o[0] = y[0];
    o[1] = a + y[1];
    o[2] = a - y[1];
    o[3] = 4.F * y[2] + 2.F * y[1] + y[0];
    o[4] = y[2];
  }
  TREINO_MEMBER void input_gradient(const F (&v)[5], F (&d)[5]) {
    const F a = 2.F * v[0] + 4.F * v[3] - 2.F * v[4];
    d[0] = 4.F * v[0];
    d[1] = 2.F * v[2] - 6.F * v[1] - a;
    d[2] = -4.F * v[0] - 3.F * (v[1] + v[2]) - v[4];
    d[3] = 3.F * v[1] + v[2] + a;
    d[4] = v[4];
  }
};

template <>
struct Line<2> {
  TREINO_MEMBER void input(const F (&d)[4], F (&o)[4]) {
    o[0] = 4.F * (d[0] - d[2]);
    o[1] = -3.F * (d[1] + d[2]);
    o[2] = 3.F * (d[1] - d[2]);
    o[3] = d[3] - d[1];
  }
  TREINO_MEMBER void output(const F (&m)[4], F (&o)[2]) {
    o[0] = m[0] + m[1] + m[2];
    o[1] = m[1] - m[2] + m[3];
  }
  TREINO_MEMBER void gradient(const F (&y)[2], F (&o)[4]) {
    o[0] = y[0];
    o[1] = y[0] + y[1];
    o[2] = y[0] - y[1];
    o[3] = y[1];
  }
  TREINO_MEMBER void input_gradient(const F (&v)[4], F (&d)[4]) {
    d[0] = 4.F * v[0];
    d[1] = 3.F * (v[2] - v[1]) - v[3];
    d[2] = -4.F * v[0] - 3.F * (v[1] + v[2]);
    d[3] = v[3];
  }
};

template <>
struct Line<1> {
  TREINO_MEMBER void input(const F (&d)[3], F (&o)[3]) {
    o[0] = 4.F * (d[0] - d[1]);
    o[1] = -6.F * d[1];
    o[2] = d[2] - d[1];
  }
  TREINO_MEMBER void output(const F (&m)[3], F (&o)[1]) { o[0] = m[0] + m[1] + m[2]; }
  TREINO_MEMBER void gradient(const F (&y)[1], F (&o)[3]) { o[0] = o[1] = o[2] = y[0]; }
  TREINO_MEMBER void input_gradient(const F (&v)[3], F (&d)[3]) {
    d[0] = 4.F * v[0];
    d[1] = -4.F * v[0] - 6.F * v[1] - v[2];
    d[2] = v[2];
  }
};

// o = G w: 3 kernel taps, P points.
template <int P>
TREINO_INLINE void kernel_points(const F (&w)[3], F (&o)[P]) {
  const F outer = w[0] + w[2], spread = w[0] + 4.F * w[2];
  o[0] = 0.25F * w[0];
  o[1] = (-1.F / 6.F) * (outer + w[1]);
  o[2] = (-1.F / 6.F) * (outer - w[1]);
  o[3] = (1.F / 24.F) * (spread + 2.F * w[1]);
  o[4] = (1.F / 24.F) * (spread - 2.F * w[1]);
  if constexpr (P == 7) o[5] = (8.F / 45.F) * (4.F * w[0] + 2.F * w[1] + w[2]);
  o[P - 1] = w[2];
}

// o = G^T u, the transpose of the one above.
template <int P>
TREINO_INLINE void kernel_gradient_points(const F (&u)[P], F (&o)[3]) {
  const F a = u[1] + u[2], b = u[1] - u[2], c = u[3] + u[4], d = u[3] - u[4];
  o[0] = 0.25F * u[0] - (1.F / 6.F) * a + (1.F / 24.F) * c;
  o[1] = (1.F / 12.F) * d - (1.F / 6.F) * b;
  o[2] = (1.F / 6.F) * (c - a) + u[P - 1];
  if constexpr (P == 7) {
    const F half = (8.F / 45.F) * u[5];
    o[0] += 4.F * half;
    o[1] += 2.F * half;
    o[2] += half;
  }
}

// Of a tile H outputs high: its point i, of all the domain has along a dimension.
template <int H>
TREINO_INLINE Index line_of(const WinogradTile& p, int i) {
  return i == H + 1 ? p.points - 1 : i;
}
template <int H, int W>
TREINO_INLINE float* point(const WinogradTile& p, int i, int j) {
  const Index row = line_of<H>(p, i);
  return p.domain + (row * p.points + line_of<W>(p, j)) * p.point_stride + p.shift[row];
}

TREINO_INLINE bool reaches_out(const WinogradTile& p) {  // of the image
  return p.y < 0 || p.x < 0 || p.y + p.rows + 2 > p.height || p.x + p.columns + 2 > p.width;
}
TREINO_INLINE bool inside(const WinogradTile& p, int i, int j) {
  return p.y + i >= 0 && p.y + i < p.height && p.x + j >= 0 && p.x + j < p.width;
}

// The tile's description is copied: a store might change the original, for all the compiler knows.
template <int H, int W>
void input_tile(const WinogradTile& tile) {
  const WinogradTile p = tile;
  const bool all = !reaches_out(p);
  for (Index c = 0; c < p.channels; c += kLanes) {
    const Index count = least(kLanes, p.channels - c);
    const float* image = p.image + (p.y * p.width + p.x) * p.channels + c;
    F half[H + 2][W + 2];
    for (int j = 0; j < W + 2; ++j) {
      F d[H + 2], o[H + 2];
      for (int i = 0; i < H + 2; ++i)
        d[i] = all || inside(p, i, j) ? fetch(image + (i * p.width + j) * p.channels, count) : F{};
      Line<H>::input(d, o);
      for (int i = 0; i < H + 2; ++i) half[i][j] = o[i];
    }
    for (int i = 0; i < H + 2; ++i) {
      F o[W + 2];
      Line<W>::input(half[i], o);
      for (int j = 0; j < W + 2; ++j) put(point<H, W>(p, i, j) + c, o[j], count);
    }
  }
}

template <int H, int W>
void output_tile(const WinogradTile& tile) {
  const WinogradTile p = tile;
  for (Index c = p.first; c < p.last; c += kLanes) {
    const Index count = least(kLanes, p.last - c);
    F half[H][W + 2];
    for (int j = 0; j < W + 2; ++j) {
      F m[H + 2], o[H];
      for (int i = 0; i < H + 2; ++i) m[i] = fetch(point<H, W>(p, i, j) + c, count);
      Line<H>::output(m, o);
      for (int i = 0; i < H; ++i) half[i][j] = o[i];
    }
    const F bias = p.bias == nullptr ? F{} : fetch(p.bias + c, count);
    for (int i = 0; i < H; ++i) {
      F o[W];
      Line<W>::output(half[i], o);
      float* to = p.out + ((p.y + i) * p.width + p.x) * p.channels + c;
      for (int j = 0; j < W; ++j) {
        F value = o[j] + bias;
        if (p.relu) value = larger(F{}, value);
        put(to + j * p.channels, value, count);
      }
    }
  }
}

template <int H, int W>
void gradient_tile(const WinogradTile& tile) {
  const WinogradTile p = tile;
  for (Index c = 0; c < p.channels; c += kLanes) {
    const Index count = least(kLanes, p.channels - c);
    const float* image = p.image + (p.y * p.width + p.x) * p.channels + c;
    F half[H + 2][W];
    for (int j = 0; j < W; ++j) {
      F d[H], o[H + 2];
      for (int i = 0; i < H; ++i) d[i] = fetch(image + (i * p.width + j) * p.channels, count);
      Line<H>::gradient(d, o);
      for (int i = 0; i < H + 2; ++i) half[i][j] = o[i];
    }
    for (int i = 0; i < H + 2; ++i) {
      F o[W + 2];
      Line<W>::gradient(half[i], o);
      for (int j = 0; j < W + 2; ++j) put(point<H, W>(p, i, j) + c, o[j], count);
    }
  }
}

// Tiles overlap in dx: each adds its part.
template <int H, int W>
void input_gradient_tile(const WinogradTile& tile) {
  const WinogradTile p = tile;
  const bool all = !reaches_out(p);
  for (Index c = 0; c < p.channels; c += kLanes) {
    const Index count = least(kLanes, p.channels - c);
    F half[H + 2][W + 2];
    for (int j = 0; j < W + 2; ++j) {
      F v[H + 2], o[H + 2];
      for (int i = 0; i < H + 2; ++i) v[i] = fetch(point<H, W>(p, i, j) + c, count);
      Line<H>::input_gradient(v, o);
      for (int i = 0; i < H + 2; ++i) half[i][j] = o[i];
    }
    float* out = p.out + (p.y * p.width + p.x) * p.channels + c;
    for (int i = 0; i < H + 2; ++i) {
      F o[W + 2];
      Line<W>::input_gradient(half[i], o);
      for (int j = 0; j < W + 2; ++j) {
        float* to = out + (i * p.width + j) * p.channels;
        if (all || inside(p, i, j)) put(to, fetch(to, count) + o[j], count);
      }
    }
  }
}

using Tile = void (*)(const WinogradTile&);
#define TREINO_TILES_ROW(tile, h) \
  { tile<h, 1>, tile<h, 2>, tile<h, 3>, tile<h, 4>, tile<h, 5> }
#define TREINO_TILES(tile)                                                           \
  {                                                                                  \
    TREINO_TILES_ROW(tile, 1), TREINO_TILES_ROW(tile, 2), TREINO_TILES_ROW(tile, 3), \
        TREINO_TILES_ROW(tile, 4), TREINO_TILES_ROW(tile, 5)                         \
  }
constexpr Tile kInput[5][5] = TREINO_TILES(input_tile);
constexpr Tile kOutput[5][5] = TREINO_TILES(output_tile);
constexpr Tile kGradient[5][5] = TREINO_TILES(gradient_tile);
constexpr Tile kInputGradient[5][5] = TREINO_TILES(input_gradient_tile);
#undef TREINO_TILES
#undef TREINO_TILES_ROW

template <const Tile (&Tiles)[5][5]>
void run_tile(const WinogradTile& p) {
  Tiles[p.rows - 1][p.columns - 1](p);
}

// Elements [first, last) of the channel pairs: domain[P P][stride] from kernel[9][pairs].
template <int P>
void kernel_to_domain(const WinogradKernel& part) {
  const WinogradKernel p = part;
  for (Index c = p.first; c < p.last; c += kLanes) {
    const Index count = least(kLanes, p.last - c);
    F half[P][3];
    for (int j = 0; j < 3; ++j) {
      F w[3], o[P];
      for (int i = 0; i < 3; ++i) w[i] = fetch(p.kernel + (i * 3 + j) * p.pairs + c, count);
      kernel_points<P>(w, o);
      for (int i = 0; i < P; ++i) half[i][j] = o[i];
    }
    for (int i = 0; i < P; ++i) {
      F o[P];
      kernel_points<P>(half[i], o);
      for (int j = 0; j < P; ++j) put(p.domain + (i * P + j) * p.stride + c, o[j], count);
    }
  }
}

template <int P>
void kernel_from_domain(const WinogradKernel& part) {
  const WinogradKernel p = part;
  for (Index c = p.first; c < p.last; c += kLanes) {
    const Index count = least(kLanes, p.last - c);
    F half[3][P];
    for (int j = 0; j < P; ++j) {
      F u[P], o[3];
      for (int i = 0; i < P; ++i) u[i] = fetch(p.domain + (i * P + j) * p.stride + c, count);
      kernel_gradient_points<P>(u, o);
      for (int i = 0; i < 3; ++i) half[i][j] = o[i];
    }
    for (int i = 0; i < 3; ++i) {
      F o[3];
      kernel_gradient_points<P>(half[i], o);
      for (int j = 0; j < 3; ++j) put(p.gradient + (i * 3 + j) * p.pairs + c, o[j], count);
    }
  }
}

void kernel_in(const WinogradKernel& p) {
  p.points == 7 ? kernel_to_domain<7>(p) : kernel_to_domain<6>(p);
}
void kernel_out(const WinogradKernel& p) {
  p.points == 7 ? kernel_from_domain<7>(p) : kernel_from_domain<6>(p);
}

}  // namespace

void add_winograd(Kernels& kernels) {
  kernels.winograd_input = run_tile<kInput>;
  kernels.winograd_output = run_tile<kOutput>;
  kernels.winograd_gradient = run_tile<kGradient>;
  kernels.winograd_input_gradient = run_tile<kInputGradient>;
  kernels.winograd_kernel = kernel_in;
  kernels.winograd_kernel_gradient = kernel_out;
}

}  // namespace treino::cpu::TREINO_ISA
