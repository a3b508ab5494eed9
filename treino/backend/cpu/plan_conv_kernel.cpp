// SPDX-License-Identifier: Apache-2.0
// The gradient of conv2d with respect to its kernel: a product whose rows are the kernel's taps and
// input channels, and whose inner extent runs over output pixels. Slices take samples; each has its
// own copy of the gradient and the copies are added in order. A kernel too large to copy is sliced
// by rows.
#include <algorithm>
#include <cstring>

#include "treino/backend/cpu/conv.h"
#include "treino/backend/cpu/winograd.h"
#include "treino/base/error.h"

namespace treino::cpu {

namespace {

constexpr Index kRowsAtOnce = 96;
constexpr Index kMostCopies = kRowSlices;
constexpr Index kCopyBytes = Index{8} << 20;  // of all copies together
constexpr Index kRowsForCopy = 48;    // of the gradient, from which dy is copied to whole vectors
constexpr Index kUsefulPixels = 128;  // inner extent below which several images are taken at once

struct KernelGradient {
  const float *x = nullptr, *dy = nullptr;
  float *out = nullptr, *copies = nullptr;
  const Kernels* kernels = nullptr;
  Padding padding;
  Index batch = 0, groups = 1, in_channels = 0, out_channels = 0, out_height = 0, out_width = 0;
  Index size[2]{1, 1}, stride[2]{1, 1}, dilation[2]{1, 1};
  Index batch_parts = 1, row_parts = 1, images_at_once = 1, sum_slices = 1;
  std::vector<Index> a_offsets, b_offsets;  // of the output rows of images_at_once images
  bool depthwise = false;
  Index dy_pixel = 0;  // floats of one, in a copy of dy where that is more than its channels

  Index rows() const { return size[0] * size[1] * (in_channels / groups); }
  Index elements() const { return rows() * out_channels; }
  bool copies_dy() const { return dy_pixel != out_channels; }
  // Where the copy begins in a worker's memory, in bytes: behind the padded images.
  Index copy_begin() const {
    return padding.needed() ? whole_lines(images_at_once * padding.floats() * 4) : 0;
  }
};

// Rows [first, last) of the gradient from some images, padded where that is needed.
void add_images(const KernelGradient& state, const float* images, const float* dy, Index count,
                Range rows, bool first, float* gradient) {
  const Index in_group = state.in_channels / state.groups,
              out_group = state.out_channels / state.groups;
  const Index channels = state.in_channels, pitch = state.padding.padded_width * channels;
  const float* pointers[kRowsAtOnce];
  Product product;
  product.rows = pointers;
  product.segments = count * state.out_height;
  product.a_offsets = state.a_offsets.data();
  product.b_offsets = state.b_offsets.data();
  product.length = state.out_width;
  product.a_step = state.stride[1] * channels;
  product.b_stride = state.dy_pixel;
  product.c_stride = state.out_channels;
  product.columns = out_group;
  product.accumulate = !first;
  for (Index row = rows.begin; row < rows.end; row += kRowsAtOnce) {
    product.row_count = std::min(kRowsAtOnce, rows.end - row);
    for (Index i = 0; i < product.row_count; ++i) {
      const Index tap = (row + i) / in_group, ky = tap / state.size[1], kx = tap % state.size[1];
      pointers[i] = images + ky * state.dilation[0] * pitch + kx * state.dilation[1] * channels +
                    (row + i) % in_group;
    }
    for (Index group = 0; group < state.groups; ++group) {
      product.b = dy + group * out_group;
      product.c = gradient + row * state.out_channels + group * out_group;
      state.kernels->product(product);
      for (Index i = 0; i < product.row_count; ++i) pointers[i] += in_group;
    }
  }
}

void add_depthwise(const KernelGradient& state, const float* image, const float* dy,
                   float* gradient) {
  DepthwiseGradient part;
  const Index channels = state.in_channels, pitch = state.padding.padded_width * channels;
  part.x = image;
  part.dy = dy;
  part.kernel = gradient;
  part.height = state.out_height;
  part.width = state.out_width;
  part.channels = channels;
  part.kernel_height = state.size[0];
  part.kernel_width = state.size[1];
  part.x_step = state.stride[1] * channels;
  part.x_row = state.stride[0] * pitch;
  part.tap_step = state.dilation[1] * channels;
  part.tap_row = state.dilation[0] * pitch;
  state.kernels->depthwise_gradient(part);
}

void run_gradient(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const KernelGradient*>(opaque);
  const Index part = slice / state.row_parts;
  const Range samples = share(state.batch, state.batch_parts, part);
  const Range rows = share(state.rows(), state.row_parts, slice % state.row_parts);
  float* gradient =
      state.batch_parts == 1 ? state.out : state.copies + part * copy_stride(state.elements());
  const Index image_floats = state.padding.height * state.padding.width * state.padding.channels;
  const Index dy_floats = state.out_height * state.out_width * state.out_channels;
  if (state.depthwise)
    std::memset(gradient, 0, static_cast<std::size_t>(state.elements()) * sizeof(float));
  for (Index n = samples.begin; n < samples.end; n += state.images_at_once) {
    const Index count = std::min(state.images_at_once, samples.end - n);
    const float* images = state.x + n * image_floats;
    if (state.padding.needed()) {
      float* padded = reinterpret_cast<float*>(scratch);
      for (Index i = 0; i < count; ++i)
        pad_image(state.padding, images + i * image_floats, padded + i * state.padding.floats());
      images = padded;
    }
    const float* dy = state.dy + n * dy_floats;
    if (state.copies_dy()) {
      float* copy = reinterpret_cast<float*>(scratch + state.copy_begin());
      state.kernels->spread_rows(copy, state.dy_pixel, dy,
                                 count * state.out_height * state.out_width, state.out_channels);
      dy = copy;
    }
    if (state.depthwise)
      add_depthwise(state, images, dy, gradient);
    else
      add_images(state, images, dy, count, rows, n == samples.begin, gradient);
  }
}

void run_sum(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const KernelGradient*>(opaque);
  const Range range = share(state.elements(), state.sum_slices, slice);
  state.kernels->add_rows(state.out + range.begin, state.copies + range.begin,
                          copy_stride(state.elements()), state.batch_parts,
                          range.end - range.begin);
}

}  // namespace

void plan_conv2d_grad_kernel(Planner& planner, const Step& step) {
  const auto& window = std::get<WindowAttributes>(step.attributes);
  if (step.inputs[0].type.dtype != DType::f32) {
    throw Error::mistake("the cpu device convolves f32 only: cast the input of " + step.scope);
  }
  if (plan_onednn(planner, step) || plan_winograd(planner, step)) return;
  auto& state = planner.state<KernelGradient>();
  state.kernels = &planner.kernels;
  state.batch = window.input[0];
  state.in_channels = window.input[3];
  state.out_channels = window.kernel[3];
  state.groups = window.groups;
  state.out_height = window.output_extent(0);
  state.out_width = window.output_extent(1);
  state.depthwise =
      state.groups > 1 && state.groups == state.in_channels && state.groups == state.out_channels;
  state.padding.height = window.input[1];
  state.padding.width = window.input[2];
  state.padding.channels = window.input[3];
  state.padding.padded_height = window.input[1] + window.pad_before[0] + window.pad_after[0];
  state.padding.padded_width = window.input[2] + window.pad_before[1] + window.pad_after[1];
  for (std::size_t d = 0; d < 2; ++d) {
    state.size[d] = window.size[d];
    state.stride[d] = window.stride[d];
    state.dilation[d] = window.dilation[d];
    state.padding.offset[d] = window.pad_before[d];
  }

  const Index lanes = planner.kernels.lanes, out_group = state.out_channels / state.groups;
  const Index pixels = state.out_height * state.out_width;
  double work = static_cast<double>(state.batch * pixels) * static_cast<double>(state.elements());
  if (!state.depthwise)
    work *= static_cast<double>((out_group + lanes - 1) / lanes * lanes) /
            static_cast<double>(out_group);
  const double nanoseconds =
      nanoseconds_of(work, 4.0 * static_cast<double>(window.input.elements() +
                                                     state.batch * pixels * state.out_channels));
  const Index wanted = nanoseconds < kShortWork ? 1 : kRowSlices;
  const Index copies = std::clamp<Index>(kCopyBytes / (state.elements() * 4), 1, kMostCopies);
  state.batch_parts = std::min({wanted, copies, state.batch});
  if (!state.depthwise) {
    const Index row_units =
        (state.rows() + planner.kernels.row_block - 1) / planner.kernels.row_block;
    state.row_parts =
        std::clamp<Index>(std::min<Index>(wanted, 8) / state.batch_parts, 1, row_units);
    state.images_at_once = std::clamp<Index>((kUsefulPixels + pixels - 1) / pixels, 1, state.batch);
  }
  // Vectors that begin anywhere reach into two lines each, which costs a third where many rows of
  // the gradient read them; tiles of AVX-512 have so much to multiply for each that it costs
  // nothing, and the copy does.
  const bool widens =
      lanes < 16 && state.groups == 1 && state.out_channels > lanes && state.rows() >= kRowsForCopy;
  state.dy_pixel = widens ? (state.out_channels + lanes - 1) / lanes * lanes : state.out_channels;
  const Index image_floats =
      state.padding.needed() ? state.padding.floats() : window.input.elements() / state.batch;
  const Index pitch = state.padding.padded_width * state.in_channels;
  for (Index i = 0; i < state.images_at_once; ++i) {
    for (Index oy = 0; oy < state.out_height; ++oy) {
      state.a_offsets.push_back(i * image_floats + oy * state.stride[0] * pitch);
      state.b_offsets.push_back((i * state.out_height + oy) * state.out_width * state.dy_pixel);
    }
  }
  planner.point(state.x, step.inputs[0]);
  planner.point(state.dy, step.inputs[1]);
  planner.point(state.out, step.outputs[0]);
  if (state.batch_parts > 1)
    planner.scratch(state.copies, state.batch_parts * copy_stride(state.elements()));
  planner.worker_scratch(
      state.copy_begin() +
      (state.copies_dy() ? state.images_at_once * pixels * state.dy_pixel * 4 : 0));
  const bool by_samples =
      state.row_parts == 1 && state.batch_parts == planner.row_slices(state.batch, nanoseconds);
  planner.phase(run_gradient, &state, state.batch_parts * state.row_parts, nanoseconds,
                by_samples ? Partition{state.batch, 3, 0} : Partition{},
                {3, state.batch_parts > 1 ? 0U : 1U});
  if (state.batch_parts > 1) {
    const double bytes = 4.0 * static_cast<double>(state.batch_parts * state.elements());
    state.sum_slices = slices_for(state.elements() / 64, nanoseconds_of(0, bytes));
    planner.phase(run_sum, &state, state.sum_slices, nanoseconds_of(0, bytes), {}, {0, 1});
  }
}

}  // namespace treino::cpu
