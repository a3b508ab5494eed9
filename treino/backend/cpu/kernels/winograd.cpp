// SPDX-License-Identifier: Apache-2.0
// Transforms of Winograd's F(4x4, 3x3) with the points 0, 1, -1, 2, -2, infinity (Lavin and Gray,
// "Fast algorithms for convolutional neural networks", 2015): a 4x4 tile of a 3x3 correlation from
// 36 multiplications instead of 144. One tile at a time, vectors over channels.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

TREINO_INLINE F fetch(const float* from, Index count) {
  return count == kLanes ? load(from) : load_part(from, count);
}
TREINO_INLINE void put(float* to, F value, Index count) {
  if (count == kLanes)
    store(to, value);
  else
    store_part(to, value, count);
}

// o = B^T d: 6 input pixels.
TREINO_INLINE void input_points(const F (&d)[6], F (&o)[6]) {
  const F a = d[4] - 4.F * d[2], b = d[3] - 4.F * d[1], c = d[4] - d[2], e = 2.F * (d[3] - d[1]);
  o[0] = 4.F * d[0] + (d[4] - 5.F * d[2]);
  o[1] = a + b;
  o[2] = a - b;
  o[3] = c + e;
  o[4] = c - e;
  o[5] = 4.F * d[1] + (d[5] - 5.F * d[3]);
}

// o = A^T m: 4 output pixels.
TREINO_INLINE void output_points(const F (&m)[6], F (&o)[4]) {
  const F a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  o[0] = m[0] + a + c;
  o[1] = 2.F * d + b;
  o[2] = 4.F * c + a;
  o[3] = 8.F * d + b + m[5];
}

// o = A y, the transpose of the one above: for the gradient of the kernel.
TREINO_INLINE void gradient_points(const F (&y)[4], F (&o)[6]) {
  const F a = y[0] + y[2], b = y[1] + y[3], c = 4.F * y[2] + y[0], d = 2.F * (4.F * y[3] + y[1]);
  o[0] = y[0];
  o[1] = a + b;
  o[2] = a - b;
  o[3] = c + d;
  o[4] = c - d;
  o[5] = y[3];
}

// o = G w: 3 kernel taps.
TREINO_INLINE void kernel_points(const F (&w)[3], F (&o)[6]) {
  const F outer = w[0] + w[2], spread = w[0] + 4.F * w[2];
  o[0] = 0.25F * w[0];
  o[1] = (-1.F / 6.F) * (outer + w[1]);
  o[2] = (-1.F / 6.F) * (outer - w[1]);
  o[3] = (1.F / 24.F) * (spread + 2.F * w[1]);
  o[4] = (1.F / 24.F) * (spread - 2.F * w[1]);
  o[5] = w[2];
}

// o = G^T u, the transpose of the one above.
TREINO_INLINE void kernel_gradient_points(const F (&u)[6], F (&o)[3]) {
  const F a = u[1] + u[2], b = u[1] - u[2], c = u[3] + u[4], d = u[3] - u[4];
  o[0] = 0.25F * u[0] - (1.F / 6.F) * a + (1.F / 24.F) * c;
  o[1] = (1.F / 12.F) * d - (1.F / 6.F) * b;
  o[2] = (1.F / 6.F) * (c - a) + u[5];
}

// A tile of `Size` x `Size` pixels, zero outside the image, to its 36 points by `Points`.
template <int Size, void (*Points)(const F (&)[Size], F (&)[6])>
void to_domain(const WinogradTile& p) {
  const bool inside = p.y >= 0 && p.x >= 0 && p.y + Size <= p.height && p.x + Size <= p.width;
  for (Index c = 0; c < p.channels; c += kLanes) {
    const Index count = least(kLanes, p.channels - c);
    const float* image = p.image + (p.y * p.width + p.x) * p.channels + c;
    F half[6][Size];
    for (int j = 0; j < Size; ++j) {
      F d[Size], o[6];
      for (int i = 0; i < Size; ++i) {
        const bool there =
            inside || (p.y + i >= 0 && p.y + i < p.height && p.x + j >= 0 && p.x + j < p.width);
        d[i] = there ? fetch(image + (i * p.width + j) * p.channels, count) : F{};
      }
      Points(d, o);
      for (int i = 0; i < 6; ++i) half[i][j] = o[i];
    }
    for (int i = 0; i < 6; ++i) {
      F o[6];
      Points(half[i], o);
      for (int j = 0; j < 6; ++j) put(p.domain + (i * 6 + j) * p.position_stride + c, o[j], count);
    }
  }
}

void from_domain(const WinogradTile& p) {
  const Index high = least(4, p.height - p.y), wide = least(4, p.width - p.x);
  for (Index c = 0; c < p.channels; c += kLanes) {
    const Index count = least(kLanes, p.channels - c);
    F half[4][6];
    for (int j = 0; j < 6; ++j) {
      F m[6], o[4];
      for (int i = 0; i < 6; ++i)
        m[i] = fetch(p.domain + (i * 6 + j) * p.position_stride + c, count);
      output_points(m, o);
      for (int i = 0; i < 4; ++i) half[i][j] = o[i];
    }
    const F bias = p.bias == nullptr ? F{} : fetch(p.bias + c, count);
    for (int i = 0; i < high; ++i) {
      F o[4];
      output_points(half[i], o);
      float* to = p.out + ((p.y + i) * p.width + p.x) * p.channels + c;
      for (int j = 0; j < wide; ++j) {
        F value = o[j] + bias;
        if (p.relu) value = larger(F{}, value);
        put(to + j * p.channels, value, count);
      }
    }
  }
}

// Elements [first, last) of the channel pairs: domain[36][pairs] from kernel[9][pairs].
void kernel_to_domain(float* domain, const float* kernel, Index pairs, Index first, Index last) {
  for (Index c = first; c < last; c += kLanes) {
    const Index count = least(kLanes, last - c);
    F half[6][3];
    for (int j = 0; j < 3; ++j) {
      F w[3], o[6];
      for (int i = 0; i < 3; ++i) w[i] = fetch(kernel + (i * 3 + j) * pairs + c, count);
      kernel_points(w, o);
      for (int i = 0; i < 6; ++i) half[i][j] = o[i];
    }
    for (int i = 0; i < 6; ++i) {
      F o[6];
      kernel_points(half[i], o);
      for (int j = 0; j < 6; ++j) put(domain + (i * 6 + j) * pairs + c, o[j], count);
    }
  }
}

void kernel_from_domain(float* kernel, const float* domain, Index pairs, Index first, Index last) {
  for (Index c = first; c < last; c += kLanes) {
    const Index count = least(kLanes, last - c);
    F half[3][6];
    for (int j = 0; j < 6; ++j) {
      F u[6], o[3];
      for (int i = 0; i < 6; ++i) u[i] = fetch(domain + (i * 6 + j) * pairs + c, count);
      kernel_gradient_points(u, o);
      for (int i = 0; i < 3; ++i) half[i][j] = o[i];
    }
    for (int i = 0; i < 3; ++i) {
      F o[3];
      kernel_gradient_points(half[i], o);
      for (int j = 0; j < 3; ++j) put(kernel + (i * 3 + j) * pairs + c, o[j], count);
    }
  }
}

}  // namespace

void add_winograd(Kernels& kernels) {
  kernels.winograd_input = to_domain<6, input_points>;
  kernels.winograd_output = from_domain;
  kernels.winograd_gradient = to_domain<4, gradient_points>;
  kernels.winograd_kernel = kernel_to_domain;
  kernels.winograd_kernel_gradient = kernel_from_domain;
}

}  // namespace treino::cpu::TREINO_ISA
