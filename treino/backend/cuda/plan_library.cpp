// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/plan_heavy.h"

namespace treino::cuda {

namespace {

// What a product takes: the numbers it reads and makes, and how many it multiplies.
struct Work {
  Index reads, results, products;
};

// A convolution and its gradients multiply the same three tensors.
struct ConvolutionWork {
  Index picture, kernel, result;  // elements
  Index products;
};

ConvolutionWork work_of(const WindowAttributes& w) {
  const Index pixels = w.input[0] * w.output_extent(0) * w.output_extent(1);
  return {w.input.elements(), w.kernel.elements(), pixels * w.kernel[3],
          pixels * w.kernel.elements()};
}

// Whether a library is thought to be quicker, as an H200 took it: products that are made in a
// nanosecond by our kernels and by theirs; bytes that it moves meanwhile, to round operands into
// memory first and to finish results afterwards; and the launches that this takes.
bool is_quicker(const Work& work, Precision precision) {
  struct Rate {
    Index own, library;
  };
  const Rate rate = precision == Precision::bf16   ? Rate{60'000, 300'000}
                    : precision == Precision::tf32 ? Rate{35'000, 150'000}
                                                   : Rate{15'000, 26'000};
  constexpr Index kLaunches = 15'000, kBytes = 3000;
  const Index moved =
      precision == Precision::bf16 ? (work.reads + work.results) * 6 : work.results * 8;
  return work.products / rate.library + moved / kBytes + kLaunches < work.products / rate.own;
}

bool is_worth_it(const Libraries& libraries, const Work& work, Precision precision) {
  return libraries.always() || is_quicker(work, precision);
}

// Where the library reads f32 numbers of ours.
Address operand(Planner& planner, Precision precision, const float* numbers, Index count) {
  if (precision != Precision::bf16) return reinterpret_cast<Address>(numbers);
  Word* narrow = planner.scratch<Word>(count / 2);
  planner.launch(NarrowQuads{numbers, narrow}, count / 4);
  return reinterpret_cast<Address>(narrow);
}

template <typename From, typename To>
To* transposed(Planner& planner, const From* in, To* out, Index rows, Index columns,
               const Epilogue& epilogue = {}) {
  using Work = TransposeTiles<From, To>;
  const Index across = (columns + Work::kSide - 1) / Work::kSide,
              down = (rows + Work::kSide - 1) / Work::kSide;
  planner.launch(Work{in, out, static_cast<int>(rows), static_cast<int>(columns),
                      static_cast<int>(across), epilogue},
                 across * down);
  return out;
}

// The kernel, filters first.
template <typename To>
Address filters_first(Planner& planner, const float* kernel, Index taps, Index filters) {
  return reinterpret_cast<Address>(
      transposed(planner, kernel, planner.scratch<To>(taps * filters), taps, filters));
}
Address filters_first(Planner& planner, Precision precision, const float* kernel, Index taps,
                      Index filters) {
  return precision == Precision::bf16 ? filters_first<std::uint16_t>(planner, kernel, taps, filters)
                                      : filters_first<float>(planner, kernel, taps, filters);
}

// With the room that it asks for.
void run_call(Planner& planner, const std::shared_ptr<const LibraryCall>& call,
              LibraryCall::Operands operands) {
  operands.workspace =
      reinterpret_cast<Address>(planner.scratch<std::byte>(call->workspace_bytes()));
  planner.call(call, operands);
}

// Where f32 results are left for finish(): where they belong, but for those that need a tensor
// which may have the same place.
float* place_for(Planner& planner, const End& end, Index count) {
  const bool apart = end.epilogue.mask != nullptr || end.epilogue.gate != nullptr;
  return apart ? planner.scratch<float>(count) : end.out;
}

// Rows of results where they belong, with what else is done to them.
template <typename From>
void finish(Planner& planner, const From* results, const End& end, Index count, Index columns) {
  if (std::is_same_v<From, float> && end.is_plain()) return;
  planner.launch(FinishQuads<From>{results, end.out, end.epilogue, static_cast<int>(columns)},
                 count / 4);
}

}  // namespace

bool plan_convolution_by_library(Planner& planner, const Step& step, const End& end) {
  Libraries* libraries = planner.libraries();
  const auto& w = std::get<WindowAttributes>(step.attributes);
  if (libraries == nullptr || w.precision == Precision::float32 || w.groups != 1) return false;
  // A library's kernels fetch so many numbers at once.
  if (w.kernel[2] % 8 != 0 || w.kernel[3] % 8 != 0) return false;
  const ConvolutionWork work = work_of(w);
  if (work.products == 0) return false;
  if (!is_worth_it(*libraries, {work.picture, work.result, work.products}, w.precision))
    return false;
  for (const Index count : {work.picture, work.kernel, work.result}) small(step, count);
  const auto call = libraries->convolution(step);
  if (!call) return false;

  const auto input = [&](std::size_t i) { return planner.at<float>(step.inputs[i]); };
  const Index filters = w.kernel[3], taps = work.kernel / filters;
  const bool narrow = w.precision == Precision::bf16;  // results too
  LibraryCall::Operands operands{};
  if (step.op == Op::conv2d_grad_kernel) {
    operands.x = operand(planner, w.precision, input(0), work.picture);
    operands.y = operand(planner, w.precision, input(1), work.result);
    const auto run = [&](auto* gradient) {
      operands.w = reinterpret_cast<Address>(gradient);
      run_call(planner, call, operands);
      transposed(planner, gradient, end.out, filters, taps, end.epilogue);
    };
    narrow ? run(planner.scratch<std::uint16_t>(work.kernel))
           : run(planner.scratch<float>(work.kernel));
    return true;
  }
  const bool forward = step.op == Op::conv2d;
  const Index read = forward ? work.picture : work.result,
              made = forward ? work.result : work.picture,
              columns = forward ? filters : w.kernel[2];
  operands.w = filters_first(planner, w.precision, input(1), taps, filters);
  (forward ? operands.x : operands.y) = operand(planner, w.precision, input(0), read);
  const auto run = [&](auto* results) {
    (forward ? operands.y : operands.x) = reinterpret_cast<Address>(results);
    run_call(planner, call, operands);
    finish(planner, results, end, made, columns);
  };
  narrow ? run(planner.scratch<std::uint16_t>(made)) : run(place_for(planner, end, made));
  return true;
}

bool plan_product_by_library(Planner& planner, const Step& step, const End& end) {
  Libraries* libraries = planner.libraries();
  if (libraries == nullptr) return false;
  const auto& m = std::get<MatmulAttributes>(step.attributes);
  const Shape &a = step.inputs[0].type.shape, &b = step.inputs[1].type.shape,
              &out = step.outputs[0].type.shape;
  const cublaslt::Product product{out[0],        out[1],        a[!m.transpose_a],
                                  m.transpose_a, m.transpose_b, m.precision};
  for (const Index extent : {product.rows, product.columns, product.inner}) {
    if (extent == 0 || extent % 8 != 0) return false;
  }
  const Index products = product.rows * product.columns * product.inner;
  const Work work{a.elements() + b.elements(), end.is_plain() ? 0 : out.elements(), products};
  if (!is_worth_it(*libraries, work, m.precision)) return false;
  const auto call = libraries->product(step, product);
  if (!call) return false;
  const auto of = [&](std::size_t i) {
    return operand(planner, m.precision, planner.at<float>(step.inputs[i]),
                   step.inputs[i].type.shape.elements());
  };
  const Address left = of(0), right = of(1);
  float* results = place_for(planner, end, out.elements());
  run_call(planner, call, {left, right, reinterpret_cast<Address>(results), 0});
  finish(planner, results, end, out.elements(), out[1]);
  return true;
}

}  // namespace treino::cuda
