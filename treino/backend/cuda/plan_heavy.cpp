// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <initializer_list>
#include <limits>

#include "treino/backend/cuda/plan.h"
#include "treino/base/error.h"

namespace treino::cuda {

Window to_window(const WindowAttributes& w) {
  Window window{};
  window.height = w.input[1];
  window.width = w.input[2];
  window.channels = w.input[3];
  for (std::size_t d = 0; d < 2; ++d) {
    window.out[d] = w.output_extent(static_cast<int>(d));
    window.size[d] = w.size[d];
    window.stride[d] = w.stride[d];
    window.dilation[d] = w.dilation[d];
    window.pad[d] = w.pad_before[d];
  }
  return window;
}

namespace {

Index elements(const Tensor& tensor) {
  return tensor.type.shape.elements();
}

Window window_of(const Step& step) {
  demand_f32(step);
  return to_window(std::get<WindowAttributes>(step.attributes));
}

Filters filters_of(const Step& step) {
  const auto& w = std::get<WindowAttributes>(step.attributes);
  return {w.kernel[2], w.kernel[3], w.groups};
}

// What a product does to its sums, and where the results go.
struct End {
  float* out;
  Epilogue epilogue;
};

// With the group that reads the product's results (merge_rules.cpp).
End end_of(Planner& planner, const Step& step, Op activation = Op::cast) {
  End end{planner.at<float>(step.outputs[0]), {}};
  if (step.inputs.size() > 2) end.epilogue.bias = planner.at<float>(step.inputs[2]);
  end.epilogue.relu = activation == Op::relu;
  const Unit& unit = planner.unit();
  if (unit.then == nullptr) return end;
  const WrittenGroup group = write_group(*unit.then);
  if (group.text == group::adam::kText) {
    end.epilogue.adam = adam_of(planner, *unit.then);
    return end;
  }
  if (unit.keeps) end.epilogue.kept = end.out;
  end.out = planner.at<float>(unit.then->outputs[0]);
  const auto input = [&](std::size_t k) { return planner.at<float>(unit.then->inputs[k]); };
  if (group.text == group::mul::kText) {
    end.epilogue.mask = input(same_place(unit.then->inputs[0], step.outputs[0]) ? 1 : 0);
    return end;
  }
  if (group.text == group::relu_dropout_grad::kText) end.epilogue.mask = input(1);
  end.epilogue.gate = input(group.text == group::relu_grad::kText ? 0 : 2);
  end.epilogue.threshold = static_cast<float>(group.constants[0]);
  return end;
}

// An extent in 32 bits.
int small(const Step& step, Index extent) {
  if (extent <= std::numeric_limits<int>::max()) return static_cast<int>(extent);
  throw Error::work("a " + std::string(name(step.op)) + " of " + step.scope +
                    " is too large for the cuda device: train with a smaller batch");
}

// How a product is cut, and what that is thought to cost on a large GPU. It depends on the extents
// alone, so that any GPU gives the same bits.
struct Cut {
  Index tiles = 0, chunks = 1;
  Index cycles = std::numeric_limits<Index>::max();
};

template <typename Work>
Cut cut_of(Index rows, Index columns, Index inner) {
  // Multiprocessors, and multiplications of one in a cycle: what a tile's inner loop leaves of 128.
  constexpr Index kProcessors = 132, kRate = Work::kSide == 4 ? 60 : 35;
  // A block's begin and a slice's way from memory, of so many blocks at once; what chunks cost:
  // written, counted, read by the block that is last, in one level or two.
  constexpr Index kBegin = 2000, kSlice = 700, kAtOnce = 3, kChunks = 4000, kTwoLevels = 7000;
  constexpr Index kMostPartial = Index{4} << 20;  // numbers
  constexpr Index kTile = Work::kTileRows * Work::kTileColumns;
  const auto parts = [](Index whole, Index part) { return (whole + part - 1) / part; };
  const Index tiles = parts(rows, Work::kTileRows) * parts(columns, Work::kTileColumns);
  const Index slices = parts(inner, kDepth);
  Cut best;
  for (Index chunks = 1; chunks <= std::min<Index>(slices, 256); ++chunks) {
    if (chunks > 1 && tiles * chunks * kTile > kMostPartial) break;
    const Index each = parts(slices, chunks);
    const Index blocks = parts(tiles * chunks, kProcessors);  // of a multiprocessor
    const Index work = blocks * kTile * kDepth * each / kRate;
    const Index wait = parts(blocks, kAtOnce) * (kBegin + kSlice * each);
    const Index added = chunks == 1 ? 0 : chunks <= kMostAtOnce ? kChunks : kTwoLevels;
    const Index cycles = std::max(work, wait) + added;
    if (cycles < best.cycles) best = {tiles, chunks, cycles};
  }
  return best;
}

template <typename Work, typename Operands>
void tiles(Planner& planner, const Operands& operands, float* out, const Epilogue& epilogue,
           const Cut& cut) {
  const bool parts = cut.chunks > 1;
  const int chunks = static_cast<int>(cut.chunks);
  constexpr Index kTile = Work::kTileRows * Work::kTileColumns;
  planner.launch(
      Work{operands, out, parts ? planner.scratch<float>(cut.tiles * cut.chunks * kTile) : nullptr,
           parts ? planner.counters(cut.tiles * (1 + groups_of(chunks))) : nullptr, epilogue,
           (operands.columns + Work::kTileColumns - 1) / Work::kTileColumns, chunks},
      cut.tiles * cut.chunks);
}

// A product in the tiles that are thought to be quickest.
template <typename Operands>
void product(Planner& planner, const Operands& operands, float* out, const Epilogue& epilogue) {
  using Square = TileProduct<Operands, 64, 64>;
  using Tall = TileProduct<Operands, 128, 32>;
  using Small = TileProduct<Operands, 32, 32>;
  const Index rows = operands.rows, columns = operands.columns;
  if (rows == 0 || columns == 0) return;
  const Cut square = cut_of<Square>(rows, columns, operands.inner);
  const Cut tall = cut_of<Tall>(rows, columns, operands.inner);
  const Cut small = cut_of<Small>(rows, columns, operands.inner);
  if (square.cycles <= std::min(tall.cycles, small.cycles))
    tiles<Square>(planner, operands, out, epilogue, square);
  else if (tall.cycles <= small.cycles)
    tiles<Tall>(planner, operands, out, epilogue, tall);
  else
    tiles<Small>(planner, operands, out, epilogue, small);
}

// Calls f with 4 (neighbours at once) where that divides all of `extents`, else with 1.
template <typename F>
void with_neighbours(std::initializer_list<Index> extents, F&& f) {
  if (std::all_of(extents.begin(), extents.end(), [](Index extent) { return extent % 4 == 0; }))
    return f(std::integral_constant<int, 4>{});
  f(std::integral_constant<int, 1>{});
}

Patches patches_of(const Step& step) {
  const auto& w = std::get<WindowAttributes>(step.attributes);
  Patches p{};
  p.height = small(step, w.input[1]);
  p.width = small(step, w.input[2]);
  p.channels = small(step, w.input[3]);
  p.filters = small(step, w.kernel[3]);
  for (std::size_t d = 0; d < 2; ++d) {
    p.out[d] = small(step, w.output_extent(static_cast<int>(d)));
    p.stride[d] = small(step, w.stride[d]);
    p.dilation[d] = small(step, w.dilation[d]);
    p.pad[d] = small(step, w.pad_before[d]);
  }
  p.rows = small(step, w.size[0]);
  p.across = small(step, w.size[1]);
  p.pixels = small(step, w.input[0] * p.out[0] * p.out[1]);
  return p;
}

int taps(const Patches& p) {
  return p.rows * p.across;
}

// An index for each result, from one tensor and its windows.
template <typename Work>
void plan_windows(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  planner.launch(
      Work{planner.at<float>(step.inputs[0]), planner.at<float>(step.outputs[0]), window},
      elements(step.outputs[0]));
}

}  // namespace

void plan_matmul(Planner& planner, const Step& step) {
  demand_f32(step);
  const auto& m = std::get<MatmulAttributes>(step.attributes);
  const Shape &a = step.inputs[0].type.shape, &b = step.inputs[1].type.shape,
              &out = step.outputs[0].type.shape;
  const End end = end_of(planner, step, m.activation);
  with_neighbours({a[1], b[1], a[!m.transpose_a]}, [&](auto width) {
    product(planner,
            MatrixOperands<width>{planner.at<float>(step.inputs[0]),
                                  planner.at<float>(step.inputs[1]), small(step, out[0]),
                                  small(step, out[1]), small(step, a[!m.transpose_a]),
                                  m.transpose_a ? 1 : a[1], m.transpose_a ? a[1] : 1,
                                  m.transpose_b ? 1 : b[1], m.transpose_b ? b[1] : 1},
            end.out, end.epilogue);
  });
}

void plan_conv2d(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  const Filters filters = filters_of(step);
  const float *x = planner.at<float>(step.inputs[0]), *kernel = planner.at<float>(step.inputs[1]);
  const End end = end_of(planner, step, std::get<WindowAttributes>(step.attributes).activation);
  if (filters.groups > 1) {
    planner.launch(Conv{x, kernel, end.out, window, filters, end.epilogue},
                   elements(step.outputs[0]));
    return;
  }
  const Patches p = patches_of(step);
  with_neighbours({p.channels, p.filters}, [&](auto width) {
    product(planner, ConvOperands<width>{x, kernel, p, p.pixels, p.filters, taps(p) * p.channels},
            end.out, end.epilogue);
  });
}

void plan_conv2d_grad_input(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  const Filters filters = filters_of(step);
  const float *dy = planner.at<float>(step.inputs[0]), *kernel = planner.at<float>(step.inputs[1]);
  const End end = end_of(planner, step);
  if (filters.groups > 1) {
    planner.launch(ConvGradInput{dy, kernel, end.out, window, filters}, elements(step.outputs[0]));
    return;
  }
  const Patches p = patches_of(step);
  const int rows = small(step, elements(step.outputs[0]) / Index{p.channels});
  with_neighbours({p.channels, p.filters}, [&](auto width) {
    product(planner,
            ConvGradInputOperands<width>{dy, kernel, p, rows, p.channels, taps(p) * p.filters},
            end.out, end.epilogue);
  });
}

void plan_conv2d_grad_kernel(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  const Filters filters = filters_of(step);
  const float *x = planner.at<float>(step.inputs[0]), *dy = planner.at<float>(step.inputs[1]);
  const End end = end_of(planner, step);
  if (filters.groups == 1) {
    const Patches p = patches_of(step);
    with_neighbours({p.channels, p.filters}, [&](auto width) {
      product(planner,
              ConvGradKernelOperands<width>{x, dy, p, taps(p) * p.channels, p.filters, p.pixels},
              end.out, end.epilogue);
    });
    return;
  }
  float* dkernel = end.out;
  const Index count = elements(step.outputs[0]);
  const Index pixels = elements(step.inputs[1]) / filters.filters;
  const Index chunks = chunks_for(count / 8, pixels);
  float* partial = planner.scratch<float>(count * chunks);
  planner.launch(ConvGradKernel{x, dy, partial, window, filters, count, pixels, chunks},
                 count * chunks);
  planner.launch(AddPartial<float, float>{partial, dkernel, 1, count, chunks, 1}, count);
}

void plan_max_pool(Planner& planner, const Step& step) {
  if (step.inputs.size() > 1) {
    throw Error::mistake(
        "the cuda device takes no scale and shift in max_pool: compile for its own target");
  }
  plan_windows<MaxPool>(planner, step);
}

void plan_max_pool_grad(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  planner.launch(
      ToChosen{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]),
               planner.at<float>(step.inputs[2]), planner.at<float>(step.outputs[0]), window},
      elements(step.outputs[0]));
}

void plan_avg_pool(Planner& planner, const Step& step) {
  plan_windows<AvgPool>(planner, step);
}

void plan_avg_pool_grad(Planner& planner, const Step& step) {
  plan_windows<AvgPoolGrad>(planner, step);
}

void plan_softmax(Planner& planner, const Step& step) {
  demand_f32(step);
  const Index width = step.inputs[0].type.shape.back();
  planner.launch(
      Softmax{planner.at<float>(step.inputs[0]), planner.at<float>(step.outputs[0]), width},
      elements(step.inputs[0]) / width);
}

void plan_cross_entropy(Planner& planner, const Step& step) {
  demand_f32(step);
  const Shape& shape = step.inputs[0].type.shape;
  CrossEntropy work{planner.at<float>(step.inputs[0]),
                    planner.at<float>(step.inputs[1]),
                    planner.at<float>(step.outputs[0]),
                    planner.at<float>(step.outputs[1]),
                    nullptr,
                    nullptr,
                    0,
                    shape[1]};
  if (const Unit& unit = planner.unit(); unit.then != nullptr) {
    work.sums = planner.at<float>(unit.then->inputs[0]);
    work.gradient = planner.at<float>(unit.then->outputs[0]);
    if (!unit.keeps) work.p = work.gradient;
    work.scale = static_cast<float>(write_group(*unit.then).constants[0]);
  }
  planner.launch(work, shape[0]);
}

}  // namespace treino::cuda
