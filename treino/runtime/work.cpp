// SPDX-License-Identifier: Apache-2.0
#include "treino/runtime/work.h"

namespace treino {

namespace {

double elements(const Tensor& tensor) {
  return static_cast<double>(tensor.type.shape.elements());
}

double bytes(const Tensor& tensor) {
  return elements(tensor) * static_cast<double>(host_bytes(tensor.type.dtype));
}

// One output pixel and filter of a convolution takes a multiply-add a tap and input channel; its
// gradients take as many.
double convolution_flops(const WindowAttributes& window) {
  const auto pixels =
      static_cast<double>(window.input[0] * window.output_extent(0) * window.output_extent(1));
  return 2 * pixels * static_cast<double>(window.kernel.elements());
}

double flops_of(const Step& step) {
  switch (step.op) {
    case Op::matmul: {
      const auto& matmul = std::get<MatmulAttributes>(step.attributes);
      const auto inner = static_cast<double>(step.inputs[0].type.shape[matmul.transpose_a ? 0 : 1]);
      return 2 * inner * elements(step.outputs[0]);
    }
    case Op::conv2d:
    case Op::conv2d_grad_input:
    case Op::conv2d_grad_kernel:
      return convolution_flops(std::get<WindowAttributes>(step.attributes));
    case Op::max_pool:  // with a scale and a shift
      return (step.inputs.size() == 3 ? 3 : 1) * elements(step.inputs[0]);
    case Op::avg_pool:
    case Op::softmax:
    case Op::cross_entropy:
    case Op::reduce_sum:
    case Op::reduce_max:
    case Op::argmax:
      return elements(step.inputs[0]);
    case Op::max_pool_grad:
    case Op::avg_pool_grad:
      return elements(step.outputs[0]);
    case Op::batch_norm:  // sum, square, multiply, add of each x
    case Op::batch_norm_pool:
      return 4 * elements(step.inputs[0]);
    case Op::batch_norm_grad:  // two sums, two multiply-adds
    case Op::batch_norm_pool_grad:
      return 8 * elements(step.inputs[1]);
    case Op::fused: {
      const auto& fused = std::get<FusedAttributes>(step.attributes);
      double count = 0;
      for (const FusedInstruction& instruction : fused.instructions)
        count += instruction.op != Op::constant && instruction.op != Op::cast ? 1 : 0;
      return count * static_cast<double>(fused.shape.elements());
    }
    default:
      return info(step.op).kind == OpKind::elementwise ? elements(step.outputs[0]) : 0;
  }
}

}  // namespace

Work work_of(const Step& step) {
  Work work{flops_of(step), 0};
  for (const Tensor& output : step.outputs) work.bytes += bytes(output);
  const bool gathers = info(step.op).kind == OpKind::gather && step.op != Op::one_hot;
  if (gathers) return {work.flops, 2 * work.bytes};  // of the table only what is taken
  for (const Tensor& input : step.inputs) work.bytes += bytes(input);
  return work;
}

}  // namespace treino
