// SPDX-License-Identifier: Apache-2.0
// What a training step of the recipes becomes. A small network's time is that of its launches, so
// none may come back unseen, and the groups have kernels of their own.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/environment.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"

namespace treino::cuda {
namespace {

// The kernels that a step of the recipe's training launches.
std::vector<std::string> launches_of(const std::string& recipe_name, const Shape& sample) {
  const test::Environment driver("TREINO_CUDA_DRIVER", TREINO_FAKE_CUDA_LIBRARY);
  const test::Environment image("TREINO_CUDA_IMAGE", TREINO_FAKE_CUDA_LIBRARY);
  const auto device = make_device("cuda");
  const nn::Recipe recipe =
      nn::load_recipe(fmt::format("{}/recipes/{}.toml", TREINO_SOURCE_DIR, recipe_name));
  const nn::Model model = nn::build_model(recipe, sample, 10);
  nn::BatchGeometry geometry;
  geometry.batch = geometry.rows = recipe.train.batch;
  geometry.sample = sample;
  geometry.classes = 10;
  Graph graph;
  nn::emit_train_step(graph, {model, recipe.input, recipe.train}, geometry);
  const Program program = compiler::compile(graph, device->target(), {.name = "train"});
  const auto store = device->make_store(program.variables);
  std::vector<std::string> launches;
  for (std::string names : device->load(program, *store)->choices()) {
    names = names.substr(std::min(names.size(), std::string("own cuda ").size()));
    for (std::size_t end; !names.empty(); names = names.substr(end)) {
      end = std::min(names.find(", "), names.size());
      launches.push_back(names.substr(0, end));
      end = std::min(end + 2, names.size());
    }
  }
  return launches;
}

struct Expected {
  const char* recipe;
  Shape sample;
  std::size_t launches, interpreted;  // the latter: a schedule's numbers
};

class CudaPlan : public testing::TestWithParam<Expected> {};

TEST_P(CudaPlan, LaunchesOfAStep) {
  const auto launches = launches_of(GetParam().recipe, GetParam().sample);
  EXPECT_EQ(launches.size(), GetParam().launches) << fmt::format("{}", fmt::join(launches, "\n"));
  EXPECT_EQ(std::count_if(launches.begin(), launches.end(),
                          [](const std::string& name) { return name.starts_with("fused"); }),
            GetParam().interpreted);
}

INSTANTIATE_TEST_SUITE_P(Recipes, CudaPlan,
                         testing::Values(Expected{"mnist", {28, 28, 1}, 38, 0},
                                         Expected{"cifar10", {32, 32, 3}, 64, 0},
                                         Expected{"cifar10-resnet", {32, 32, 3}, 157, 1}),
                         [](const auto& one) {
                           std::string name = one.param.recipe;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace treino::cuda
