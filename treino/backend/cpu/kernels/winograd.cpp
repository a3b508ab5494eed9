// SPDX-License-Identifier: Apache-2.0
// Transforms of Winograd's F(m x n, 3x3) with the points 0, 1, -1, 2, -2, 1/2, infinity (Lavin and
// Gray, "Fast algorithms for convolutional neural networks", 2015): a 4x4 tile of a 3x3 correlation
// from 36 multiplications instead of 144, a 5x5 tile from 49 instead of 225. m outputs along a
// dimension take the first m + 1 points and infinity, so that tiles of several sizes share one
// domain of the kernel and no output is computed to be thrown away. One tile at a time, vectors
// over channels.
#include "treino/backend/cpu/kernels/parts.h"
#include "treino/backend/cpu/kernels/winograd_lines.h"

namespace treino::cpu::TREINO_ISA {

namespace {

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
