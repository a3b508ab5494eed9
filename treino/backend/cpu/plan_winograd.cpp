// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "treino/backend/cpu/winograd.h"

namespace treino::cpu {

namespace {

constexpr Index kDomainBytes = Index{512} << 10;  // of a block of tiles, to stay in L2
// The kernel's gradient passes all its sums once a block: few large ones.
constexpr Index kGradientDomainBytes = Index{720} << 10;
constexpr Index kMostTiles = 64;
constexpr Index kUsefulTiles = 32;
constexpr Index kPartChannels = 32;  // of y, that a slice computes at least
constexpr Index kGap =
    16;  // floats between points, so that 36 streams do not meet in one cache set

struct Image {
  Index height = 0, width = 0, channels = 0;
  Index row = 0;  // floats of a tile's row in the domain, for its channels
  Index floats() const { return height * width * channels; }
  friend bool operator==(const Image&, const Image&) = default;
};

struct Winograd {
  const Kernels* kernels = nullptr;
  const float *x = nullptr, *kernel = nullptr, *dy = nullptr, *bias = nullptr;
  float *y = nullptr, *dx = nullptr, *dkernel = nullptr;
  float *domain = nullptr, *blocks = nullptr, *turned = nullptr, *copies = nullptr;
  Image in, out;  // of x and y; tiles cover y
  Index pad[2]{0, 0};
  Index batch = 0, slices = 1, tiles_down = 0, tiles_across = 0, tiles_at_once = 0;
  Index largest = 4;  // tile: outputs along a dimension
  Index kernel_slices = 1, sum_slices = 1;
  Index parts = 1;  // of the channels of y; forward, where there are few images
  bool relu = false;

  Index pairs() const { return in.channels * out.channels; }
  Index pairs_stride() const { return pairs() + kGap; }
  Index line() const { return largest + 2; }  // points along a dimension
  Index points() const { return line() * line(); }
  Index image_tiles() const { return tiles_down * tiles_across; }
  Index in_stride() const { return tiles_at_once * in.row + kGap; }
  Index out_stride() const { return tiles_at_once * out.row + kGap; }
  // Narrow: whether slices are of whole images, as the steps around have them; else of rows of
  // tiles.
  bool by_images() const { return batch >= kRowSlices; }
  Index unit_rows() const { return by_images() ? tiles_down : 1; }
  Index units() const { return batch * tiles_down / unit_rows(); }
  Index block_floats() const { return points() * in.channels * kWinogradBlock; }
  Index narrow_lines() const { return (tiles_across * largest + 2) * in.channels * kWinogradDown; }
  Index narrow_points() const { return tiles_across * in.channels * line() * kWinogradDown; }
};

// Tiles that are in the domain together. A tile is a row of each point's matrix. Along a dimension
// tiles have two sizes that differ by one, the larger ones first in the image and in the matrices:
// the smaller ones do not use one of the points, so that point's matrices have fewer rows,
// [0, rows[does] [do]), where the flags say whether lower and narrower ones use the point.
struct Block {
  Index count = 0, line = 6;
  Index rows[2][2]{};
  struct Place {
    Index image = 0, y = 0, x = 0, rows = 4, columns = 4, row = 0;
    bool moves = false;  // up by `lower` rows, where the lower tiles have none
  } places[kMostTiles];
  Index lower = 0, low_extent = 4, narrow_extent = 4;

  // Of the block's tiles, along a dimension: 0: none uses the point, 1: the larger, 2: all.
  Index users[2][7]{};
  Index rows_of(Index point) const {
    const Index down = users[0][point / line], across = users[1][point % line];
    return down == 0 || across == 0 ? 0 : rows[down - 1][across - 1];
  }
};

// Tile `number` of `tiles` that share `extent` outputs as evenly as they can.
Range tile_range(Index extent, Index tiles, Index number) {
  const Index each = extent / tiles, larger = extent % tiles;
  const Index begin = number * each + std::min(number, larger);
  return {begin, begin + each + (number < larger ? 1 : 0)};
}

void lay_out(const Winograd& state, Index first, Index count, Block& block) {
  block.count = count;
  block.line = state.line();
  block.low_extent = state.out.height / state.tiles_down;
  block.narrow_extent = state.out.width / state.tiles_across;
  for (Index point = 0; point < block.line; ++point) {
    const auto users = [&](Index extent, Index tiles) {
      const Index larger = (extent + tiles - 1) / tiles, smaller = extent / tiles;
      return Index{winograd_uses(larger, point, block.line)} +
             Index{winograd_uses(smaller, point, block.line)};
    };
    block.users[0][point] = users(state.out.height, state.tiles_down);
    block.users[1][point] = users(state.out.width, state.tiles_across);
  }
  Index counts[4]{};
  int kinds[kMostTiles];
  for (Index i = 0; i < count; ++i) {
    Block::Place& place = block.places[i];
    place.image = (first + i) / state.image_tiles();
    const Index inside = (first + i) % state.image_tiles();
    const Range down = tile_range(state.out.height, state.tiles_down, inside / state.tiles_across);
    const Range across =
        tile_range(state.out.width, state.tiles_across, inside % state.tiles_across);
    place.y = down.begin;
    place.x = across.begin;
    place.rows = down.end - down.begin;
    place.columns = across.end - across.begin;
    kinds[i] =
        (place.rows == block.low_extent ? 1 : 0) + (place.columns == block.narrow_extent ? 2 : 0);
    place.row = counts[kinds[i]]++;
  }
  const Index starts[4] = {0, counts[0], counts[0] + counts[1], count - counts[3]};
  block.lower = counts[1];
  for (Index i = 0; i < count; ++i) {
    block.places[i].row += starts[kinds[i]];
    block.places[i].moves = kinds[i] == 2;
  }
  block.rows[0][0] = counts[0];
  block.rows[1][0] = counts[0] + counts[1];
  block.rows[0][1] = counts[0] + counts[2];
  block.rows[1][1] = count;
}

void run_kernel(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Range range = share(state.pairs() / 16, state.kernel_slices, slice);
  const Index last = slice == state.kernel_slices - 1 ? state.pairs() : range.end * 16;
  WinogradKernel part;
  part.kernel = state.turned != nullptr ? state.turned : state.kernel;
  part.domain = state.domain;
  part.stride = state.pairs_stride();
  part.pairs = state.pairs();
  part.first = range.begin * 16;
  part.last = last;
  part.points = state.line();
  state.kernels->winograd_kernel(part);
}

// The domain as rows of tiles want it (WinogradRow).
void run_blocks(const void* opaque, Index block, std::byte*) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Index first = block * kWinogradBlock,
              count = std::min<Index>(kWinogradBlock, state.out.channels - first);
  float* to = state.blocks + block * state.block_floats();
  for (Index across = 0; across < state.line(); ++across) {
    for (Index channel = 0; channel < state.in.channels; ++channel) {
      for (Index down = 0; down < state.line(); ++down, to += kWinogradBlock) {
        const float* from = state.domain + (down * state.line() + across) * state.pairs_stride() +
                            channel * state.out.channels + first;
        std::copy_n(from, count, to);
        std::fill(to + count, to + kWinogradBlock, 0.F);
      }
    }
  }
}

// The kernel with its channels swapped, as dx wants it.
void run_turn(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  state.kernels->transpose(state.turned + slice * state.pairs(), state.in.channels,
                           state.kernel + slice * state.pairs(), state.out.channels,
                           state.in.channels, state.out.channels);
}

// The channels of y that a slice of the forward pass computes.
Range part_of(const Winograd& state, Index slice) {
  const Range units = share((state.out.channels + kPartChannels - 1) / kPartChannels, state.parts,
                            slice % state.parts);
  return {units.begin * kPartChannels, std::min(units.end * kPartChannels, state.out.channels)};
}

using Transform = void (*)(const WinogradTile&);

// Each tile of the block between the image of x or y it belongs to and its rows of `domain`.
void transform(const Winograd& state, const Block& block, Transform run, bool of_x,
               const float* images, float* results, float* domain, Range part = {0, 0}) {
  const Image& image = of_x ? state.in : state.out;
  WinogradTile tile;
  tile.height = image.height;
  tile.width = image.width;
  tile.channels = image.channels;
  tile.first = part.begin;
  tile.last = part.end;
  tile.bias = state.bias;
  tile.relu = state.relu;
  tile.points = block.line;
  tile.point_stride = of_x ? state.in_stride() : state.out_stride();
  for (Index i = 0; i < block.count; ++i) {
    const Block::Place& place = block.places[i];
    if (images != nullptr) tile.image = images + place.image * image.floats();
    if (results != nullptr) tile.out = results + place.image * image.floats();
    tile.y = place.y - (of_x ? state.pad[0] : 0);
    tile.x = place.x - (of_x ? state.pad[1] : 0);
    tile.rows = place.rows;
    tile.columns = place.columns;
    tile.domain = domain + place.row * image.row;
    for (Index row = 0; row < block.line; ++row) {
      const bool moves = place.moves && block.users[0][row] == 1;
      tile.shift[row] = moves ? -block.lower * image.row : 0;
    }
    run(tile);
  }
}

// to = from times the kernel's domain, point by point; from and to: matrices with a row a tile, of
// whose columns to `part` is computed.
void multiply(const Winograd& state, const Block& block, const float* from, const Image& of_from,
              Index from_stride, float* to, const Image& of_to, Index to_stride, Range part) {
  const float* rows[kMostTiles];
  Product product;
  product.rows = rows;
  product.length = of_from.channels;
  product.b_stride = of_to.channels;
  product.c_stride = of_to.row;
  product.columns = part.end - part.begin;
  for (Index point = 0; point < state.points(); ++point) {
    product.row_count = block.rows_of(point);
    if (product.row_count == 0) continue;
    for (Index i = 0; i < product.row_count; ++i)
      rows[i] = from + point * from_stride + i * of_from.row;
    product.b = state.domain + point * state.pairs_stride() + part.begin;
    product.c = to + point * to_stride + part.begin;
    state.kernels->product(product);
  }
}

template <typename Each>
void for_each_block(const Winograd& state, Index slice, const Each& each) {
  const Range images = share(state.batch, state.slices, slice);
  const Index end = images.end * state.image_tiles();
  Block block;
  for (Index first = images.begin * state.image_tiles(); first < end;
       first += state.tiles_at_once) {
    lay_out(state, first, std::min(state.tiles_at_once, end - first), block);
    each(block);
  }
}

void run_forward(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  float* inputs = reinterpret_cast<float*>(scratch);
  float* outputs = inputs + state.points() * state.in_stride();
  const Range part = part_of(state, slice);
  for_each_block(state, slice / state.parts, [&](const Block& block) {
    transform(state, block, state.kernels->winograd_input, true, state.x, nullptr, inputs);
    multiply(state, block, inputs, state.in, state.in_stride(), outputs, state.out,
             state.out_stride(), part);
    transform(state, block, state.kernels->winograd_output, false, nullptr, state.y, outputs, part);
  });
}

// A row of tiles, of few channels.
void run_narrow_row(const Winograd& state, Index image, Index y, float* out, std::byte* scratch) {
  WinogradRow row;
  row.image = state.x + image * state.in.floats();
  row.blocks = state.blocks;
  row.bias = state.bias;
  row.out = out;
  row.relu = state.relu;
  row.height = state.in.height;
  row.width = state.in.width;
  row.channels = state.in.channels;
  row.out_height = state.out.height;
  row.out_width = state.out.width;
  row.out_channels = state.out.channels;
  for (std::size_t d = 0; d < 2; ++d) row.pad[d] = state.pad[d];
  row.y = y;
  row.lines = reinterpret_cast<float*>(scratch);
  row.points = row.lines + state.narrow_lines();
  state.kernels->winograd_row(row);
}

void run_narrow(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Range units = share(state.units(), state.slices, slice);
  for (Index i = units.begin * state.unit_rows(); i < units.end * state.unit_rows(); ++i) {
    const Index image = i / state.tiles_down;
    run_narrow_row(state, image, i % state.tiles_down * state.largest,
                   state.y + image * state.out.floats(), scratch);
  }
}

void make_narrow_rows(const void* opaque, Index image, Index row, float* y, std::byte* scratch) {
  run_narrow_row(*static_cast<const Winograd*>(opaque), image, row, y, scratch);
}

void clear_input_gradient(const Winograd& state, Range images) {
  std::fill(state.dx + images.begin * state.in.floats(), state.dx + images.end * state.in.floats(),
            0.F);
}

// The transpose of what forward does: dx comes out of what dy is in the domain, `outputs`. `cut`
// says how tiles lie there and in `inputs`.
void add_input_gradient(const Winograd& state, const Winograd& cut, const Block& block,
                        const float* outputs, float* inputs) {
  multiply(state, block, outputs, cut.out, cut.out_stride(), inputs, cut.in, cut.in_stride(),
           {0, cut.in.channels});
  transform(cut, block, cut.kernels->winograd_input_gradient, true, nullptr, state.dx, inputs);
}

void run_input_gradient(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  clear_input_gradient(state, share(state.batch, state.slices, slice));
  float* inputs = reinterpret_cast<float*>(scratch);
  float* outputs = inputs + state.points() * state.in_stride();
  for_each_block(state, slice, [&](const Block& block) {
    transform(state, block, state.kernels->winograd_gradient, false, state.dy, nullptr, outputs);
    add_input_gradient(state, state, block, outputs, inputs);
  });
}

// sums (+)= inputs^T outputs, point by point: the kernel's gradient in the domain.
void add_products(const Winograd& state, const Block& block, const float* inputs,
                  const float* outputs, bool first, float* sums) {
  const float* rows[kMostTiles];
  Product product;
  product.rows = rows;
  product.a_step = state.in.row;
  product.b_stride = state.out.row;
  product.c_stride = product.columns = state.out.channels;
  product.accumulate = !first;
  for (Index point = 0; point < state.points(); ++point) {
    product.length = block.rows_of(point);
    product.b = outputs + point * state.out_stride();
    for (Index channel = 0; channel < state.in.channels; channel += kMostTiles) {
      product.row_count = std::min(kMostTiles, state.in.channels - channel);
      for (Index i = 0; i < product.row_count; ++i)
        rows[i] = inputs + point * state.in_stride() + channel + i;
      product.c = sums + point * state.pairs_stride() + channel * state.out.channels;
      state.kernels->product(product);
    }
  }
}

// A slice's gradient is gathered in the domain and taken out of it at the end. dy is in the domain
// for that of x too, where it is asked for.
void gather_kernel_gradient(const Winograd& state, const Winograd* of_x, Index slice,
                            std::byte* scratch) {
  float* inputs = reinterpret_cast<float*>(scratch);
  float* outputs = inputs + state.points() * state.in_stride();
  float* sums = outputs + state.points() * state.out_stride();
  if (of_x != nullptr) clear_input_gradient(*of_x, share(state.batch, state.slices, slice));
  bool first = true;
  for_each_block(state, slice, [&](const Block& block) {
    transform(state, block, state.kernels->winograd_gradient, false, state.dy, nullptr, outputs);
    if (of_x != nullptr) add_input_gradient(*of_x, state, block, outputs, inputs);
    transform(state, block, state.kernels->winograd_input, true, state.x, nullptr, inputs);
    add_products(state, block, inputs, outputs, first, sums);
    first = false;
  });
  WinogradKernel all;
  all.gradient =
      state.slices == 1 ? state.dkernel : state.copies + slice * copy_stride(9 * state.pairs());
  all.domain = sums;
  all.stride = state.pairs_stride();
  all.pairs = all.last = state.pairs();
  all.points = state.line();
  state.kernels->winograd_kernel_gradient(all);
}

void run_kernel_gradient(const void* opaque, Index slice, std::byte* scratch) {
  gather_kernel_gradient(*static_cast<const Winograd*>(opaque), nullptr, slice, scratch);
}

void run_gradients(const void* opaque, Index slice, std::byte* scratch) {
  const auto& pair = *static_cast<const Pair*>(opaque);
  gather_kernel_gradient(*static_cast<const Winograd*>(pair.own),
                         static_cast<const Winograd*>(pair.other), slice, scratch);
}

bool cut_alike(const void* kernels, const void* inputs) {
  const auto &a = *static_cast<const Winograd*>(kernels),
             &b = *static_cast<const Winograd*>(inputs);
  return a.batch == b.batch && a.largest == b.largest && a.in == b.in && a.out == b.out &&
         std::ranges::equal(a.pad, b.pad);
}

void run_sum(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Winograd*>(opaque);
  const Range range = share(9 * state.pairs(), state.sum_slices, slice);
  state.kernels->add_rows(state.dkernel + range.begin, state.copies + range.begin,
                          copy_stride(9 * state.pairs()), state.slices, range.end - range.begin);
}

// Whether Winograd can serve the step at all.
bool applies(const WindowAttributes& w) {
  constexpr std::array<Index, 2> kOne{1, 1}, kThree{3, 3};
  const bool pads =
      std::max({w.pad_before[0], w.pad_before[1], w.pad_after[0], w.pad_after[1]}) <= 2;
  return w.size == kThree && w.stride == kOne && w.dilation == kOne && w.groups == 1 && pads;
}

Index tiles_along(Index extent, Index largest) {
  return (extent + largest - 1) / largest;
}

// Points of all tiles along both dimensions of y.
Index image_points(const Image& out, Index largest) {
  return (out.height + 2 * tiles_along(out.height, largest)) *
         (out.width + 2 * tiles_along(out.width, largest));
}

// Tiles of up to 5x5 where they save a tenth of the multiplications of those of up to 4x4, whose
// domain of the kernel is smaller and whose rounding errors are two thirds. With few channels the
// multiplications are not what takes the time.
Index largest_tile(const Image& in, const Image& out) {
  const bool saves = 10 * image_points(out, 5) <= 9 * image_points(out, 4);
  return saves && in.channels >= 16 && out.channels >= 16 ? 5 : 4;
}

// Multiplications along a dimension the direct way: it leaves out taps beside the image.
Index taps_along(Index extent, Index out_extent, Index pad) {
  Index taps = 0;
  for (Index at = -pad; at < out_extent - pad; ++at)
    taps += std::max<Index>(std::min(at + 3, extent) - std::max<Index>(at, 0), 0);
  return taps;
}

// The fixed table, from treino_bench_ops (Zen 4: 0.25 to 0.8 of the direct way's time where this
// says yes): wide enough channels, a domain of the kernel that stays in cache (a gradient has one a
// slice), and less than six tenths of the multiplications of the direct way. Taking the kernel into
// the domain costs as much as 5 multiplications a point of the direct way; with few small images
// that decides. Forward from up to four channels it is 0.6 to 0.97 of the direct way's time (Zen 3)
// while an image of y stays in the second cache; from 8 to 15 it gains too little.
bool is_best(const Kernels& kernels, const Winograd& state, Op op) {
  const bool grad_kernel = op == Op::conv2d_grad_kernel;
  const bool narrow = op == Op::conv2d && state.in.channels < kNarrowChannels;
  constexpr Index kMostImage = Index{128} << 10;  // numbers
  const Index most_pairs = grad_kernel ? 128 * 128 : 256 * 256;
  const Index whole =
      state.batch * image_points(state.out, state.largest) + (grad_kernel ? 0 : 3 * state.points());
  const Index direct = state.batch * taps_along(state.in.height, state.out.height, state.pad[0]) *
                       taps_along(state.in.width, state.out.width, state.pad[1]);
  const bool wide = state.in.channels >= 16 && state.out.channels >= 16;
  const bool few =
      state.in.channels <= 4 && state.out.channels >= 8 && state.out.floats() <= kMostImage;
  return kernels.lanes >= 8 && (narrow ? few : wide) && state.pairs() <= most_pairs &&
         static_cast<double>(whole) <= 0.6 * static_cast<double>(direct);
}

}  // namespace

bool plan_winograd(Planner& planner, const Step& step) {
  const auto& window = std::get<WindowAttributes>(step.attributes);
  const Convolutions wanted = planner.convolutions();
  if (!applies(window) || (wanted != Convolutions::by_table && wanted != Convolutions::winograd))
    return false;
  Winograd draft;
  draft.batch = window.input[0];
  draft.in = {window.input[1], window.input[2], window.input[3]};
  draft.out = {window.output_extent(0), window.output_extent(1), window.kernel[3]};
  const bool grad_input = step.op == Op::conv2d_grad_input,
             grad_kernel = step.op == Op::conv2d_grad_kernel;
  // Vectors of 16 that begin anywhere all reach into two lines, and what is in the domain is
  // written and read several times.
  const Index whole = planner.kernels.lanes < 16 ? 1 : planner.kernels.lanes;
  for (Image* image : {&draft.in, &draft.out})
    image->row = (image->channels + whole - 1) / whole * whole;
  for (std::size_t d = 0; d < 2; ++d) draft.pad[d] = window.pad_before[d];
  const bool narrow = step.op == Op::conv2d && draft.in.channels < kNarrowChannels;
  draft.largest = largest_tile(draft.in, draft.out);
  draft.tiles_down = tiles_along(draft.out.height, draft.largest);
  draft.tiles_across = tiles_along(draft.out.width, draft.largest);
  // Each worker gathers a gradient in the domain: four to five times the kernel.
  if (grad_kernel && draft.pairs() * draft.points() * 4 > kPartialBytes) return false;
  if (wanted == Convolutions::by_table && !is_best(planner.kernels, draft, step.op)) return false;

  auto& state = planner.state<Winograd>();
  state = draft;
  state.kernels = &planner.kernels;
  state.relu = window.activation == Op::relu;
  const double multiplications =
      static_cast<double>(state.batch * image_points(state.out, state.largest) * state.pairs());
  const double bytes =
      4.0 * static_cast<double>(state.batch * (state.in.floats() + state.out.floats()));
  const double nanoseconds = nanoseconds_of(multiplications, 6 * bytes);
  state.slices = planner.row_slices(narrow ? state.units() : state.batch, nanoseconds);
  if (grad_kernel) {
    // Each slice takes a gradient out of the domain, which pays for kUsefulTiles; not at the price
    // of idle threads.
    const Index useful = (kUsefulTiles + state.image_tiles() - 1) / state.image_tiles();
    state.slices = std::min({state.slices, kRowSlices, copies_within(9 * state.pairs() * 4),
                             std::max(kRowSlices / 2, state.batch / useful)});
  }
  const Index images = (state.batch + state.slices - 1) / state.slices;
  const Index fit = (grad_kernel ? kGradientDomainBytes : kDomainBytes) /
                    (state.points() * 4 * (state.in.channels + state.out.channels));
  state.tiles_at_once =
      std::min({std::max<Index>(fit, 4), kMostTiles, images * state.image_tiles()});
  const Index blocks =
      (images * state.image_tiles() + state.tiles_at_once - 1) / state.tiles_at_once;
  state.tiles_at_once = (images * state.image_tiles() + blocks - 1) / blocks;  // blocks of one size
  planner.point(grad_input ? state.dy : state.x, step.inputs[0]);
  planner.point(grad_kernel ? state.dy : state.kernel, step.inputs[1]);
  if (step.inputs.size() > 2) planner.point(state.bias, step.inputs[2]);
  planner.point(grad_input ? state.dx : grad_kernel ? state.dkernel : state.y, step.outputs[0]);
  planner.choose(fmt::format("own {} winograd", planner.kernels.name), Convolutions::winograd);
  const Index block_floats = state.points() * (state.in_stride() + state.out_stride());

  if (grad_kernel) {
    planner.worker_scratch(4 * (block_floats + state.points() * state.pairs_stride()));
    if (state.slices > 1)
      planner.scratch(state.copies, state.slices * copy_stride(9 * state.pairs()));
    planner.phase(run_kernel_gradient, &state, state.slices, nanoseconds, {state.batch, 3, 0},
                  {3, state.slices > 1 ? 0U : 1U});
    planner.takes_along({run_gradients, run_input_gradient, cut_alike});
    if (state.slices == 1) return true;
    const double copied = 4.0 * static_cast<double>(state.slices * 9 * state.pairs());
    state.sum_slices = slices_for(9 * state.pairs() / 64, nanoseconds_of(0, copied));
    planner.phase(run_sum, &state, state.sum_slices, nanoseconds_of(0, copied), {}, {0, 1});
    return true;
  }
  const Index worker_bytes =
      4 * (narrow ? state.narrow_lines() + state.narrow_points() : block_floats);
  planner.worker_scratch(worker_bytes);
  planner.scratch(state.domain, state.points() * state.pairs_stride());
  const double kernel_nanoseconds =
      nanoseconds_of(0, 4.0 * 60 * static_cast<double>(state.pairs()));
  if (grad_input) {
    planner.scratch(state.turned, 9 * state.pairs());
    planner.prepare(run_turn, &state, 9, kernel_nanoseconds / 4, 2);
  }
  state.kernel_slices = slices_for(state.pairs() / 16, kernel_nanoseconds, kRowSlices);
  planner.prepare(run_kernel, &state, state.kernel_slices, kernel_nanoseconds, 2);
  if (narrow) {
    const Index of_y = (state.out.channels + kWinogradBlock - 1) / kWinogradBlock;
    planner.scratch(state.blocks, of_y * state.block_floats());
    planner.prepare(run_blocks, &state, of_y, kernel_nanoseconds / 2, 2);
    planner.phase(run_narrow, &state, state.slices, nanoseconds,
                  state.by_images() ? Partition{state.batch, 1, 1} : Partition{}, {5, 1});
    planner.makes_rows({make_narrow_rows, state.largest, state.out.width * state.out.channels,
                        state.out.height, state.batch, worker_bytes});
    return true;
  }
  // Touched is all but the kernel itself.
  if (grad_input) {
    planner.phase(run_input_gradient, &state, state.slices, nanoseconds, {state.batch, 1, 1},
                  {5, 1});
    return true;
  }
  // Few images: each slice computes some of their channels, and takes x into the domain for itself.
  state.parts =
      std::clamp<Index>(std::min(kRowSlices / state.slices,
                                 static_cast<Index>(nanoseconds / kShortWork) / state.slices),
                        1, (state.out.channels + kPartChannels - 1) / kPartChannels);
  planner.phase(run_forward, &state, state.slices * state.parts, nanoseconds,
                state.parts == 1 ? Partition{state.batch, 1, 1} : Partition{}, {5, 1});
  return true;
}

}  // namespace treino::cpu
