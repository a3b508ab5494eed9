// SPDX-License-Identifier: Apache-2.0
// What a training step of the recipes becomes. A small network's time is that of the launches which
// wait for one another, so none may come back unseen, and the groups have kernels of their own.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/environment.h"
#include "treino/backend/cuda/plan.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"

namespace treino::cuda {
namespace {

// What a step of the recipe's training launches, at addresses of nothing.
std::vector<Launch> launches_of(const std::string& recipe_name, const Shape& sample) {
  const test::Environment driver("TREINO_CUDA_DRIVER", TREINO_FAKE_CUDA_LIBRARY);
  const test::Environment image("TREINO_CUDA_IMAGE", TREINO_FAKE_CUDA_LIBRARY);
  const nn::Recipe recipe =
      nn::load_recipe(fmt::format("{}/recipes/{}.toml", TREINO_SOURCE_DIR, recipe_name));
  const nn::Model model = nn::build_model(recipe, sample, 10);
  nn::BatchGeometry geometry;
  geometry.batch = geometry.rows = recipe.train.batch;
  geometry.sample = sample;
  geometry.classes = 10;
  treino::Graph graph;
  nn::emit_train_step(graph, {model, recipe.input, recipe.train}, geometry);
  const Program program =
      compiler::compile(graph, make_device("cuda")->target(), {.name = "train"});
  Planner::Places places{.arena = 1ULL << 40,
                         .scratch = 1ULL << 41,
                         .groups = 1ULL << 42,
                         .counters = 1ULL << 43,
                         .variables = {}};
  for (std::size_t k = 0; k < program.variables.size(); ++k)
    places.variables.push_back((1ULL << 44) + (k << 36));
  return make_plan(program, places).launches;
}

std::string name_of(const Launch& launch) {
  return kKernelNames[static_cast<int>(launch.kernel)];
}

// The launches of the longest way through a step: what it takes on a GPU that is large enough.
std::vector<std::string> longest_chain(const std::vector<Launch>& launches) {
  std::vector<int> length(launches.size()), before(launches.size(), -1);
  int last = -1;
  for (int i = 0; i < static_cast<int>(launches.size()); ++i) {
    const auto k = static_cast<std::size_t>(i);
    for (const int other : launches[k].after) {
      const int longer = length[static_cast<std::size_t>(other)];
      if (longer > length[k]) length[k] = longer, before[k] = other;
    }
    ++length[k];
    if (last < 0 || length[k] > length[static_cast<std::size_t>(last)]) last = i;
  }
  std::vector<std::string> names;
  for (; last >= 0; last = before[static_cast<std::size_t>(last)])
    names.push_back(name_of(launches[static_cast<std::size_t>(last)]));
  std::reverse(names.begin(), names.end());
  return names;
}

struct Expected {
  const char* recipe;
  Shape sample;
  std::size_t launches, chain, interpreted;  // the last: a schedule's numbers
};

class CudaPlan : public testing::TestWithParam<Expected> {};

TEST_P(CudaPlan, LaunchesOfAStep) {
  const auto launches = launches_of(GetParam().recipe, GetParam().sample);
  std::vector<std::string> names;
  for (const Launch& launch : launches) names.push_back(name_of(launch));
  EXPECT_EQ(names.size(), GetParam().launches) << fmt::format("{}", fmt::join(names, "\n"));
  EXPECT_EQ(std::count_if(names.begin(), names.end(),
                          [](const std::string& name) { return name.starts_with("fused"); }),
            GetParam().interpreted);
  const auto chain = longest_chain(launches);
  EXPECT_EQ(chain.size(), GetParam().chain) << fmt::format("{}", fmt::join(chain, "\n"));
}

INSTANTIATE_TEST_SUITE_P(Recipes, CudaPlan,
                         testing::Values(Expected{"mnist", {28, 28, 1}, 25, 7, 0},
                                         Expected{"cifar10", {32, 32, 3}, 49, 18, 0},
                                         Expected{"cifar10-resnet", {32, 32, 3}, 148, 80, 2}),
                         [](const auto& one) {
                           std::string name = one.param.recipe;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace treino::cuda
