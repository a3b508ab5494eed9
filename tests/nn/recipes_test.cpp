// SPDX-License-Identifier: Apache-2.0
// The recipes that come with the program.
#include <gtest/gtest.h>

#include "treino/nn/layers.h"
#include "treino/nn/recipe.h"
#include "treino/nn/summary.h"

namespace treino::nn {
namespace {

std::int64_t count(const std::string& name) {
  return parameter_count(build_model(load_recipe(name), Shape{}));
}

TEST(Recipes, ParameterCounts) {
  EXPECT_EQ(count("mnist"), 101'770);
  EXPECT_EQ(count("mnist-axon"), 101'770);
  EXPECT_EQ(count("fashion_mnist"), 101'770);
  EXPECT_EQ(count("mnist-keras"), 118'282);
  EXPECT_EQ(count("cifar10"), 167'754);
  EXPECT_EQ(count("cifar10-axon"), 167'754);
  EXPECT_EQ(count("cifar10-keras"), 167'562);  // without the 192 of batch norm
  EXPECT_EQ(count("lenet5"), 61'706);
  EXPECT_EQ(count("iris"), 4 * 16 + 16 + 16 * 3 + 3);
  EXPECT_EQ(count("wine"), 13 * 32 + 32 + 32 * 3 + 3);
}

TEST(Recipes, AllBuildAndComeBackFromTheirResolvedForm) {
  ASSERT_GE(recipe_names().size(), 12U);
  for (const std::string& name : recipe_names()) {
    SCOPED_TRACE(name);
    const Recipe recipe = load_recipe(name);
    EXPECT_EQ(recipe.name, name);
    const std::string resolved = write_recipe(recipe);
    const Recipe again = parse_recipe(resolved, "resolved.toml");
    EXPECT_EQ(build_model(recipe, Shape{}), build_model(again, Shape{}));
    EXPECT_EQ(recipe_json(recipe), recipe_json(again));
    EXPECT_EQ(write_recipe(again), resolved);
  }
}

TEST(Recipes, CppAndTomlBuildTheSameModel) {
  const Model model = input({32, 32, 3}) | Conv2D{.filters = 32, .kernel = 3, .activation = relu} |
                      BatchNorm{} | MaxPool{.size = 2} |
                      Conv2D{.filters = 64, .kernel = 3, .activation = relu} | BatchNorm{} |
                      MaxPool{} | Flatten{} | Dense{.units = 64, .activation = relu} |
                      Dropout{.rate = 0.5} | Dense{.units = 10, .activation = softmax};
  EXPECT_EQ(model, build_model(load_recipe("cifar10"), Shape{}));
  EXPECT_FALSE(model == build_model(load_recipe("cifar10-axon"), Shape{}));
  EXPECT_EQ(model.output(), Shape{10});
}

}  // namespace
}  // namespace treino::nn
