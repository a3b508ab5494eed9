// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace treino {

enum class Op : std::uint8_t {
#define TREINO_OP(name, kind, least, most, outputs, formula) name,
#include "treino/graph/ops.def"
#undef TREINO_OP
};

enum class OpKind : std::uint8_t {
  source,       // no inputs
  elementwise,  // output i depends on element i of each input; all shapes equal
  movement,     // elements moved, not changed
  reduction,    // axes vanish
  gather,       // elements chosen by an index tensor
  random,       // depends on seed and sample position
  heavy,        // its own kernel in each backend
  placeholder,  // gone before lowering
  effect,       // changes a variable
  fused,        // made by the fuse pass
};

struct OpInfo {
  std::string_view name;
  OpKind kind;
  int least_inputs;
  int most_inputs;
  int outputs;  // -1: the node says
  std::string_view formula;
};

inline constexpr std::array kOpInfo = {
#define TREINO_OP(name, kind, least, most, outputs, formula) \
  OpInfo{#name, OpKind::kind, least, most, outputs, formula},
#include "treino/graph/ops.def"
#undef TREINO_OP
};
inline constexpr int kOpCount = static_cast<int>(kOpInfo.size());

constexpr const OpInfo& info(Op op) {
  return kOpInfo[static_cast<std::size_t>(op)];
}
constexpr std::string_view name(Op op) {
  return info(op).name;
}

}  // namespace treino
