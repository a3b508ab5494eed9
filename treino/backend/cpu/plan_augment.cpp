// SPDX-License-Identifier: Apache-2.0
// Augmented batches: whole runs of pixels moved where a change only moves them, the arithmetic of
// runtime/augment.h where it does more. A sample at a time, so that what follows finds it in cache.
#include <cstring>

#include "treino/backend/cpu/plan.h"
#include "treino/runtime/augment.h"

namespace treino::cpu {

namespace {

struct Augment {
  AugmentAttributes attributes;
  const std::byte* in = nullptr;
  const std::int64_t* seed = nullptr;
  const std::int64_t* position = nullptr;
  std::byte* out = nullptr;
  Index batch = 0, height = 1, width = 1, channels = 1, slices = 1;
  Index row() const { return width * channels; }
  Index elements() const { return height * width * channels; }
};

template <typename T>
void mirror_row(const T* in, T* out, Index width, Index channels) {
  if (channels == 3 && sizeof(T) == 1) {
    for (Index x = 0; x < width; ++x) std::memcpy(out + 3 * (width - 1 - x), in + 3 * x, 3);
    return;
  }
  if (channels == 1) {
    std::reverse_copy(in, in + width, out);
    return;
  }
  for (Index x = 0; x < width; ++x) {
    std::copy_n(in + x * channels, channels, out + (width - 1 - x) * channels);
  }
}

template <typename T>
void flip(const Augment& s, const AugmentDraw& draw, const T* in, T* out) {
  for (Index y = 0; y < s.height; ++y) {
    T* to = out + (draw.flip[0] ? s.height - 1 - y : y) * s.row();
    if (draw.flip[1])
      mirror_row(in + y * s.row(), to, s.width, s.channels);
    else
      std::copy_n(in + y * s.row(), s.row(), to);
  }
}

template <typename T>
void shift(const Augment& s, const AugmentDraw& draw, const T* in, T* out) {
  const Border border = s.attributes.border;
  // Columns [first, last) come from inside the picture.
  const Index first = std::clamp<Index>(-draw.from[1], 0, s.width);
  const Index last = std::clamp<Index>(s.width - draw.from[1], first, s.width);
  for (Index y = 0; y < s.height; ++y, out += s.row()) {
    const Index source = border_index(y + draw.from[0], s.height, border);
    if (source < 0) {
      std::fill_n(out, s.row(), T{0});
      continue;
    }
    const T* from = in + source * s.row();
    const auto beside = [&](Index x) {
      const Index column = border_index(x + draw.from[1], s.width, border);
      if (column < 0)
        std::fill_n(out + x * s.channels, s.channels, T{0});
      else
        std::copy_n(from + column * s.channels, s.channels, out + x * s.channels);
    };
    for (Index x = 0; x < first; ++x) beside(x);
    std::copy_n(from + (first + draw.from[1]) * s.channels, (last - first) * s.channels,
                out + first * s.channels);
    for (Index x = last; x < s.width; ++x) beside(x);
  }
}

template <typename T>
void rotate(const Augment& s, const AugmentDraw& draw, const T* in, T* out) {
  const Border border = s.attributes.border;
  for (Index y = 0; y < s.height; ++y) {
    for (Index x = 0; x < s.width; ++x) {
      const SourcePoint p = rotated_from(draw, y, x, s.height, s.width);
      const Index y0 = border_index(p.y, s.height, border),
                  y1 = border_index(p.y + 1, s.height, border);
      const Index x0 = border_index(p.x, s.width, border),
                  x1 = border_index(p.x + 1, s.width, border);
      for (Index c = 0; c < s.channels; ++c) {
        const auto at = [&](Index row, Index column) {
          return row < 0 || column < 0 ? T{0} : in[row * s.row() + column * s.channels + c];
        };
        *out++ = between(at(y0, x0), at(y0, x1), at(y1, x0), at(y1, x1), p);
      }
    }
  }
}

template <typename T>
void cut_out(const Augment& s, const AugmentDraw& draw, const T* in, T* out) {
  std::copy_n(in, s.elements(), out);
  for (Index y = draw.from[0]; y < draw.to[0]; ++y) {
    std::fill_n(out + y * s.row() + draw.from[1] * s.channels,
                std::max<Index>(draw.to[1] - draw.from[1], 0) * s.channels, T{0});
  }
}

template <typename T>
void contrast(const Augment& s, const AugmentDraw& draw, const T* in, T* out) {
  std::conditional_t<std::is_integral_v<T>, Index, double> sum = 0;
  for (Index i = 0; i < s.elements(); ++i) sum += in[i];
  for (Index i = 0; i < s.elements(); ++i)
    out[i] = contrasted(in[i], sum, s.elements(), draw.factor);
}

template <typename T>
void change(const Augment& s, const AugmentDraw& draw, const T* in, const T* next, T* out) {
  if (!draw.changes) {
    std::copy_n(in, s.elements(), out);
    return;
  }
  switch (s.attributes.change) {
    case Change::flip:
      return flip(s, draw, in, out);
    case Change::shift:
      return shift(s, draw, in, out);
    case Change::rotate:
      return rotate(s, draw, in, out);
    case Change::cutout:
      return cut_out(s, draw, in, out);
    case Change::brightness:
      for (Index i = 0; i < s.elements(); ++i) out[i] = brightened(in[i], draw.factor);
      return;
    case Change::contrast:
      return contrast(s, draw, in, out);
    case Change::mixup:
      for (Index i = 0; i < s.elements(); ++i) out[i] = mixed(in[i], next[i], draw.factor);
      return;
  }
}

template <typename T>
void run_augment(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Augment*>(opaque);
  const Range range = share(state.batch, state.slices, slice);
  const auto* in = reinterpret_cast<const T*>(state.in);
  auto* out = reinterpret_cast<T*>(state.out);
  for (Index row = range.begin; row < range.end; ++row) {
    const AugmentDraw draw = draw_augment(state.attributes, state.height, state.width,
                                          static_cast<std::uint64_t>(*state.seed),
                                          static_cast<std::uint64_t>(*state.position + row));
    change(state, draw, in + row * state.elements(),
           in + (row + 1) % state.batch * state.elements(), out + row * state.elements());
  }
}

// Rough nanoseconds a pixel's channel.
double cost_of(Change change) {
  if (change == Change::rotate) return 4;
  return change == Change::contrast || change == Change::brightness || change == Change::mixup
             ? 0.6
             : 0.25;
}

}  // namespace

void plan_augment(Planner& planner, const Step& step) {
  auto& state = planner.state<Augment>();
  const Shape& shape = step.inputs[0].type.shape;
  state.attributes = std::get<AugmentAttributes>(step.attributes);
  state.batch = shape[0];
  const bool mixes = state.attributes.change == Change::mixup;
  if (mixes) {
    state.channels = shape.elements() / std::max<Index>(shape[0], 1);
  } else {
    state.height = shape[1];
    state.width = shape[2];
    state.channels = shape[3];
  }
  planner.point(state.in, step.inputs[0]);
  planner.point(state.seed, step.inputs[1]);
  planner.point(state.position, step.inputs[2]);
  planner.point(state.out, step.outputs[0]);
  const double nanoseconds =
      cost_of(state.attributes.change) * static_cast<double>(shape.elements()) +
      60.0 * static_cast<double>(state.batch);
  state.slices = planner.row_slices(state.batch, nanoseconds);
  // Mixing reads the next sample too, which may be another slice's.
  planner.phase(
      step.inputs[0].type.dtype == DType::u8 ? run_augment<std::uint8_t> : run_augment<float>,
      &state, state.slices, nanoseconds, {state.batch, mixes ? 0U : 1U, 1U});
}

}  // namespace treino::cpu
