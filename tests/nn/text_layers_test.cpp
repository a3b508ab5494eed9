// SPDX-License-Identifier: Apache-2.0
// Layers over texts, against the same arithmetic written out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/nn/layers.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"

namespace treino::nn {
namespace {

// The layers' output on a device, weights as drawn for seed 3.
std::vector<double> run(const Model& model, const std::vector<std::int32_t>& numbers,
                        std::int64_t batch, const std::string& device_name) {
  const InputOptions input;
  TrainOptions train;
  train.seed = 3;
  train.loss = Loss::mse;
  const StepSpec spec{model, input, train};
  BatchGeometry geometry{.batch = batch,
                         .rows = batch,
                         .sample = model.input(),
                         .sample_type = DType::i32,
                         .classes = model.output()[0]};
  Graph graph;
  emit_predict(graph, spec, geometry);
  const auto device = make_device(device_name, {.threads = 2});
  const Program program = compiler::compile(graph, device->target());
  const auto store = device->make_store(program.variables);
  for (const NamedTensor& value : initial_values(model, 3)) store->write(value.name, value.tensor);
  HostTensor samples(DType::i32, Shape{batch, model.input()[0]});
  std::copy(numbers.begin(), numbers.end(), samples.as<std::int32_t>().begin());
  store->write("input.samples", samples);
  device->load(program, *store)->run(1);
  const HostTensor out = store->read(store->find("output.probabilities"), DType::f64);
  return {out.as<double>().begin(), out.as<double>().end()};
}

TEST(TextLayers, MeanOfEmbeddingsLeavesPaddingOut) {
  for (const bool mask : {true, false}) {
    const Model model =
        input({4}) | Embedding{.vocabulary = 6, .units = 3, .mask_zero = mask} | GlobalAvgPool{};
    const HostTensor table = initial_values(model, 3)[0].tensor;
    EXPECT_EQ(initial_values(model, 3)[0].name, "embedding_1.table");
    const std::vector<std::int32_t> numbers{5, 1,  1,  0,
                                            2, 99, -4, 0};  // beyond the table: cut to it
    const std::vector<std::vector<std::int64_t>> rows{{5, 1, 1, 0}, {2, 5, 0, 0}};
    std::vector<double> expected;
    for (std::size_t s = 0; s < 2; ++s) {
      for (std::int64_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::int64_t row : rows[s]) {
          if (row != 0 || !mask)
            sum += static_cast<double>(table.as<float>()[static_cast<std::size_t>(3 * row + c)]);
        }
        expected.push_back(sum / 4);
      }
    }
    for (const char* device : {"reference", "cpu"})
      EXPECT_THAT(run(model, numbers, 2, device),
                  testing::Pointwise(testing::DoubleNear(1e-7), expected))
          << device;
  }
}

TEST(TextLayers, Conv1DSlidesOverTime) {
  const Model model =
      input({7}) | Embedding{.vocabulary = 9, .units = 2} |
      Conv1D{
          .filters = 3, .kernel = 3, .stride = 2, .padding = same, .activation = Activation::tanh} |
      Flatten{};
  const auto weights = initial_values(model, 3);
  ASSERT_EQ(weights[1].name, "conv1d_1.kernel");
  ASSERT_EQ(weights[1].tensor.shape, (Shape{3, 2, 3}));
  const auto table = weights[0].tensor.as<float>(), kernel = weights[1].tensor.as<float>();
  const std::vector<std::int32_t> numbers{3, 8, 1, 0, 4, 4, 7};
  std::vector<double> expected;  // 4 steps: padded by one before and one after
  for (std::int64_t t = 0; t < 4; ++t) {
    for (std::int64_t f = 0; f < 3; ++f) {
      double sum = 0;
      for (std::int64_t k = 0; k < 3; ++k) {
        const std::int64_t at = 2 * t + k - 1;
        if (at < 0 || at >= 7 || numbers[static_cast<std::size_t>(at)] == 0) continue;
        for (std::int64_t c = 0; c < 2; ++c) {
          sum +=
              static_cast<double>(
                  table[static_cast<std::size_t>(2 * numbers[static_cast<std::size_t>(at)] + c)]) *
              static_cast<double>(kernel[static_cast<std::size_t>((k * 2 + c) * 3 + f)]);
        }
      }
      expected.push_back(std::tanh(sum));
    }
  }
  for (const char* device : {"reference", "cpu"})
    EXPECT_THAT(run(model, numbers, 1, device),
                testing::Pointwise(testing::DoubleNear(1e-6), expected))
        << device;
}

// tests/nn/golden/text_layers.json, made by the script beside it.
TEST(TextLayers, LossAndGradientsArePyTorchs) {
  std::ifstream file(TREINO_SOURCE_DIR "/tests/nn/golden/text_layers.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  for (const auto& one : golden.at("cases")) {
    const bool is_max = one.at("pool") == "global_max_pool";
    const std::int64_t stride = one.at("stride");
    Model model = input({12}) | Embedding{.vocabulary = 9, .units = 6} |
                  Conv1D{.filters = 8,
                         .kernel = 3,
                         .stride = stride,
                         .groups = 2,
                         .padding = stride == 1 ? same : valid,
                         .activation = Activation::tanh};
    model.add(is_max ? Layer(GlobalMaxPool{}) : Layer(GlobalAvgPool{}));
    model.add(Dense{.units = 3});
    TrainOptions train;
    train.optimizer = Sgd{.rate = 1};  // a step of which is the gradient
    const InputOptions options;
    const BatchGeometry geometry{
        .batch = 4, .rows = 4, .sample = {12}, .sample_type = DType::i32, .classes = 3};
    for (const char* name : {"reference", "cpu"}) {
      Graph graph;
      emit_train_step(graph, {model, options, train}, geometry);
      const auto device = make_device(name, {.threads = 2});
      const Program program = compiler::compile(graph, device->target());
      const auto store = device->make_store(program.variables);
      const auto put = [&](const std::string& variable, const std::vector<double>& values) {
        const TensorType type =
            store->variables()[static_cast<std::size_t>(store->find(variable))].type;
        HostTensor tensor(DType::f64, type.shape);
        std::copy(values.begin(), values.end(), tensor.as<double>().begin());
        store->write(variable, tensor);
      };
      put("data.samples", golden.at("numbers"));
      put("data.labels", golden.at("labels"));
      put("data.order", {0, 1, 2, 3});
      for (const auto& [variable, values] : one.at("weights").items()) put(variable, values);
      device->load(program, *store)->run(1);
      const double tolerance = std::string(name) == "cpu" ? 1e-6 : 1e-12;
      EXPECT_NEAR(store->read(store->find("metric.loss_sum"), DType::f64).as<double>()[0] / 4,
                  one.at("loss"), tolerance);
      for (const auto& [variable, values] : one.at("gradients").items()) {
        const HostTensor after = store->read(store->find(variable), DType::f64);
        const std::vector<double> before = one.at("weights").at(variable);
        for (std::size_t i = 0; i < before.size(); ++i)
          ASSERT_NEAR(before[i] - after.as<double>()[i], values[i].get<double>(), tolerance)
              << name << " " << variable << " " << i;
      }
    }
  }
}

TEST(TextLayers, MistakesNameTheRemedy) {
  const auto error = [](const std::string& layers) -> std::string {
    try {
      build_model(parse_recipe("[input]\nshape = [20]\n" + layers, "x.toml"), Shape{});
    } catch (const Error& mistake) {
      return mistake.what();
    }
    return "no error";
  };
  using testing::HasSubstr;
  EXPECT_THAT(error("[[model]]\nconv1d = { filters = 2, kernel = 3 }\n"), HasSubstr("x.toml:4: "));
  EXPECT_THAT(error("[[model]]\nconv1d = { filters = 2, kernel = 3 }\n"),
              HasSubstr("put it after embedding"));
  EXPECT_THAT(error("[[model]]\nembedding = { units = 3 }\n"),
              HasSubstr("embedding.vocabulary is missing"));
  const std::string start = "[[model]]\nembedding = { vocabulary = 5, units = 3 }\n[[model]]\n";
  EXPECT_THAT(error(start + "conv1d = { filters = 2, kernel = 30 }\n"),
              HasSubstr("use at most 20 or padding"));
  EXPECT_THAT(error(start + "embedding = { vocabulary = 5, units = 3 }\n"),
              HasSubstr("needs numbers [time]"));
  EXPECT_EQ(error(start + "conv1d = { filters = 2, kernel = 3 }\n"), "no error");
}

TEST(TextLayers, ATextNeedsAnEmbeddingFirst) {
  const Model model = input({4}) | Dense{.units = 2};
  const InputOptions input;
  const TrainOptions train;
  Graph graph;
  EXPECT_THROW(emit_train_step(
                   graph, {model, input, train},
                   {.batch = 2, .rows = 4, .sample = {4}, .sample_type = DType::i32, .classes = 2}),
               Error);
}

}  // namespace
}  // namespace treino::nn
