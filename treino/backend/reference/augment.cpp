// SPDX-License-Identifier: Apache-2.0
// Every changed pixel by itself: where it comes from, and what is made of it.
#include "treino/runtime/augment.h"

#include "treino/backend/reference/kernels.h"

namespace treino::reference {

namespace {

// One sample of a batch [batch, height, width, channels]; T as device memory holds it.
template <typename T>
struct Picture {
  const T* data;
  std::int64_t height, width, channels;

  T at(std::int64_t y, std::int64_t x, std::int64_t channel, Border border) const {
    y = border_index(y, height, border);
    x = border_index(x, width, border);
    return y < 0 || x < 0 ? T{0} : data[(y * width + x) * channels + channel];
  }
};

template <typename T>
T changed(const AugmentAttributes& a, const AugmentDraw& draw, const Picture<T>& in, std::int64_t y,
          std::int64_t x, std::int64_t channel) {
  const T old = in.at(y, x, channel, a.border);
  const std::int64_t count = in.height * in.width * in.channels;
  switch (a.change) {
    case Change::flip:
      return in.at(draw.flip[0] ? in.height - 1 - y : y, draw.flip[1] ? in.width - 1 - x : x,
                   channel, a.border);
    case Change::shift:
      return in.at(y + draw.from[0], x + draw.from[1], channel, a.border);
    case Change::rotate: {
      const SourcePoint p = rotated_from(draw, y, x, in.height, in.width);
      return between(in.at(p.y, p.x, channel, a.border), in.at(p.y, p.x + 1, channel, a.border),
                     in.at(p.y + 1, p.x, channel, a.border),
                     in.at(p.y + 1, p.x + 1, channel, a.border), p);
    }
    case Change::cutout:
      return y >= draw.from[0] && y < draw.to[0] && x >= draw.from[1] && x < draw.to[1] ? T{0}
                                                                                        : old;
    case Change::brightness:
      return brightened(old, draw.factor);
    case Change::contrast: {
      double sum = 0;
      for (std::int64_t i = 0; i < count; ++i) sum += in.data[i];
      return contrasted(old, sum, count, draw.factor);
    }
    case Change::mixup:
      break;
  }
  return old;
}

template <typename T>
void augment_as(const Call& call) {
  const auto& a = call.attributes<AugmentAttributes>();
  const auto seed = static_cast<std::uint64_t>(*static_cast<const std::int64_t*>(call.in[1].data));
  const auto position =
      static_cast<std::uint64_t>(*static_cast<const std::int64_t*>(call.in[2].data));
  const Shape& shape = call.in[0].shape();
  const std::int64_t batch = shape[0],
                     elements = call.in[0].size() / std::max<std::int64_t>(batch, 1);
  const bool mixes = a.change == Change::mixup;
  const std::int64_t height = mixes ? 1 : shape[1], width = mixes ? 1 : shape[2],
                     channels = mixes ? elements : shape[3];
  const auto* samples = static_cast<const T*>(call.in[0].data);
  auto* out = static_cast<T*>(call.out[0].data);
  for (std::int64_t row = 0; row < batch; ++row) {
    const AugmentDraw draw =
        draw_augment(a, height, width, seed, position + static_cast<std::uint64_t>(row));
    const Picture<T> in{samples + row * elements, height, width, channels};
    const T* next = samples + (row + 1) % batch * elements;
    for (std::int64_t i = 0; i < elements; ++i) {
      T& to = out[row * elements + i];
      if (!draw.changes)
        to = in.data[i];
      else if (mixes)
        to = mixed(in.data[i], next[i], draw.factor);
      else
        to = changed(a, draw, in, i / channels / width, i / channels % width, i % channels);
    }
  }
}

}  // namespace

void augment(const Call& call) {
  if (call.in[0].type.dtype == DType::u8)
    augment_as<std::uint8_t>(call);
  else
    augment_as<double>(call);
}

}  // namespace treino::reference
