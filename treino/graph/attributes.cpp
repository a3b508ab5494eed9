// SPDX-License-Identifier: Apache-2.0
#include "treino/graph/attributes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace treino {

std::span<const std::string_view> names_of(Precision) {
  static constexpr std::array<std::string_view, 3> kNames{"float32", "tf32", "bf16"};
  return kNames;
}

std::int64_t WindowAttributes::output_extent(int dimension) const {
  const auto d = static_cast<std::size_t>(dimension);
  const std::int64_t reach = (size[d] - 1) * dilation[d] + 1;
  const std::int64_t padded = input[dimension + 1] + pad_before[d] + pad_after[d];
  return padded < reach ? 0 : (padded - reach) / stride[d] + 1;
}

bool WindowAttributes::tiles_input() const {
  for (std::size_t d = 0; d < 2; ++d) {
    const int axis = static_cast<int>(d);
    if (stride[d] != size[d] || dilation[d] != 1 || pad_before[d] != 0 ||
        output_extent(axis) * size[d] > input[axis + 1])
      return false;
  }
  return true;
}

namespace {

void append(std::string& text, const std::string& part) {
  if (!text.empty()) text += ' ';
  text += part;
}

void append(std::string& text, Precision precision) {
  if (precision != Precision::float32)
    append(text, std::string(names_of(precision)[static_cast<std::size_t>(precision)]));
}

struct Printer {
  std::string operator()(const NoAttributes&) const { return {}; }
  std::string operator()(const VariableAttributes&) const { return {}; }  // printed by name
  std::string operator()(const ConstantAttributes& a) const { return fmt::format("{}", a.value); }
  std::string operator()(const TypeAttributes&) const { return {}; }  // the output type says it
  std::string operator()(const AxesAttributes& a) const {
    return fmt::format("axes=[{}]", fmt::join(a.axes, ", "));
  }
  std::string operator()(const MatmulAttributes& a) const {
    std::string text;
    if (a.transpose_a) append(text, "transpose_a");
    if (a.transpose_b) append(text, "transpose_b");
    if (a.activation != Op::cast) append(text, std::string(name(a.activation)));
    append(text, a.precision);
    return text;
  }
  std::string operator()(const WindowAttributes& a) const {
    std::string text;
    const auto pair = [&](const char* field, const std::array<std::int64_t, 2>& value,
                          std::int64_t usual) {
      if (value[0] != usual || value[1] != usual) {
        append(text, fmt::format("{}=[{}, {}]", field, value[0], value[1]));
      }
    };
    pair("size", a.size, 0);
    pair("stride", a.stride, 1);
    pair("dilation", a.dilation, 1);
    pair("pad_before", a.pad_before, 0);
    pair("pad_after", a.pad_after, 0);
    if (a.groups != 1) append(text, fmt::format("groups={}", a.groups));
    if (a.activation != Op::cast) append(text, std::string(name(a.activation)));
    append(text, a.precision);
    return text;
  }
  std::string operator()(const NormAttributes& a) const {
    return fmt::format("epsilon={}", a.epsilon);
  }
  std::string operator()(const NormPoolAttributes& a) const {
    std::string text = (*this)(a.window);
    append(text, fmt::format("epsilon={}", a.epsilon));
    return text;
  }
  std::string operator()(const DropoutAttributes& a) const {
    return fmt::format("rate={} stream={}", a.rate, a.stream);
  }
  std::string operator()(const AugmentAttributes& a) const {
    static constexpr const char* kChanges[] = {"flip",       "shift",    "rotate", "cutout",
                                               "brightness", "contrast", "mixup"};
    static constexpr const char* kBorders[] = {"zero", "edge", "reflect"};
    std::string text = kChanges[static_cast<int>(a.change)];
    if (a.axes[0]) append(text, "height");
    if (a.axes[1]) append(text, "width");
    if (a.reach[0] != 0 || a.reach[1] != 0)
      append(text, fmt::format("[{}, {}]", a.reach[0], a.reach[1]));
    if (a.amount != 0) append(text, fmt::format("{}", a.amount));
    if (a.probability != 1) append(text, fmt::format("probability={}", a.probability));
    if (a.border != Border::zero) append(text, kBorders[static_cast<int>(a.border)]);
    return text + fmt::format(" stream={}", a.stream);
  }
  std::string operator()(const FusedAttributes& a) const {
    std::string text = "{";
    for (std::size_t i = 0; i < a.instructions.size(); ++i) {
      const FusedInstruction& instruction = a.instructions[i];
      text += fmt::format("{}t{} = ", i == 0 ? "" : "; ", i);
      if (instruction.op == Op::constant) {
        text += fmt::format("{}", instruction.value);
        continue;
      }
      text += name(instruction.op);
      if (instruction.op == Op::cast) text += fmt::format(":{}", to_string(instruction.dtype));
      text += '(';
      for (int k = 0; k < info(instruction.op).least_inputs; ++k) {
        const int operand = instruction.operands[static_cast<std::size_t>(k)];
        text += fmt::format("{}{}{}", k == 0 ? "" : ", ", operand < 0 ? 'i' : 't',
                            operand < 0 ? ~operand : operand);
      }
      text += ')';
    }
    text += " ->";
    for (int output : a.outputs) text += fmt::format(" t{}", output);
    return text + "}";
  }
};

}  // namespace

std::string to_string(const Attributes& attributes) {
  return std::visit(Printer{}, attributes);
}

}  // namespace treino
