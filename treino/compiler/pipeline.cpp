// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "treino/compiler/compile.h"
#include "treino/compiler/passes.h"

namespace treino::compiler {

namespace {

struct Stage {
  const char* name;
  Pass pass;
  bool is_optimization;  // left out by CompileOptions::optimize = false
};

constexpr Stage kStages[] = {
    {"differentiate", differentiate, false},
    {"fold", fold, true},
    {"common_subexpressions", common_subexpressions, true},
    {"layout", layout, true},
    {"round_products", round_products, false},
    {"fuse_epilogues", fuse_epilogues, true},
    {"fuse_norm_pool", fuse_norm_pool, true},
    {"fuse_pool_affine", fuse_pool_affine, true},
    {"crop_pooled", crop_pooled, true},
    {"fuse_elementwise", fuse_elementwise, true},
    {"separate_variables", separate_variables, false},
};

}  // namespace

Program compile(const Graph& graph, const Target& target, const CompileOptions& options) {
  const auto dump = [&](const char* pass, const auto& result) {
    if (options.dump != nullptr) options.dump->emplace_back(pass, to_text(result));
  };
  dump("emitted", graph);
  std::unique_ptr<Graph> current;
  for (const Stage& stage : kStages) {
    if (stage.is_optimization && !options.optimize) continue;
    auto next = std::make_unique<Graph>();
    stage.pass(current ? *current : graph, *next, target);
    current = std::move(next);
    dump(stage.name, *current);
  }
  Program program = lower(*current, target, options.name);
  dump("lower", program);
  return program;
}

}  // namespace treino::compiler
