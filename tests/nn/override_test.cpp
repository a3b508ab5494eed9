// SPDX-License-Identifier: Apache-2.0
// --set key=value.
#include <gtest/gtest.h>

#include "treino/nn/dense.h"
#include "treino/nn/recipe.h"

namespace treino::nn {
namespace {

constexpr const char* kRecipe = R"(name = "a"
[[model]]
dense = { units = 8 }
[[model]]
residual = { body = [{ dense = { units = 8 } }] }
[[model]]
dense = { units = 3 }
[train]
optimizer = { adam = { rate = 0.5, beta1 = 0.8 } }
)";

Recipe with(std::initializer_list<Override> overrides) {
  return parse_recipe(kRecipe, "a.toml", std::vector<Override>(overrides));
}

std::string error(std::initializer_list<Override> overrides) {
  try {
    with(overrides);
  } catch (const Error& mistake) {
    EXPECT_EQ(mistake.fault(), Fault::mistake);
    return mistake.what();
  }
  return "no error";
}

TEST(Override, PlainFields) {
  const Recipe recipe = with({{"train.batch", "64"},
                              {"name", "other"},
                              {"train.shuffle", "false"},
                              {"data", "\"my data\""},
                              {"train.early_stopping.patience", "3"}});
  EXPECT_EQ(recipe.train.batch, 64);
  EXPECT_EQ(recipe.name, "other");
  EXPECT_EQ(recipe.data, "my data");
  EXPECT_EQ(recipe.train.shuffle.window, 0);
  EXPECT_EQ(recipe.train.early_stopping.patience, 3);
  EXPECT_EQ(rate(recipe.train.optimizer), 0.5);
}

TEST(Override, LayersByName) {
  const Recipe recipe = with({{"model.dense_2.units", "5"}, {"model.dense_1.activation", "relu"}});
  EXPECT_EQ(recipe.layers[0], Layer(Dense{.units = 8, .activation = relu}));
  EXPECT_EQ(recipe.layers[2], Layer(Dense{.units = 5}));
  EXPECT_EQ(with({{"model.residual_1.body.dense_1.bias", "false"}}).layers.size(), 3U);
  EXPECT_EQ(build_model(with({{"model.residual_1.body.dense_1.bias", "false"}}), Shape{8}).output(),
            Shape{3});
}

TEST(Override, OptimizersAndSchedules) {
  EXPECT_EQ(rate(with({{"train.optimizer.rate", "0.25"}}).train.optimizer), 0.25);
  EXPECT_EQ(std::get<Adam>(with({{"train.optimizer.rate", "0.25"}}).train.optimizer).beta1, 0.8);
  EXPECT_EQ(std::get<Adam>(with({{"train.optimizer", "adam"}}).train.optimizer).beta1, 0.8);
  EXPECT_EQ(rate(with({{"train.optimizer", "sgd"}}).train.optimizer), 0.01);
  const Recipe sgd = with({{"train.optimizer", "sgd"},
                           {"train.optimizer.rate", "2e-2"},
                           {"train.optimizer.momentum", "0.9"}});
  EXPECT_EQ(rate(sgd.train.optimizer), 0.02);
  EXPECT_EQ(std::get<Sgd>(sgd.train.optimizer).momentum, 0.9);
  EXPECT_EQ(std::get<Sgd>(with({{"train.optimizer.sgd.momentum", "0.5"}}).train.optimizer).momentum,
            0.5);
  EXPECT_EQ(
      std::get<CosineRate>(with({{"train.schedule.cosine.epochs", "4"}}).train.schedule).epochs, 4);
  EXPECT_EQ(
      std::get<WarmUpRate>(
          with({{"train.schedule", "warm_up"}, {"train.schedule.epochs", "2"}}).train.schedule)
          .epochs,
      2);
}

TEST(Override, MistakesNameTheOption) {
  EXPECT_EQ(error({{"train.batch", "0"}}), "--set train.batch=0: train.batch is 0; use at least 1");
  EXPECT_EQ(error({{"train.batch", "many"}}),
            "--set train.batch=many: train.batch is \"many\"; use a whole number");
  EXPECT_EQ(error({{"train.bacth", "3"}}),
            "--set train.bacth=3: unknown field \"bacth\" of train; did you mean \"batch\"?");
  EXPECT_EQ(error({{"trian.batch", "3"}}),
            "--set trian.batch=3: unknown key \"trian\"; did you mean \"train\"?");
  EXPECT_EQ(error({{"train.optimizer.rate", "nan"}}),
            "--set train.optimizer.rate=nan: train.optimizer.adam.rate is nan; use above 0");
  EXPECT_EQ(error({{"train.optimizer", "adma"}}),
            "--set train.optimizer=adma: train.optimizer is \"adma\"; did you mean \"adam\"?");
  EXPECT_EQ(error({{"model.dense_9.units", "3"}}),
            "--set model.dense_9.units=3: no layer \"dense_9\"; did you mean \"dense_1\"?");
  EXPECT_EQ(error({{"model.dense_1.unit", "3"}}),
            "--set model.dense_1.unit=3: unknown field \"unit\" of dense; did you mean \"units\"?");
  EXPECT_EQ(error({{"train..batch", "3"}}),
            "--set train..batch: not a dotted path; use e.g. train.batch=64");
  EXPECT_EQ(error({{"name.x", "3"}}),
            "--set name.x=3: nothing of that name to set; a layer's field is model.<layer's "
            "name>.<field>");
}

}  // namespace
}  // namespace treino::nn
