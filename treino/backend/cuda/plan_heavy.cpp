// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <limits>
#include <type_traits>

#include "treino/backend/cuda/cut.h"
#include "treino/backend/cuda/plan_heavy.h"
#include "treino/base/error.h"
#include "treino/runtime/tensor_bytes.h"

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

int small(const Step& step, Index extent) {
  if (extent <= std::numeric_limits<int>::max()) return static_cast<int>(extent);
  throw Error::work("a " + std::string(name(step.op)) + " of " + step.scope +
                    " is too large for the cuda device: train with a smaller batch");
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

// Cycles of a thin product: its first block, with what it waits for, and those after it.
template <typename Work>
Index cycles_of_thin(Index rows, Index columns, Index inner) {
  constexpr Index kBegin = 2600, kFirst = 800, kMore = 1000, kRound = 550;
  const Index rounds = parts(inner, Work::kDepth);
  const Index tiles = parts(rows, Work::kTileRows) * parts(columns, Work::kTileColumns);
  const Index blocks = parts(tiles, kProcessors);
  return kBegin + kFirst * rounds + (blocks - 1) * (kMore + kRound * rounds);
}

// Of the ways that there are kernels for, a thin product and tiles, the one that is thought to be
// quickest; the first of equals.
template <typename Thin, typename... Works, typename Operands>
void quickest(Planner& planner, const Operands& operands, float* out, const Epilogue& epilogue) {
  const Index rows = operands.rows, columns = operands.columns, inner = operands.inner;
  Index best = std::numeric_limits<Index>::max();
  std::function<void()> plan;
  if constexpr (kHasKernel<Thin>) {
    best = cycles_of_thin<Thin>(rows, columns, inner);
    plan = [&] {
      const Index down = parts(rows, Thin::kTileRows), across = parts(columns, Thin::kTileColumns);
      planner.launch(Thin{operands, out, epilogue, static_cast<int>(across)}, down * across);
    };
  }
  const auto consider = [&]<typename Work>(std::type_identity<Work>) {
    if constexpr (kHasKernel<Work>) {
      const Cut cut = cut_of(TileShape::of<Work>(), rows, columns, inner, epilogue.updates());
      if (cut.cycles >= best) return;
      best = cut.cycles;
      plan = [&, cut] { tiles<Work>(planner, operands, out, epilogue, cut); };
    }
  };
  (consider(std::type_identity<Works>{}), ...);
  plan();
}

template <typename Operands>
void product(Planner& planner, Precision precision, const Operands& operands, float* out,
             const Epilogue& epilogue) {
  if (operands.rows == 0 || operands.columns == 0) return;
  const auto quickest_rounding = [&]<typename Arithmetic>(std::type_identity<Arithmetic>) {
    using Rounding = std::conditional_t<std::is_same_v<Arithmetic, Tf32>, RoundedTf32, RoundedBf16>;
    quickest<ThinProduct<Operands, Rounding>, TileProduct<Operands, 64, 64, Arithmetic>,
             TileProduct<Operands, 128, 64, Arithmetic>,
             TileProduct<Operands, 128, 128, Arithmetic>,
             TileProduct<Operands, 128, 32, ExactOf<Rounding>>,
             TileProduct<Operands, 32, 32, ExactOf<Rounding>>>(planner, operands, out, epilogue);
  };
  switch (precision) {
    case Precision::float32:
      return quickest<ThinProduct<Operands>, TileProduct<Operands, 64, 64>,
                      TileProduct<Operands, 128, 32>, TileProduct<Operands, 32, 32>>(
          planner, operands, out, epilogue);
    case Precision::tf32:
      return quickest_rounding(std::type_identity<Tf32>{});
    case Precision::bf16:
      return quickest_rounding(std::type_identity<Bf16>{});
  }
}

// As with_neighbours() for a picture's channels and a kernel's filters: of few channels one at a
// time, its filters four.
template <typename F>
void with_neighbours_of(const Patches& p, F&& f) {
  using One = std::integral_constant<int, 1>;
  using Four = std::integral_constant<int, 4>;
  if (p.channels % 4 == 0 && p.filters % 4 == 0) return f(Four{}, Four{});
  if (p.filters % 4 == 0) return f(One{}, Four{});
  f(One{}, One{});
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
  small(step, w.input[0] * w.input[1] * w.input[2] * w.input[3]);
  small(step, Index{p.pixels} * p.filters);
  small(step, Index{p.rows} * p.across * p.channels * p.filters);
  small(step, elements(step.outputs[0]));
  return p;
}

Precision precision_of(const Step& convolution) {
  return std::get<WindowAttributes>(convolution.attributes).precision;
}

int taps(const Patches& p) {
  return p.rows * p.across;
}

}  // namespace

void plan_matmul(Planner& planner, const Step& step) {
  demand_f32(step);
  const auto& m = std::get<MatmulAttributes>(step.attributes);
  const Shape &a = step.inputs[0].type.shape, &b = step.inputs[1].type.shape,
              &out = step.outputs[0].type.shape;
  const End end = end_of(planner, step, m.activation);
  for (const Index count : {a.elements(), b.elements(), out.elements()}) small(step, count);
  if (plan_product_by_library(planner, step, end)) return;
  with_neighbours({a[1], b[1], a[!m.transpose_a], out[1]}, [&](auto width) {
    product(planner, m.precision,
            MatrixOperands<width>::of(planner.at<float>(step.inputs[0]),
                                      planner.at<float>(step.inputs[1]), small(step, out[0]),
                                      small(step, out[1]), small(step, a[!m.transpose_a]),
                                      m.transpose_a, m.transpose_b),
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
  if (plan_convolution_by_library(planner, step, end)) return;
  const Patches p = patches_of(step);
  with_neighbours_of(p, [&](auto left, auto right) {
    product(planner, precision_of(step),
            ConvOperands<left, right>{x, kernel, p, p.pixels, p.filters, taps(p) * p.channels},
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
  if (plan_convolution_by_library(planner, step, end)) return;
  const Patches p = patches_of(step);
  const int rows = small(step, elements(step.outputs[0]) / Index{p.channels});
  with_neighbours({p.channels, p.filters}, [&](auto width) {
    product(planner, precision_of(step),
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
    if (plan_convolution_by_library(planner, step, end)) return;
    const Patches p = patches_of(step);
    with_neighbours_of(p, [&](auto left, auto right) {
      product(
          planner, precision_of(step),
          ConvGradKernelOperands<left, right>{x, dy, p, taps(p) * p.channels, p.filters, p.pixels},
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
                    shape[0],
                    shape[1]};
  if (const Unit& unit = planner.unit(); unit.then != nullptr) {
    work.sums = planner.at<float>(unit.then->inputs[0]);
    work.gradient = planner.at<float>(unit.then->outputs[0]);
    if (!unit.keeps) work.p = work.gradient;
    work.scale = static_cast<float>(write_group(*unit.then).constants[0]);
  }
  planner.launch(work, work.tiles());
}

}  // namespace treino::cuda
