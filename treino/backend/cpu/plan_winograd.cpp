// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "treino/backend/cpu/winograd.h"

namespace treino::cpu {

namespace {

constexpr Index kPoints = 36;
constexpr Index kDomainBytes = Index{512} << 10;  // of a block of tiles, to stay in L2
constexpr Index kMostTiles = 64;
constexpr Index kGap =
    16;  // floats between points, so that 36 streams do not meet in one cache set

struct Image {
  Index height = 0, width = 0, channels = 0;
  Index floats() const { return height * width * channels; }
};

struct Winograd {
  const Kernels* kernels = nullptr;
  const float *a = nullptr, *b = nullptr,
              *bias = nullptr;  // forward: x and kernel; gradient: x and dy
  float *out = nullptr, *domain = nullptr, *turned = nullptr, *copies = nullptr;
  Image in, y;  // y: the images the tiles cover
  Index pad[2]{0, 0};
  Index batch = 0, slices = 1, tiles_down = 0, tiles_across = 0, tiles_at_once = 0;
  Index kernel_slices = 1, sum_slices = 1;
  bool relu = false;

  Index pairs() const { return in.channels * y.channels; }
  Index image_tiles() const { return tiles_down * tiles_across; }
  Index in_stride() const { return tiles_at_once * in.channels + kGap; }
  Index y_stride() const { return tiles_at_once * y.channels + kGap; }
};

void run_kernel(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Range range = share(state.in.channels, state.kernel_slices, slice);
  const float* kernel = state.turned != nullptr ? state.turned : state.b;
  state.kernels->winograd_kernel(state.domain, kernel, state.pairs(),
                                 range.begin * state.y.channels, range.end * state.y.channels);
}

// The kernel turned around with its channels swapped: what dx = correlation(dy, turned) needs.
void run_turn(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  state.kernels->transpose(state.turned + (8 - slice) * state.pairs(), state.y.channels,
                           state.b + slice * state.pairs(), state.in.channels, state.y.channels,
                           state.in.channels);
}

// Tile number `tile` of the batch as seen in images of x (with its padding) or of y.
WinogradTile tile_of(const Winograd& state, const Image& image, Index tile, bool padded) {
  const Index inside = tile % state.image_tiles();
  WinogradTile result;
  result.height = image.height;
  result.width = image.width;
  result.channels = image.channels;
  result.y = inside / state.tiles_across * 4 - (padded ? state.pad[0] : 0);
  result.x = inside % state.tiles_across * 4 - (padded ? state.pad[1] : 0);
  return result;
}

void transform_input(const Winograd& state, Index first, Index count, float* domain) {
  for (Index i = 0; i < count; ++i) {
    WinogradTile tile = tile_of(state, state.in, first + i, true);
    tile.image = state.a + (first + i) / state.image_tiles() * state.in.floats();
    tile.domain = domain + i * state.in.channels;
    tile.position_stride = state.in_stride();
    state.kernels->winograd_input(tile);
  }
}

void run_forward(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Range images = share(state.batch, state.slices, slice);
  float* inputs = reinterpret_cast<float*>(scratch);
  float* outputs = inputs + kPoints * state.in_stride();
  const float* rows[kMostTiles];
  Product product;
  product.rows = rows;
  product.length = state.in.channels;
  product.b_stride = product.c_stride = product.columns = state.y.channels;
  const Index end = images.end * state.image_tiles();
  for (Index first = images.begin * state.image_tiles(); first < end;
       first += state.tiles_at_once) {
    const Index count = std::min(state.tiles_at_once, end - first);
    transform_input(state, first, count, inputs);
    product.row_count = count;
    for (Index point = 0; point < kPoints; ++point) {
      for (Index i = 0; i < count; ++i)
        rows[i] = inputs + point * state.in_stride() + i * state.in.channels;
      product.b = state.domain + point * state.pairs();
      product.c = outputs + point * state.y_stride();
      state.kernels->product(product);
    }
    for (Index i = 0; i < count; ++i) {
      WinogradTile tile = tile_of(state, state.y, first + i, false);
      tile.out = state.out + (first + i) / state.image_tiles() * state.y.floats();
      tile.bias = state.bias;
      tile.relu = state.relu;
      tile.domain = outputs + i * state.y.channels;
      tile.position_stride = state.y_stride();
      state.kernels->winograd_output(tile);
    }
  }
}

// A slice's gradient is gathered in the domain and taken out of it at the end.
void run_kernel_gradient(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Range images = share(state.batch, state.slices, slice);
  float* inputs = reinterpret_cast<float*>(scratch);
  float* gradients = inputs + kPoints * state.in_stride();
  float* sums = gradients + kPoints * state.y_stride();
  const float* rows[kMostTiles];
  Product product;
  product.rows = rows;
  product.a_step = state.in.channels;
  product.b_stride = product.c_stride = product.columns = state.y.channels;
  const Index begin = images.begin * state.image_tiles(), end = images.end * state.image_tiles();
  for (Index first = begin; first < end; first += state.tiles_at_once) {
    const Index count = std::min(state.tiles_at_once, end - first);
    transform_input(state, first, count, inputs);
    for (Index i = 0; i < count; ++i) {
      WinogradTile tile = tile_of(state, state.y, first + i, false);
      tile.image = state.b + (first + i) / state.image_tiles() * state.y.floats();
      tile.domain = gradients + i * state.y.channels;
      tile.position_stride = state.y_stride();
      state.kernels->winograd_gradient(tile);
    }
    product.length = count;
    product.accumulate = first > begin;
    for (Index point = 0; point < kPoints; ++point) {
      product.b = gradients + point * state.y_stride();
      for (Index channel = 0; channel < state.in.channels; channel += kMostTiles) {
        product.row_count = std::min(kMostTiles, state.in.channels - channel);
        for (Index i = 0; i < product.row_count; ++i)
          rows[i] = inputs + point * state.in_stride() + channel + i;
        product.c = sums + point * state.pairs() + channel * state.y.channels;
        state.kernels->product(product);
      }
    }
  }
  float* to = state.slices == 1 ? state.out : state.copies + slice * 9 * state.pairs();
  state.kernels->winograd_kernel_gradient(to, sums, state.pairs(), 0, state.pairs());
}

void run_sum(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Range range = share(9 * state.pairs(), state.sum_slices, slice);
  state.kernels->add_rows(state.out + range.begin, state.copies + range.begin, 9 * state.pairs(),
                          state.slices, range.end - range.begin);
}

// Whether F(4x4, 3x3) can serve the step at all.
bool applies(const WindowAttributes& w) {
  constexpr std::array<Index, 2> kOne{1, 1}, kThree{3, 3};
  const bool pads =
      std::max({w.pad_before[0], w.pad_before[1], w.pad_after[0], w.pad_after[1]}) <= 2;
  return w.size == kThree && w.stride == kOne && w.dilation == kOne && w.groups == 1 && pads;
}

// The fixed table, from treino_bench_ops (Zen 4: 0.25 to 0.8 of the direct way's time where this
// says yes): wide enough channels, a domain of the kernel that stays in cache (a gradient has one a
// slice), and less than six tenths of the multiplications of the direct way.
bool is_best(const Kernels& kernels, const Winograd& state, Op op) {
  const Index most_pairs = op == Op::conv2d_grad_kernel ? 128 * 128 : 256 * 256;
  const Index whole = state.image_tiles() * kPoints, direct = state.y.height * state.y.width * 9;
  return kernels.lanes >= 8 && state.in.channels >= 16 && state.y.channels >= 16 &&
         state.pairs() <= most_pairs &&
         static_cast<double>(whole) <= 0.6 * static_cast<double>(direct);
}

}  // namespace

bool plan_winograd(Planner& planner, const Step& step) {
  const auto& window = std::get<WindowAttributes>(step.attributes);
  const Convolutions wanted = planner.convolutions();
  if (!applies(window) || (wanted != Convolutions::by_table && wanted != Convolutions::winograd))
    return false;
  Winograd draft;
  draft.in = {window.input[1], window.input[2], window.input[3]};
  draft.y = {window.output_extent(0), window.output_extent(1), window.kernel[3]};
  const bool grad_input = step.op == Op::conv2d_grad_input,
             grad_kernel = step.op == Op::conv2d_grad_kernel;
  if (grad_input) std::swap(draft.in, draft.y);
  for (std::size_t d = 0; d < 2; ++d)
    draft.pad[d] = grad_input ? 2 - window.pad_before[d] : window.pad_before[d];
  draft.tiles_down = (draft.y.height + 3) / 4;
  draft.tiles_across = (draft.y.width + 3) / 4;
  if (wanted == Convolutions::by_table && !is_best(planner.kernels, draft, step.op)) return false;

  auto& state = planner.state<Winograd>();
  state = draft;
  state.kernels = &planner.kernels;
  state.batch = window.input[0];
  state.relu = window.activation == Op::relu;
  const double multiplications =
      static_cast<double>(state.batch * state.image_tiles() * kPoints * state.pairs());
  const double bytes =
      4.0 * static_cast<double>(state.batch * (state.in.floats() + state.y.floats()));
  const double nanoseconds = nanoseconds_of(multiplications, 6 * bytes);
  state.slices = row_slices(state.batch, nanoseconds);
  const Index images = (state.batch + state.slices - 1) / state.slices;
  const Index fit = kDomainBytes / (kPoints * 4 * (state.in.channels + state.y.channels));
  state.tiles_at_once =
      std::min({std::max<Index>(fit, 4), kMostTiles, images * state.image_tiles()});
  const Index blocks =
      (images * state.image_tiles() + state.tiles_at_once - 1) / state.tiles_at_once;
  state.tiles_at_once = (images * state.image_tiles() + blocks - 1) / blocks;  // blocks of one size
  planner.point(state.a, step.inputs[0]);
  planner.point(state.b, step.inputs[1]);
  if (step.inputs.size() > 2) planner.point(state.bias, step.inputs[2]);
  planner.point(state.out, step.outputs[0]);
  planner.choose(fmt::format("own {} winograd", planner.kernels.name), Convolutions::winograd);
  const Index block_floats = kPoints * (state.in_stride() + state.y_stride());

  if (grad_kernel) {
    planner.worker_scratch(4 * (block_floats + kPoints * state.pairs()));
    if (state.slices > 1) planner.scratch(state.copies, state.slices * 9 * state.pairs());
    planner.phase(run_kernel_gradient, &state, state.slices, nanoseconds, {state.batch, 3, 0},
                  {3, state.slices > 1 ? 0U : 1U});
    if (state.slices == 1) return true;
    const double copied = 4.0 * static_cast<double>(state.slices * 9 * state.pairs());
    state.sum_slices = slices_for(9 * state.pairs() / 64, nanoseconds_of(0, copied));
    planner.phase(run_sum, &state, state.sum_slices, nanoseconds_of(0, copied), {}, {0, 1});
    return true;
  }
  planner.worker_scratch(4 * block_floats);
  planner.scratch(state.domain, kPoints * state.pairs());
  const double kernel_nanoseconds =
      nanoseconds_of(0, 4.0 * 60 * static_cast<double>(state.pairs()));
  if (grad_input) {
    planner.scratch(state.turned, 9 * state.pairs());
    planner.phase(run_turn, &state, 9, kernel_nanoseconds / 4, {}, {2, 0});
  }
  state.kernel_slices = slices_for(state.in.channels, kernel_nanoseconds, kRowSlices);
  planner.phase(run_kernel, &state, state.kernel_slices, kernel_nanoseconds, {}, {2, 0});
  planner.phase(run_forward, &state, state.slices, nanoseconds, {state.batch, 1, 1},
                {5, 1});  // not the kernel itself
  return true;
}

}  // namespace treino::cpu
