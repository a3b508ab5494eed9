// SPDX-License-Identifier: Apache-2.0
// Mistakes in recipes and models: one line that names place, field and remedy.
#include <gtest/gtest.h>

#include <cstring>

#include "treino/nn/layers.h"
#include "treino/nn/loss.h"
#include "treino/nn/recipe.h"

namespace treino::nn {
namespace {

template <class F>
std::string mistake_of(F&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::mistake);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

// The error of a recipe whose model is `layer` (line 3) over 6x6x3 images.
std::string layer_error(const std::string& layer) {
  return mistake_of([&] {
    build_model(parse_recipe("input = { shape = [6, 6, 3] }\n[[model]]\n" + layer + "\n", "x.toml"),
                Shape{});
  });
}

std::string train_error(const std::string& line) {
  return mistake_of(
      [&] { parse_recipe("[[model]]\nflatten = {}\n[train]\n" + line + "\n", "x.toml"); });
}

TEST(RecipeErrors, ProbabilitiesThatFlattenPassesOn) {
  const auto error = [](const std::string& function, const std::string& loss) {
    return mistake_of([&] {
      build_model(parse_recipe("input = { shape = [4, 4, 1] }\n[[model]]\nconv2d = { filters = 3, "
                               "kernel = 4, activation = \"" +
                                   function + "\" }\n[[model]]\nflatten = {}\n[train]\nloss = \"" +
                                   loss + "\"\n",
                               "x.toml"),
                  Shape{}, 3);
    });
  };
  EXPECT_NE(error("softmax", "cross_entropy").find("put flatten before it"), std::string::npos);
  EXPECT_EQ(error("softmax", "mse"), "no error");
  EXPECT_EQ(error("linear", "cross_entropy"), "no error");
}

TEST(RecipeErrors, OneNumberIsAListOfOne) {
  const Recipe recipe =
      parse_recipe("[input]\nmean = 0.5\nstd = 2\n[[model]]\nflatten = {}\n", "x.toml");
  EXPECT_EQ(recipe.input.mean, std::vector<double>{0.5});
  EXPECT_EQ(recipe.input.deviation, std::vector<double>{2});
}

TEST(RecipeErrors, Layers) {
  EXPECT_EQ(
      layer_error("conv2d = { filters = 8, kernel = 9 }"),
      "x.toml:3: conv2d.kernel is 9 but the input is 6x6; use at most 6 or padding = \"same\"");
  EXPECT_EQ(layer_error("conv2d = { filters = 8, kernel = [3, 7] }"),
            "x.toml:3: conv2d.kernel is [3, 7] but the input is 6x6; use at most 6 or padding = "
            "\"same\"");
  EXPECT_EQ(layer_error("conv2d = { filters = 8, kernel = 4, dilation = 2 }"),
            "x.toml:3: conv2d.kernel is 4 dilated by 2 but the input is 6x6; use at most 3 or "
            "padding = \"same\"");
  EXPECT_EQ(
      layer_error("max_pool = { size = 7 }"),
      "x.toml:3: max_pool.size is 7 but the input is 6x6; use at most 6 or padding = \"same\"");
  EXPECT_EQ(layer_error("conv2d = { filters = 8, kernel = 3, groups = 2 }"),
            "x.toml:3: conv2d.groups is 2 but the input has 3 channels; use a divisor of 3");
  EXPECT_EQ(layer_error("conv2d = { filters = 8, kernel = 3, groups = 3 }"),
            "x.toml:3: conv2d.filters is 8 but groups is 3; use a multiple of 3");
  EXPECT_EQ(layer_error("convd2 = { filters = 8 }"),
            "x.toml:3: unknown layer \"convd2\"; did you mean \"conv2d\"?");
  EXPECT_EQ(layer_error("dense = { unit = 8 }"),
            "x.toml:3: unknown field \"unit\" of dense; did you mean \"units\"?");
  EXPECT_EQ(layer_error("dense = {}"), "x.toml:3: dense.units is missing; use a number at least 1");
  EXPECT_EQ(layer_error("dense = { units = 8, activaton = \"relu\" }"),
            "x.toml:3: unknown field \"activaton\" of dense; did you mean \"activation\"?");
  EXPECT_EQ(layer_error("dense = { units = 8, activation = \"rel\" }"),
            "x.toml:3: dense.activation is \"rel\"; did you mean \"relu\"?");
  EXPECT_EQ(layer_error("dense = { units = 0 }"), "x.toml:3: dense.units is 0; use at least 1");
  EXPECT_EQ(layer_error("dense = { units = -5 }"), "x.toml:3: dense.units is -5; use at least 1");
  EXPECT_EQ(layer_error("dense = { units = 99999999 }"),
            "x.toml:3: dense.units is 99999999; use at most 16777216");
  EXPECT_EQ(layer_error("dense = { units = 2.5 }"),
            "x.toml:3: dense.units is 2.5; use a whole number");
  EXPECT_EQ(layer_error("dense = { units = \"8\" }"),
            "x.toml:3: dense.units is \"8\"; use a whole number");
  EXPECT_EQ(layer_error("dense = { units = 8, bias = 1 }"),
            "x.toml:3: dense.bias is 1; use true or false");
  EXPECT_EQ(
      layer_error("dense = { units = 8, init = \"xavier\" }"),
      "x.toml:3: dense.init is \"xavier\"; use one of glorot_uniform, glorot_normal, he_uniform, "
      "he_normal, "
      "lecun_uniform, lecun_normal, zeros, ones, { normal = deviation }, { uniform = limit }");
  EXPECT_EQ(layer_error("dense = { units = 8, init = \"glorot_unifrom\" }"),
            "x.toml:3: dense.init is \"glorot_unifrom\"; did you mean \"glorot_uniform\"?");
  EXPECT_EQ(
      layer_error("dense = { units = 8, init = { normal = -1 } }"),
      "x.toml:3: dense.init is a table; use a positive number as the width of { normal = ... }");
  EXPECT_EQ(layer_error("conv2d = { filters = 8, kernel = [3, 3, 3] }"),
            "x.toml:3: conv2d.kernel is a list; use a whole number or [height, width]");
  EXPECT_EQ(layer_error("conv2d = { filters = 8, kernel = [3, 0] }"),
            "x.toml:3: conv2d.kernel is [3, 0]; use at least 1");
  EXPECT_EQ(layer_error("dropout = { rate = 1.0 }"),
            "x.toml:3: dropout.rate is 1.0; use at least 0 and below 1");
  EXPECT_EQ(layer_error("dropout = { rate = nan }"),
            "x.toml:3: dropout.rate is nan; use at least 0 and below 1");
  EXPECT_EQ(layer_error("dropout = {}"),
            "x.toml:3: dropout.rate is missing; use a number at least 0 and below 1");
  EXPECT_EQ(layer_error("activation = {}").substr(0, 68),
            "x.toml:3: activation.function is missing; use one of \"linear\", \"relu");
  EXPECT_EQ(layer_error("residual = { body = [{ dense = { units = 8 } }] }"),
            "x.toml:3: residual adds a body of shape [6, 6, 8] to a shortcut of shape [6, 6, 3]; "
            "make them equal, "
            "e.g. by a conv2d with kernel = 1 in the shortcut");
  EXPECT_EQ(layer_error("residual = {}"),
            "x.toml:3: residual.body has no layers; give it at least one");
  EXPECT_EQ(layer_error("flatten = {}\n[[model]]\nconv2d = { filters = 1, kernel = 1 }"),
            "x.toml:5: conv2d needs an image [height, width, channels] but the input is [108]; put "
            "it before flatten");
  EXPECT_EQ(layer_error("flatten = 3"),
            "x.toml:3: flatten needs its fields in a table, e.g. flatten = {}");
  EXPECT_EQ(layer_error("flatten = {}\ndense = { units = 3 }"),
            "x.toml:2: model needs exactly one layer an entry, e.g. dense = { units = 10 }");
}

TEST(RecipeErrors, NestedLayersKnowTheirOwnLine) {
  EXPECT_EQ(
      layer_error("residual = { body = [\n  { conv2d = { filters = 3, kernel = 8 } },\n] }"),
      "x.toml:4: conv2d.kernel is 8 but the input is 6x6; use at most 6 or padding = \"same\"");
}

TEST(RecipeErrors, Training) {
  EXPECT_EQ(train_error("optimizer = { adam = { rate = 0 } }"),
            "x.toml:4: train.optimizer.adam.rate is 0.0; use above 0");
  EXPECT_EQ(train_error("optimizer = { adam = { rate = nan } }"),
            "x.toml:4: train.optimizer.adam.rate is nan; use above 0");
  EXPECT_EQ(train_error("optimizer = { sgd = { rate = inf } }"),
            "x.toml:4: train.optimizer.sgd.rate is inf; use above 0");
  EXPECT_EQ(train_error("optimizer = \"adma\""),
            "x.toml:4: train.optimizer is \"adma\"; did you mean \"adam\"?");
  EXPECT_EQ(train_error("optimizer = { adam = { rate = 1, momentum = 2 } }"),
            "x.toml:4: unknown field \"momentum\" of train.optimizer.adam; known: rate, beta1, "
            "beta2, epsilon, eps_root");
  EXPECT_EQ(train_error("optimizer = 3"),
            "x.toml:4: train.optimizer is 3; use one of \"adam\", \"sgd\", \"adamw\", \"rmsprop\", "
            "\"adagrad\", or "
            "{ adam = { ... } }");
  EXPECT_EQ(train_error("schedule = { cosin = {} }"),
            "x.toml:4: train.schedule is \"cosin\"; did you mean \"cosine\"?");
  EXPECT_EQ(train_error("loss = \"crossentropy\""),
            "x.toml:4: train.loss is \"crossentropy\"; did you mean \"cross_entropy\"?");
  EXPECT_EQ(train_error("batch = 0"), "x.toml:4: train.batch is 0; use at least 1");
  EXPECT_EQ(train_error("epochs = -1"), "x.toml:4: train.epochs is -1; use at least 1");
  EXPECT_EQ(train_error("shuffle = 0"),
            "x.toml:4: train.shuffle is 0; use true, false or a window of at least 1 samples");
  EXPECT_EQ(train_error("validation = 1.5"),
            "x.toml:4: train.validation is 1.5; use at least 0 and below 1");
  EXPECT_EQ(train_error("early_stopping = true"),
            "x.toml:4: train.early_stopping is true; use a table");
  EXPECT_EQ(train_error("early_stopping = { patience = -1 }"),
            "x.toml:4: train.early_stopping.patience is -1; use at least 0");
  EXPECT_EQ(train_error("precision = \"float16\""),
            "x.toml:4: train.precision is \"float16\"; did you mean \"float32\"?");
  EXPECT_EQ(train_error("bacth = 3"),
            "x.toml:4: unknown field \"bacth\" of train; did you mean \"batch\"?");
}

TEST(RecipeErrors, TheRest) {
  const auto error = [](const std::string& text) {
    return mistake_of([&] { parse_recipe(text, "x.toml"); });
  };
  EXPECT_EQ(error("nmae = \"a\"\n[[model]]\nflatten = {}\n"),
            "x.toml:1: unknown key \"nmae\"; did you mean \"name\"?");
  EXPECT_EQ(error("name = \"a\"\n"), "x.toml: no layers; write [[model]] before each layer");
  EXPECT_EQ(error("model = 3\n"),
            "x.toml:1: model is not a list of layers; write [[model]] before each layer");
  EXPECT_EQ(error("input = { scale = \"1/0\" }\n").substr(0, 44),
            "x.toml:1: input.scale is \"1/0\"; use \"1/255\",");
  EXPECT_EQ(error("input = { std = [0.5, 0] }\n"), "x.toml:1: input.std is [0.5, 0]; use above 0");
  EXPECT_EQ(error("train = [1]\n"), "x.toml:1: train is a list; use a table");
  EXPECT_EQ(error("name = \n").substr(0, 10), "x.toml:1: ");
  EXPECT_EQ(error("name = \"../a\"\n"),
            "x.toml:1: name is \"../a\"; use a name without / and without a leading point");
  EXPECT_EQ(mistake_of([] { load_recipe("minst"); }),
            "unknown recipe \"minst\"; did you mean \"mnist\"?");
}

TEST(RecipeErrors, Files) {
  EXPECT_EQ(mistake_of([] { load_recipe("nowhere/x.toml"); }),
            "nowhere/x.toml: no such file; give a recipe's path or one of the names in recipes/");
  EXPECT_EQ(mistake_of([] {
              load_recipe(TREINO_SOURCE_DIR "/recipes");
            }).substr(std::strlen(TREINO_SOURCE_DIR)),
            "/recipes: a folder, not a recipe; give a .toml file");
}

TEST(RecipeErrors, DataThatDoNotFit) {
  const Recipe recipe = load_recipe("mnist");
  EXPECT_EQ(build_model(recipe, Shape{784}).input(), (Shape{28, 28, 1}));
  const std::string wrong = mistake_of([&] { build_model(recipe, Shape{32, 32, 3}); });
  EXPECT_NE(
      wrong.find("mnist.toml: input.shape is [28, 28, 1] but the data's samples are [32, 32, 3]"),
      std::string::npos)
      << wrong;
  const std::string classes = mistake_of([&] { build_model(recipe, Shape{28, 28, 1}, 100); });
  EXPECT_NE(classes.find("the model has 10 outputs but the data have 100 classes; end it with "
                         "dense = { units = 100 }"),
            std::string::npos)
      << classes;
}

TEST(ModelErrors, NameTheSourceLine) {
  int line = 0;
  const std::string error = mistake_of([&] {
    line = __LINE__ + 1;
    const Layer layer = Conv2D{.filters = 8, .kernel = 9};
    (void)(input({6, 6, 3}) | layer);
  });
  EXPECT_EQ(error,
            std::string(__FILE__) + ":" + std::to_string(line) +
                ": conv2d.kernel is 9 but the input is 6x6; use at most 6 or padding = \"same\"");
}

TEST(ModelErrors, FieldsAreCheckedInCppToo) {
  const auto ends = [](const std::string& text, const std::string& end) {
    EXPECT_TRUE(text.ends_with(end)) << text;
  };
  ends(mistake_of([] { Layer layer = Dense{}; }), ": dense.units is 0; use at least 1");
  ends(mistake_of([] { Layer layer = Dropout{.rate = 2}; }),
       ": dropout.rate is 2.0; use at least 0 and below 1");
  ends(mistake_of([] {
         input({0, 3});
       }),
       "the input's shape is [0, 3]; use sizes of at least 1, e.g. [28, 28, 1]");
}

TEST(ModelErrors, LossAndModelFit) {
  const Model images = input({6, 6, 3}) | Conv2D{.filters = 8, .kernel = 3};
  EXPECT_NE(mistake_of([&] { check_loss(images, {}, 10); }).find("the model's output is [4, 4, 8]"),
            std::string::npos);
  const Model one = input({4}) | Dense{.units = 1};
  EXPECT_NE(
      mistake_of([&] { check_loss(one, {}, 2); }).find("1 outputs but the data have 2 classes"),
      std::string::npos);
  TrainOptions binary;
  binary.loss = Loss::binary_cross_entropy;
  EXPECT_NO_THROW(check_loss(one, binary, 2));
  TrainOptions smooth;
  smooth.loss = Loss::mse;
  smooth.label_smoothing = 0.1;
  EXPECT_NE(mistake_of([&] { check_loss(one, smooth, 2); }).find("label_smoothing"),
            std::string::npos);
}

TEST(ModelErrors, SizesPastAnyMemory) {
  const std::string output = mistake_of([] {
    (void)(input({4096, 4096, 1}) | Conv2D{.filters = 1 << 20, .kernel = 1});
  });
  EXPECT_NE(output.find("more than 2^40 numbers"), std::string::npos);
  const std::string kernel =
      mistake_of([] { (void)parameter_count(input({1 << 22}) | Dense{.units = 1 << 22}); });
  EXPECT_NE(kernel.find("dense_1.kernel of shape [4194304, 4194304] has more than 2^40 numbers"),
            std::string::npos);
}

}  // namespace
}  // namespace treino::nn
