// SPDX-License-Identifier: Apache-2.0
// The windows of a pooled image, shared by the kernels that walk them.
#pragma once

#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

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

// Calls body(taps, output offset, channel, channels in this vector) for every output vector.
template <typename Body>
TREINO_INLINE void each_output(const PoolImage& p, Body body) {
  for (Index oy = p.first_row; oy < p.out_height; ++oy) {
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

// Windows neither overlap nor leave the image; pixels at the right and the bottom may be left over.
TREINO_INLINE bool tiles(const PoolImage& p) {
  return p.stride[0] == p.size[0] && p.stride[1] == p.size[1] && p.dilation[0] == 1 &&
         p.dilation[1] == 1 && p.pad[0] == 0 && p.pad[1] == 0 &&
         p.out_height * p.size[0] <= p.height && p.out_width * p.size[1] <= p.width;
}

}  // namespace treino::cpu::TREINO_ISA
