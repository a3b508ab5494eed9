// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "treino/backend/cuda/plan.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cuda {

namespace {

Index elements(const Tensor& tensor) {
  return tensor.type.shape.elements();
}

// The stride of each axis of a dense tensor.
std::array<Index, kMaxRank> strides_of(const Shape& shape) {
  std::array<Index, kMaxRank> strides{};
  Index stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

// The input's axes that a reduction keeps, or those it reduces.
Walk axes_of(const Step& step, bool reduced) {
  const auto& axes = std::get<AxesAttributes>(step.attributes).axes;
  const Shape& shape = step.inputs[0].type.shape;
  const auto strides = strides_of(shape);
  Walk walk;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((std::find(axes.begin(), axes.end(), axis) != axes.end()) != reduced) continue;
    walk.add(shape[axis], strides[static_cast<std::size_t>(axis)]);
  }
  return walk;
}

// A window's start is cut to it.
Index last_start(const Step& window) {
  return std::max<Index>(elements(window.inputs[0]) - elements(window.outputs[0]), 0);
}

}  // namespace

void plan_copy(Planner& planner, const Step& step) {
  const Tensor& out = step.outputs[0];
  with_size(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(Copy<T>{planner.at<T>(step.inputs[0]), planner.at<T>(out)}, elements(out));
  });
}

void plan_transpose(Planner& planner, const Step& step) {
  const auto& axes = std::get<AxesAttributes>(step.attributes).axes;
  const Tensor& out = step.outputs[0];
  const auto strides = strides_of(step.inputs[0].type.shape);
  Walk walk;
  for (int axis = 0; axis < out.type.shape.rank(); ++axis)
    walk.add(out.type.shape[axis],
             strides[static_cast<std::size_t>(axes[static_cast<std::size_t>(axis)])]);
  with_size(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(Strided<T>{planner.at<T>(step.inputs[0]), planner.at<T>(out), walk},
                   elements(out));
  });
}

void plan_window(Planner& planner, const Step& step) {
  const Tensor& out = step.outputs[0];
  with_size(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(
        TableWindow<T>{planner.at<T>(step.inputs[0]), planner.at<std::int64_t>(step.inputs[1]),
                       planner.at<T>(out), last_start(step)},
        elements(out));
  });
}

void plan_gather_rows(Planner& planner, const Step& step) {
  const Tensor &table = step.inputs[0], &out = step.outputs[0];
  const Index rows = elements(step.inputs[1]);
  if (rows == 0) return;
  InRows from{planner.at<std::int32_t>(step.inputs[1]), nullptr, 0, elements(out) / rows,
              table.type.shape[0] - 1};
  if (const Step* window = planner.unit().before; window != nullptr) {
    from.rows = planner.at<std::int32_t>(window->inputs[0]);
    from.start = planner.at<std::int64_t>(window->inputs[1]);
    from.last_start = last_start(*window);
  }
  if (planner.unit().then != nullptr)
    return plan_gathered_group(planner, step, from, *planner.unit().then);
  with_size(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(GatherRows<T>{planner.at<T>(table), planner.at<T>(out), from}, elements(out));
  });
}

void plan_scatter_rows(Planner& planner, const Step& step) {
  const Tensor& out = step.outputs[0];
  const auto run = [&](auto element) {
    using T = decltype(element);
    planner.launch(Fill<T>{planner.at<T>(out), T(0)}, elements(out));
    const Index rows = elements(step.inputs[1]), width = elements(out) / out.type.shape[0];
    planner.launch(
        ScatterRows<T>{planner.at<T>(step.inputs[0]), planner.at<std::int32_t>(step.inputs[1]),
                       planner.at<T>(out), rows, width, out.type.shape[0] - 1},
        width);
  };
  if (out.type.dtype == DType::f32)
    run(float{});
  else
    run(double{});
}

void plan_one_hot(Planner& planner, const Step& step) {
  const Tensor& out = step.outputs[0];
  planner.launch(OneHot<float>{planner.at<std::int32_t>(step.inputs[0]), planner.at<float>(out),
                               out.type.shape[1]},
                 elements(out));
}

void plan_dropout_mask(Planner& planner, const Step& step) {
  const auto& dropout = std::get<DropoutAttributes>(step.attributes);
  const Tensor& out = step.outputs[0];
  const auto run = [&](auto element) {
    using T = decltype(element);
    planner.launch(DropoutMask<T>{planner.at<std::int64_t>(step.inputs[0]),
                                  planner.at<std::int64_t>(step.inputs[1]), planner.at<T>(out),
                                  elements(out) / std::max<Index>(out.type.shape[0], 1),
                                  static_cast<std::uint64_t>(std::ceil(dropout.rate * 0x1p32)),
                                  static_cast<T>(1 / (1 - dropout.rate)), dropout.stream},
                   elements(out));
  };
  if (out.type.dtype == DType::f32)
    run(float{});
  else
    run(double{});
}

void plan_augment(Planner& planner, const Step& step) {
  const auto& attributes = std::get<AugmentAttributes>(step.attributes);
  const Shape& shape = step.outputs[0].type.shape;
  const Index batch = shape[0], all = shape.elements();
  if (all == 0) return;
  const bool mixes = attributes.change == Change::mixup;
  const Index height = mixes ? 1 : shape[1], width = mixes ? 1 : shape[2];
  const auto run = [&](auto element) {
    using T = decltype(element);
    const T* samples = planner.at<T>(step.inputs[0]);
    auto* draws = planner.scratch<SampleDraw<T>>(batch);
    planner.launch(AugmentDraws<T>{attributes, planner.at<std::int64_t>(step.inputs[1]),
                                   planner.at<std::int64_t>(step.inputs[2]), samples, draws, height,
                                   width, all / batch},
                   batch);
    planner.launch(Augment<T>{attributes, draws, samples, planner.at<T>(step.outputs[0]), batch,
                              height, width, all / batch / height / width, all / batch},
                   all);
  };
  if (step.outputs[0].type.dtype == DType::u8)
    run(std::uint8_t{});
  else
    run(float{});
}

namespace {

// `From`: what the input's elements are cast from.
template <typename T, typename From = T>
void plan_sum(Planner& planner, const Step& step, const Tensor& in) {
  const Tensor& out = step.outputs[0];
  const Index count = elements(out);
  if (count == 0) return;
  const Index length = elements(in) / count, chunks = chunks_for(count, length);
  T *result = planner.at<T>(out), scale = 1;
  const T* more = nullptr;
  Update<T> update{};
  if (const Step* group = planner.unit().then; group != nullptr && reads_back(*group)) {
    if constexpr (std::is_same_v<T, float>) update.adam = adam_of(planner, *group);
  } else if (group != nullptr) {
    result = planner.at<T>(group->outputs[0]);
    if (group->inputs.size() > 1)
      more = planner.at<T>(group->inputs[same_place(group->inputs[0], out) ? 1 : 0]);
    else
      scale = static_cast<T>(write_group(*group).constants[0]);
  }
  auto* partial = chunks == 1 ? nullptr : planner.scratch<Sum<T>>(count * chunks);
  planner.launch(
      ReduceSum<T, From>{planner.at<From>(in), partial, result, scale, more, axes_of(step, false),
                         axes_of(step, true), length, chunks, update},
      count * chunks);
  if (chunks == 1) return;
  planner.launch(AddPartial<T, Sum<T>>{partial, result, chunks, 1, chunks, 1}, count);
}

}  // namespace

void plan_reduce_sum(Planner& planner, const Step& step) {
  if (const Step* cast = planner.unit().before; cast != nullptr) {
    const Tensor& in = cast->inputs[0];
    if (in.type.dtype == DType::f32) return plan_sum<double, float>(planner, step, in);
    return plan_sum<double, std::int32_t>(planner, step, in);
  }
  with_type(step.inputs[0].type.dtype,
            [&](auto element) { plan_sum<decltype(element)>(planner, step, step.inputs[0]); });
}

void plan_reduce_max(Planner& planner, const Step& step) {
  const Tensor &in = step.inputs[0], &out = step.outputs[0];
  const Index count = elements(out);
  if (count == 0) return;
  with_type(in.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(ReduceMax<T>{planner.at<T>(in), planner.at<T>(out), axes_of(step, false),
                                axes_of(step, true), elements(in) / count},
                   count);
  });
}

void plan_argmax(Planner& planner, const Step& step) {
  const Tensor &in = step.inputs[0], &out = step.outputs[0];
  with_type(in.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(
        Argmax<T>{planner.at<T>(in), planner.at<std::int32_t>(out), in.type.shape.back()},
        elements(out));
  });
}

}  // namespace treino::cuda
