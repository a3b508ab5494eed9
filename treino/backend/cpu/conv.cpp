// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/conv.h"

#include <algorithm>
#include <cstring>

namespace treino::cpu {

namespace {

constexpr Index kPixelsAtOnce = 96;

// Pixels of one area waiting to be multiplied together.
class Pixels {
 public:
  Pixels(const Convolution& state, const Convolution::Area& area) : state_(state), area_(area) {
    product_.segments = static_cast<Index>(area.a_offsets.size());
    product_.a_offsets = area.a_offsets.data();
    product_.b_offsets = area.b_offsets.data();
    product_.length = area.length;
    product_.b_stride = state.out_channels;
    product_.columns = state.out_channels / state.groups;
    product_.relu = state.relu;
    product_.rows = rows_;
    product_.c_offsets = offsets_;
  }

  // The area's pixels of a row of y, `target` on, whose windows begin in a row of x at `source`.
  void add(const float* source, Index target) {
    const Index *sources = area_.sources.data(), *targets = area_.targets.data();
    for (auto left = static_cast<Index>(area_.sources.size()); left > 0;) {
      const Index count = std::min(left, kPixelsAtOnce - count_);
      for (Index k = 0; k < count; ++k) {
        rows_[count_ + k] = source + sources[k];
        offsets_[count_ + k] = target + targets[k];
      }
      count_ += count;
      left -= count;
      sources += count;
      targets += count;
      if (count_ == kPixelsAtOnce) multiply();
    }
  }

  void multiply() {
    if (count_ == 0) return;
    const Index in_group = state_.in_channels / state_.groups,
                out_group = state_.out_channels / state_.groups;
    product_.row_count = count_;
    for (Index group = 0; group < state_.groups; ++group) {
      product_.b = state_.kernel + group * out_group;
      product_.c = state_.y + group * out_group;
      product_.bias = state_.bias == nullptr ? nullptr : state_.bias + group * out_group;
      state_.kernels->product(product_);
      for (Index i = 0; i < count_; ++i) rows_[i] += in_group;
    }
    count_ = 0;
  }

 private:
  const Convolution& state_;
  const Convolution::Area& area_;
  Product product_;
  const float* rows_[kPixelsAtOnce];
  Index offsets_[kPixelsAtOnce];
  Index count_ = 0;
};

// Output rows [rows.begin, rows.end) of images [images.begin, images.end).
void run_images(const Convolution& state, Range images, Range rows) {
  const Index x_image = state.height * state.width * state.in_channels;
  const Index y_image = state.out_height * state.out_width * state.out_channels;
  for (const Convolution::Area& area : state.areas) {
    Pixels pixels(state, area);
    for (Index n = images.begin; n < images.end; ++n) {
      for (std::size_t i = 0; i < area.rows->outputs.size(); ++i) {
        const Index oy = area.rows->outputs[i];
        if (oy < rows.begin || oy >= rows.end) continue;
        const float* source_row =
            state.x + n * x_image + area.rows->sources[i] * state.width * state.in_channels;
        const Index target_row = n * y_image + oy * state.out_width * state.out_channels;
        pixels.add(source_row, target_row);
      }
    }
    pixels.multiply();
  }
}

void add_to_class(std::vector<TapClass>& classes, Index output, const std::vector<Index>& taps,
                  const std::vector<Index>& sources) {
  std::vector<Index> offsets;
  for (Index source : sources) offsets.push_back(source - sources[0]);
  auto found = std::find_if(classes.begin(), classes.end(), [&](const TapClass& each) {
    return each.taps == taps && each.offsets == offsets;
  });
  if (found == classes.end()) {
    classes.push_back({{}, {}, taps, offsets});
    found = classes.end() - 1;
  }
  found->outputs.push_back(output);
  found->sources.push_back(sources.empty() ? 0 : sources[0]);
}

void run_depthwise(const Convolution& state, const float* image, float* y, Range rows) {
  DepthwiseRow row;
  const Index channels = state.out_channels, pitch = state.padding.padded_width * channels;
  row.kernel = state.kernel;
  row.bias = state.bias;
  row.width = state.out_width;
  row.channels = channels;
  row.kernel_height = state.size[0];
  row.kernel_width = state.size[1];
  row.x_step = state.stride[1] * channels;
  row.tap_step = state.dilation[1] * channels;
  row.tap_row = state.dilation[0] * pitch;
  row.relu = state.relu;
  for (Index oy = rows.begin; oy < rows.end; ++oy) {
    row.x = image + oy * state.stride[0] * pitch;
    row.y = y + oy * state.out_width * channels;
    state.kernels->depthwise_row(row);
  }
}

}  // namespace

void pad_image(const Padding& p, const float* from, float* to) {
  std::memset(to, 0, static_cast<std::size_t>(p.floats()) * sizeof(float));
  for (Index y = 0; y < p.height; ++y) {
    const Index to_y = y * p.step[0] + p.offset[0];
    if (to_y < 0 || to_y >= p.padded_height) continue;
    const float* row = from + y * p.width * p.channels;
    float* to_row = to + to_y * p.padded_width * p.channels;
    // Columns that fall inside.
    Index first = p.offset[1] >= 0 ? 0 : (-p.offset[1] + p.step[1] - 1) / p.step[1];
    Index last = p.padded_width <= p.offset[1]
                     ? 0
                     : (p.padded_width - p.offset[1] + p.step[1] - 1) / p.step[1];
    first = std::min(first, p.width);
    last = std::clamp(last, first, p.width);
    if (p.step[1] == 1) {
      std::memcpy(to_row + (first + p.offset[1]) * p.channels, row + first * p.channels,
                  static_cast<std::size_t>((last - first) * p.channels) * sizeof(float));
      continue;
    }
    for (Index x = first; x < last; ++x) {
      std::memcpy(to_row + (x * p.step[1] + p.offset[1]) * p.channels, row + x * p.channels,
                  static_cast<std::size_t>(p.channels) * sizeof(float));
    }
  }
}

std::vector<TapClass> forward_taps(Index source_extent, Index output_extent, Index size,
                                   Index stride, Index dilation, Index pad) {
  std::vector<TapClass> classes;
  for (Index output = 0; output < output_extent; ++output) {
    std::vector<Index> taps, sources;
    for (Index tap = 0; tap < size; ++tap) {
      const Index source = output * stride - pad + tap * dilation;
      if (source < 0 || source >= source_extent) continue;
      taps.push_back(tap);
      sources.push_back(source);
    }
    add_to_class(classes, output, taps, sources);
  }
  return classes;
}

std::vector<TapClass> backward_taps(Index source_extent, Index output_extent, Index size,
                                    Index stride, Index dilation, Index pad) {
  std::vector<TapClass> classes;
  for (Index output = 0; output < output_extent; ++output) {
    std::vector<Index> taps, sources;
    for (Index tap = 0; tap < size; ++tap) {
      const Index spread = output + pad - (size - 1 - tap) * dilation;
      if (spread < 0 || spread % stride != 0 || spread / stride >= source_extent) continue;
      taps.push_back(tap);
      sources.push_back(spread / stride);
    }
    add_to_class(classes, output, taps, sources);
  }
  return classes;
}

namespace {

// Taps that lie side by side in image and kernel are one segment.
bool side_by_side(const TapClass& columns) {
  for (std::size_t i = 1; i < columns.taps.size(); ++i) {
    if (columns.taps[i] != columns.taps[i - 1] + 1 ||
        columns.offsets[i] != columns.offsets[i - 1] + 1)
      return false;
  }
  return true;
}

Convolution::Area make_area(const Convolution& state, const TapClass& rows,
                            const TapClass& columns) {
  Convolution::Area area;
  area.rows = &rows;
  for (const Index source : columns.sources) area.sources.push_back(source * state.in_channels);
  for (const Index output : columns.outputs) area.targets.push_back(output * state.out_channels);
  const Index in_group = state.in_channels / state.groups;
  const bool joined = state.groups == 1 && side_by_side(columns);
  const std::size_t parts =
      joined ? std::min<std::size_t>(columns.taps.size(), 1) : columns.taps.size();
  area.length = joined ? static_cast<Index>(columns.taps.size()) * in_group : in_group;
  for (std::size_t y = 0; y < rows.taps.size(); ++y) {
    for (std::size_t x = 0; x < parts; ++x) {
      area.a_offsets.push_back((rows.offsets[y] * state.width + columns.offsets[x]) *
                               state.in_channels);
      area.b_offsets.push_back((rows.taps[y] * state.size[1] + columns.taps[x]) * in_group *
                               state.out_channels);
    }
  }
  return area;
}

}  // namespace

void prepare_convolution(Planner& planner, Convolution& state) {
  state.kernels = &planner.kernels;
  const Index lanes = planner.kernels.lanes, out_group = state.out_channels / state.groups;
  const auto in_group = static_cast<double>(state.in_channels / state.groups);
  double work = 0;
  for (const TapClass& rows : state.vertical) {
    for (const TapClass& columns : state.horizontal) {
      state.areas.push_back(make_area(state, rows, columns));
      work += static_cast<double>(rows.outputs.size() * rows.taps.size() * columns.outputs.size() *
                                  columns.taps.size()) *
              in_group;
    }
  }
  work *= static_cast<double>(state.batch * state.groups);
  work *=
      static_cast<double>(state.depthwise() ? out_group : (out_group + lanes - 1) / lanes * lanes);
  state.multiply_adds = work;
  const double nanoseconds = nanoseconds_of(
      work, 4.0 * static_cast<double>(state.batch) *
                static_cast<double>(state.height * state.width * state.in_channels +
                                    state.out_height * state.out_width * state.out_channels));
  state.by_rows = state.batch < 8;
  state.slices = state.by_rows ? slices_for(state.batch * state.out_height, nanoseconds)
                               : planner.row_slices(state.batch, nanoseconds);
  if (state.depthwise() && state.padding.needed())
    planner.worker_scratch(state.padding.floats() * 4);
  const Partition images{state.batch, 1, 1};  // input 0 and output 0 by samples
  planner.phase(run_convolution, &state, state.slices, nanoseconds,
                state.by_rows ? Partition{} : images);
}

void run_convolution(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Convolution*>(opaque);
  const Index height = state.out_height;
  const Range range =
      share(state.by_rows ? state.batch * height : state.batch, state.slices, slice);
  if (!state.by_rows && !state.depthwise()) {
    run_images(state, range, {0, height});
    return;
  }
  const Range rows = state.by_rows ? range : Range{range.begin * height, range.end * height};
  for (Index row = rows.begin; row < rows.end;) {
    const Index n = row / height;
    const Range inside{row - n * height, std::min(height, rows.end - n * height)};
    row = n * height + inside.end;
    if (!state.depthwise()) {
      run_images(state, {n, n + 1}, inside);
      continue;
    }
    const float* image = state.x + n * state.height * state.width * state.in_channels;
    if (state.padding.needed()) {
      pad_image(state.padding, image, reinterpret_cast<float*>(scratch));
      image = reinterpret_cast<const float*>(scratch);
    }
    run_depthwise(state, image, state.y + n * height * state.out_width * state.out_channels,
                  inside);
  }
}

}  // namespace treino::cpu
