// SPDX-License-Identifier: Apache-2.0
// Winograd's transforms along one dimension, for vectors of any length (winograd.cpp says which).
#pragma once

#include "treino/backend/cpu/kernels/simd.h"

namespace treino::cpu::TREINO_ISA {

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
  template <typename T>
  TREINO_MEMBER void input(const T (&d)[7], T (&o)[7]) {
    T e[5];
    for (int i = 0; i < 5; ++i) e[i] = d[i] - 2.F * d[i + 1];
    const T a = e[4] - 4.F * e[2], b = e[3] - 4.F * e[1], c = e[4] - e[2], f = 2.F * (e[3] - e[1]);
    const T half = 4.F * d[1] + (d[5] - 5.F * d[3]);
    o[0] = 4.F * e[0] + (e[4] - 5.F * e[2]);
    o[1] = -a - b;
    o[2] = (1.F / 3.F) * (a - b);
    o[3] = (-1.F / 3.F) * (c + f);
    o[4] = 0.2F * (c - f);
    o[5] = half;
    o[6] = 4.F * d[2] + (d[6] - 5.F * d[4]) - 0.5F * half;
  }
  template <typename T>
  TREINO_MEMBER void output(const T (&m)[7], T (&o)[5]) {
    const T a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    o[0] = m[0] + a + (c + m[5]);
    o[1] = 2.F * d + b + 0.5F * m[5];
    o[2] = 4.F * c + a + 0.25F * m[5];
    o[3] = 8.F * d + b + 0.125F * m[5];
    o[4] = 16.F * c + a + (0.0625F * m[5] + m[6]);
  }
  template <typename T>
  TREINO_MEMBER void gradient(const T (&y)[5], T (&o)[7]) {
    const T a = y[0] + y[2] + y[4], b = y[1] + y[3];
    const T c = 16.F * y[4] + (4.F * y[2] + y[0]), d = 2.F * (4.F * y[3] + y[1]);
    o[0] = y[0];
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + d;
    o[4] = c - d;
    o[5] = y[0] + 0.5F * y[1] + 0.25F * (y[2] + 0.5F * y[3] + 0.25F * y[4]);
    o[6] = y[4];
  }
  template <typename T>
  TREINO_MEMBER void input_gradient(const T (&v)[7], T (&d)[7]) {
    const T p = (1.F / 3.F) * v[2], q = (1.F / 3.F) * v[3], r = 0.2F * v[4];
    const T s = p - v[1], t = p + v[1], u = r - q, w = 2.F * (q + r);
    const T half = v[5] - 0.5F * v[6];
    const T e1 = 4.F * t + w, e2 = -5.F * v[0] - (4.F * s + u), e3 = -t - w, e4 = v[0] + (s + u);
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
  template <typename T>
  TREINO_MEMBER void input(const T (&d)[6], T (&o)[6]) {
    const T a = d[4] - 4.F * d[2], b = d[3] - 4.F * d[1], c = d[4] - d[2], e = 2.F * (d[3] - d[1]);
    o[0] = 4.F * d[0] + (d[4] - 5.F * d[2]);
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = 4.F * d[1] + (d[5] - 5.F * d[3]);
  }
  template <typename T>
  TREINO_MEMBER void output(const T (&m)[6], T (&o)[4]) {
    const T a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    o[0] = m[0] + a + c;
    o[1] = 2.F * d + b;
    o[2] = 4.F * c + a;
    o[3] = 8.F * d + b + m[5];
  }
  template <typename T>
  TREINO_MEMBER void gradient(const T (&y)[4], T (&o)[6]) {
    const T a = y[0] + y[2], b = y[1] + y[3], c = 4.F * y[2] + y[0], d = 2.F * (4.F * y[3] + y[1]);
    o[0] = y[0];
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + d;
    o[4] = c - d;
    o[5] = y[3];
  }
  template <typename T>
  TREINO_MEMBER void input_gradient(const T (&v)[6], T (&d)[6]) {
    const T s = v[1] + v[2], t = v[1] - v[2], u = v[3] + v[4], w = 2.F * (v[3] - v[4]);
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
  template <typename T>
  TREINO_MEMBER void input(const T (&d)[5], T (&o)[5]) {
    const T a = d[3] - d[1];
    o[0] = 4.F * (d[0] - d[2]) + 2.F * a;
    o[1] = 3.F * (d[3] - d[2]) - 6.F * d[1];
    o[2] = d[3] - 3.F * d[2] + 2.F * d[1];
    o[3] = 4.F * a;
    o[4] = d[4] - d[2] - 2.F * a;
  }
  template <typename T>
  TREINO_MEMBER void output(const T (&m)[5], T (&o)[3]) {
    const T a = m[1] + m[2];
    o[0] = m[0] + a + m[3];
    o[1] = 2.F * m[3] + (m[1] - m[2]);
    o[2] = 4.F * m[3] + a + m[4];
  }
  template <typename T>
  TREINO_MEMBER void gradient(const T (&y)[3], T (&o)[5]) {
    const T a = y[0] + y[2];
    o[0] = y[0];
    o[1] = a + y[1];
    o[2] = a - y[1];
    o[3] = 4.F * y[2] + 2.F * y[1] + y[0];
    o[4] = y[2];
  }
  template <typename T>
  TREINO_MEMBER void input_gradient(const T (&v)[5], T (&d)[5]) {
    const T a = 2.F * v[0] + 4.F * v[3] - 2.F * v[4];
    d[0] = 4.F * v[0];
    d[1] = 2.F * v[2] - 6.F * v[1] - a;
    d[2] = -4.F * v[0] - 3.F * (v[1] + v[2]) - v[4];
    d[3] = 3.F * v[1] + v[2] + a;
    d[4] = v[4];
  }
};

template <>
struct Line<2> {
  template <typename T>
  TREINO_MEMBER void input(const T (&d)[4], T (&o)[4]) {
    o[0] = 4.F * (d[0] - d[2]);
    o[1] = -3.F * (d[1] + d[2]);
    o[2] = 3.F * (d[1] - d[2]);
    o[3] = d[3] - d[1];
  }
  template <typename T>
  TREINO_MEMBER void output(const T (&m)[4], T (&o)[2]) {
    o[0] = m[0] + m[1] + m[2];
    o[1] = m[1] - m[2] + m[3];
  }
  template <typename T>
  TREINO_MEMBER void gradient(const T (&y)[2], T (&o)[4]) {
    o[0] = y[0];
    o[1] = y[0] + y[1];
    o[2] = y[0] - y[1];
    o[3] = y[1];
  }
  template <typename T>
  TREINO_MEMBER void input_gradient(const T (&v)[4], T (&d)[4]) {
    d[0] = 4.F * v[0];
    d[1] = 3.F * (v[2] - v[1]) - v[3];
    d[2] = -4.F * v[0] - 3.F * (v[1] + v[2]);
    d[3] = v[3];
  }
};

template <>
struct Line<1> {
  template <typename T>
  TREINO_MEMBER void input(const T (&d)[3], T (&o)[3]) {
    o[0] = 4.F * (d[0] - d[1]);
    o[1] = -6.F * d[1];
    o[2] = d[2] - d[1];
  }
  template <typename T>
  TREINO_MEMBER void output(const T (&m)[3], T (&o)[1]) {
    o[0] = m[0] + m[1] + m[2];
  }
  template <typename T>
  TREINO_MEMBER void gradient(const T (&y)[1], T (&o)[3]) {
    o[0] = o[1] = o[2] = y[0];
  }
  template <typename T>
  TREINO_MEMBER void input_gradient(const T (&v)[3], T (&d)[3]) {
    d[0] = 4.F * v[0];
    d[1] = -4.F * v[0] - 6.F * v[1] - v[2];
    d[2] = v[2];
  }
};

#undef TREINO_MEMBER

}  // namespace treino::cpu::TREINO_ISA
