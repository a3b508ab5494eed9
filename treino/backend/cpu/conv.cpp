// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/conv.h"

#include <algorithm>
#include <cstring>

namespace treino::cpu {

namespace {

constexpr Index kPixelsAtOnce = 96;

// Output pixels [first, last) of one image that is already padded.
void run_pixels(const Convolution& state, const float* image, float* y, Range pixels) {
  const Index row = state.padding.padded_width * state.padding.channels;
  const Index in_group = state.in_channels / state.groups, out_group = state.out_channels / state.groups;
  const float* pointers[kPixelsAtOnce];
  Product product;
  product.segments = static_cast<Index>(state.a_offsets.size());
  product.a_offsets = state.a_offsets.data();
  product.b_offsets = state.b_offsets.data();
  product.length = state.length;
  product.b_stride = state.out_channels;
  product.c_stride = state.out_channels;
  product.columns = out_group;
  product.relu = state.relu;
  product.rows = pointers;
  for (Index first = pixels.begin; first < pixels.end; first += kPixelsAtOnce) {
    product.row_count = std::min(kPixelsAtOnce, pixels.end - first);
    Index oy = first / state.out_width, ox = first % state.out_width;
    for (Index i = 0; i < product.row_count; ++i) {
      pointers[i] = image + oy * state.stride[0] * row + ox * state.stride[1] * state.padding.channels;
      if (++ox == state.out_width) ox = 0, ++oy;
    }
    for (Index group = 0; group < state.groups; ++group) {
      product.b = state.kernel + group * out_group;
      product.c = y + first * state.out_channels + group * out_group;
      product.bias = state.bias == nullptr ? nullptr : state.bias + group * out_group;
      state.kernels->product(product);
      for (Index i = 0; i < product.row_count; ++i) pointers[i] += in_group;
    }
  }
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
    Index last = p.padded_width <= p.offset[1] ? 0 : (p.padded_width - p.offset[1] + p.step[1] - 1) / p.step[1];
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

void prepare_convolution(Planner& planner, Convolution& state) {
  state.kernels = &planner.kernels;
  const Index in_group = state.in_channels / state.groups;
  const Index pitch = state.padding.padded_width * state.padding.channels;
  // A kernel row is one segment when its taps lie side by side in image and kernel.
  const bool whole_rows = state.groups == 1 && state.dilation[1] == 1;
  state.length = whole_rows ? state.size[1] * in_group : in_group;
  for (Index ky = 0; ky < state.size[0]; ++ky) {
    for (Index kx = 0; kx < (whole_rows ? 1 : state.size[1]); ++kx) {
      state.a_offsets.push_back(ky * state.dilation[0] * pitch + kx * state.dilation[1] * state.padding.channels);
      state.b_offsets.push_back((ky * state.size[1] + kx) * in_group * state.out_channels);
    }
  }
  const Index lanes = planner.kernels.lanes, out_group = state.out_channels / state.groups;
  double work = state.multiply_adds();
  if (!state.depthwise()) work *= static_cast<double>((out_group + lanes - 1) / lanes * lanes) / static_cast<double>(out_group);
  const double nanoseconds = nanoseconds_of(
      work, 4.0 * static_cast<double>(state.batch) *
                static_cast<double>(state.padding.floats() + state.out_height * state.out_width * state.out_channels));
  state.by_rows = state.batch < 8;
  state.slices = slices_for(state.by_rows ? state.batch * state.out_height : state.batch, nanoseconds);
  if (state.padding.needed()) planner.worker_scratch(state.padding.floats() * 4);
  planner.phase(run_convolution, &state, state.slices, nanoseconds);
}

void run_convolution(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Convolution*>(opaque);
  const Index height = state.out_height;
  Range rows = share(state.by_rows ? state.batch * height : state.batch, state.slices, slice);
  if (!state.by_rows) rows = {rows.begin * height, rows.end * height};
  const Index image_floats = state.padding.height * state.padding.width * state.padding.channels;
  for (Index row = rows.begin; row < rows.end;) {
    const Index n = row / height;
    const Range inside{row - n * height, std::min(height, rows.end - n * height)};
    const float* image = state.x + n * image_floats;
    if (state.padding.needed()) {
      pad_image(state.padding, image, reinterpret_cast<float*>(scratch));
      image = reinterpret_cast<const float*>(scratch);
    }
    float* y = state.y + n * height * state.out_width * state.out_channels;
    if (state.depthwise()) run_depthwise(state, image, y, inside);
    else run_pixels(state, image, y, {inside.begin * state.out_width, inside.end * state.out_width});
    row = n * height + inside.end;
  }
}

}  // namespace treino::cpu
