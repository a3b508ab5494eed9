// SPDX-License-Identifier: Apache-2.0
// What a training step of the recipes becomes. A small network's time is that of the launches which
// wait for one another, so none may come back unseen, and the groups have kernels of their own.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/environment.h"
#include "treino/backend/cuda/order.h"
#include "treino/backend/cuda/plan.h"
#include "treino/backend/cuda/plan_pool.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"

namespace treino::cuda {
namespace {

// A step of the recipe's training at addresses of nothing, for each arena that steps in a row take.
std::vector<Plan> plans_of(const std::string& recipe_name, const Shape& sample,
                           Precision precision = Precision::float32) {
  const test::Environment driver("TREINO_CUDA_DRIVER", TREINO_FAKE_CUDA_LIBRARY);
  const test::Environment image("TREINO_CUDA_IMAGE", TREINO_FAKE_CUDA_LIBRARY);
  nn::Recipe recipe =
      nn::load_recipe(fmt::format("{}/recipes/{}.toml", TREINO_SOURCE_DIR, recipe_name));
  recipe.train.precision = precision;
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
  std::vector<Plan> plans{make_plan(program, places)};
  const int arenas =
      arenas_of_a_graph(steps_of_a_graph(plans[0].launches.size()), program.arena_bytes);
  while (static_cast<int>(plans.size()) < arenas) {
    places.arena += static_cast<Address>(program.arena_bytes);
    plans.push_back(make_plan(program, places));
  }
  return plans;
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
  int steps, arenas;                         // of a graph of several steps
  std::size_t chain_of_several;
};

class CudaPlan : public testing::TestWithParam<Expected> {
 protected:
  const std::vector<Plan> plans_ = plans_of(GetParam().recipe, GetParam().sample);
};

TEST_P(CudaPlan, LaunchesOfAStep) {
  const auto& launches = plans_[0].launches;
  std::vector<std::string> names;
  for (const Launch& launch : launches) names.push_back(name_of(launch));
  EXPECT_EQ(names.size(), GetParam().launches) << fmt::format("{}", fmt::join(names, "\n"));
  EXPECT_EQ(std::count_if(names.begin(), names.end(),
                          [](const std::string& name) { return name.starts_with("fused"); }),
            GetParam().interpreted);
  const auto chain = longest_chain(launches);
  EXPECT_EQ(chain.size(), GetParam().chain) << fmt::format("{}", fmt::join(chain, "\n"));
}

// Products of TF32 and bf16 round by themselves and end with what exact ones end with.
TEST_P(CudaPlan, TensorCoresTakeNoLaunchMore) {
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    const std::string called(names_of(precision)[static_cast<std::size_t>(precision)]);
    const auto plan = plans_of(GetParam().recipe, GetParam().sample, precision)[0];
    EXPECT_EQ(plan.launches.size(), GetParam().launches);
    EXPECT_EQ(longest_chain(plan.launches).size(), GetParam().chain);
    int products = 0;
    for (const Launch& launch : plan.launches) {
      const std::string name = name_of(launch);
      if (!name.starts_with("matmul_") && !name.starts_with("conv_")) continue;
      ++products;
      EXPECT_NE(name.find("_" + called + "_"), name.npos) << name;
    }
    EXPECT_GT(products, 4);
  }
}

TEST_P(CudaPlan, StepsThatShareAGraph) {
  EXPECT_EQ(steps_of_a_graph(plans_[0].launches.size()), GetParam().steps);
  EXPECT_EQ(plans_.size(), static_cast<std::size_t>(GetParam().arenas));
  const auto chain = longest_chain(in_a_row(plans_, GetParam().steps));
  EXPECT_EQ(chain.size(), GetParam().chain_of_several) << fmt::format("{}", fmt::join(chain, "\n"));
}

// Which windows a thread takes whole: those that share no pixel, be it that there is but one.
TEST(CudaPools, WindowsThatLieApart) {
  WindowAttributes w;
  w.input = Shape{2, 6, 5, 8};
  const auto lies_apart = [&](std::array<Index, 2> size, std::array<Index, 2> stride) {
    w.size = size;
    w.stride = stride;
    return apart(w);
  };
  EXPECT_TRUE(lies_apart({2, 2}, {2, 2}));
  EXPECT_FALSE(lies_apart({2, 2}, {1, 1}));
  EXPECT_TRUE(lies_apart({6, 5}, {1, 1}));
  EXPECT_TRUE(lies_apart({6, 2}, {1, 2}));
  EXPECT_FALSE(lies_apart({6, 2}, {1, 1}));
  EXPECT_FALSE(lies_apart({5, 5}, {1, 1}));  // two of them, one below the other
  EXPECT_TRUE(lies_apart({5, 4}, {2, 3}));
  const WindowQuads all = quads_of(w, false), begun = quads_of(w, true);
  EXPECT_EQ(all.down * all.across, 1);
  EXPECT_EQ(begun.down * begun.across, 4);  // and the pixels that lie in none
  w.pad_before[0] = 1;
  EXPECT_FALSE(lies_apart({7, 5}, {1, 1}));
  w.pad_before[0] = 0;
  w.dilation[1] = 2;
  EXPECT_FALSE(lies_apart({6, 3}, {1, 1}));
}

bool meet(const std::vector<Extent>& a, const std::vector<Extent>& b) {
  for (const Extent& x : a) {
    for (const Extent& y : b) {
      if (std::max(x.begin, y.begin) < std::min(x.end, y.end)) return true;
    }
  }
  return false;
}

// Of two launches of which one writes what the other touches, the later one follows the earlier.
TEST_P(CudaPlan, StepsInARowKeepTheOrderOfWhatTheyTouch) {
  constexpr int kSteps = 4;
  const auto launches = in_a_row(plans_, kSteps);
  std::vector<std::vector<bool>> follows(launches.size(), std::vector<bool>(launches.size()));
  for (std::size_t i = 0; i < launches.size(); ++i) {
    for (const int other : launches[i].after) {
      ASSERT_LT(other, static_cast<int>(i));
      const auto& before = follows[static_cast<std::size_t>(other)];
      follows[i][static_cast<std::size_t>(other)] = true;
      for (std::size_t k = 0; k < i; ++k) follows[i][k] = follows[i][k] || before[k];
    }
  }
  struct Done {
    const Touch* touch;
    std::size_t first, last;
  };
  std::vector<Done> done;
  std::size_t pairs = 0;
  for (int step = 0; step < kSteps; ++step) {
    for (const Touch& touch : plans_[static_cast<std::size_t>(step) % plans_.size()].touches) {
      const std::size_t first = done.empty() ? 0 : done.back().last + 1;
      for (const Done& other : done) {
        if (!meet(touch.writes, other.touch->writes) && !meet(touch.writes, other.touch->reads) &&
            !meet(touch.reads, other.touch->writes))
          continue;
        ++pairs;
        EXPECT_TRUE(follows[first][other.last]) << first << " after " << other.last;
      }
      done.push_back({&touch, first, first + static_cast<std::size_t>(touch.launches) - 1});
    }
  }
  EXPECT_EQ(done.back().last + 1, launches.size());
  EXPECT_GT(pairs, launches.size());
}

INSTANTIATE_TEST_SUITE_P(Recipes, CudaPlan,
                         testing::Values(Expected{"mnist", {28, 28, 1}, 25, 7, 0, 16, 2, 82},
                                         Expected{"cifar10", {32, 32, 3}, 51, 19, 0, 8, 2, 145},
                                         Expected{
                                             "cifar10-resnet", {32, 32, 3}, 140, 72, 2, 3, 1, 204}),
                         [](const auto& one) {
                           std::string name = one.param.recipe;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace treino::cuda
