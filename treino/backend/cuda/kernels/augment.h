// SPDX-License-Identifier: Apache-2.0
// What each sample draws, then every changed pixel by itself; the arithmetic is
// runtime/augment.h's.
#pragma once

#include "treino/backend/cuda/kernels/common.h"
#include "treino/runtime/augment.h"

namespace treino::cuda {

template <typename T>
using PixelSum = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;

template <typename T>
struct SampleDraw {
  AugmentDraw draw;
  PixelSum<T> sum;  // contrast: of the picture
};

template <typename T>
struct AugmentDraws {
  AugmentAttributes attributes;
  const std::int64_t *seed, *position;
  const T* samples;
  SampleDraw<T>* out;
  Index height, width, elements;
  TREINO_HOST_DEVICE void operator()(Index row) const {
    SampleDraw<T>& mine = out[row];
    mine.draw = draw_augment(attributes, height, width, static_cast<std::uint64_t>(*seed),
                             static_cast<std::uint64_t>(*position + row));
    mine.sum = 0;
    if (attributes.change != Change::contrast || !mine.draw.changes) return;
    for (Index i = 0; i < elements; ++i) mine.sum += samples[row * elements + i];
  }
};

template <typename T>
struct Augment {
  AugmentAttributes attributes;
  const SampleDraw<T>* draws;
  const T* samples;
  T* out;
  Divisor batch, height, width, channels, elements;  // the last: of a sample

  TREINO_HOST_DEVICE T at(const T* picture, Index y, Index x, Index channel) const {
    y = border_index(y, height, attributes.border);
    x = border_index(x, width, attributes.border);
    return y < 0 || x < 0 ? T{0} : picture[(y * width + x) * channels + channel];
  }
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index row = i / elements, e = i - row * elements;
    const T* picture = samples + row * elements;
    const SampleDraw<T>& mine = draws[row];
    out[i] = mine.draw.changes ? changed(mine, picture, row, e) : picture[e];
  }

 private:
  TREINO_HOST_DEVICE T changed(const SampleDraw<T>& mine, const T* picture, Index row,
                               Index e) const {
    const AugmentDraw& draw = mine.draw;
    const Index pixel = e / channels, channel = e - pixel * channels;
    const Index y = pixel / width, x = pixel - y * width;
    switch (attributes.change) {
      case Change::flip:
        return at(picture, draw.flip[0] ? height - 1 - y : y, draw.flip[1] ? width - 1 - x : x,
                  channel);
      case Change::shift:
        return at(picture, y + draw.from[0], x + draw.from[1], channel);
      case Change::rotate: {
        const SourcePoint p = rotated_from(draw, y, x, height, width);
        return between(at(picture, p.y, p.x, channel), at(picture, p.y, p.x + 1, channel),
                       at(picture, p.y + 1, p.x, channel), at(picture, p.y + 1, p.x + 1, channel),
                       p);
      }
      case Change::cutout:
        return y >= draw.from[0] && y < draw.to[0] && x >= draw.from[1] && x < draw.to[1]
                   ? T{0}
                   : picture[e];
      case Change::brightness:
        return brightened(picture[e], draw.factor);
      case Change::contrast:
        return contrasted(picture[e], mine.sum, elements, draw.factor);
      case Change::mixup: {
        const T* next = samples + (row + 1) % batch * elements;
        return mixed(picture[e], next[e], draw.factor);
      }
    }
    return picture[e];
  }
};

}  // namespace treino::cuda
