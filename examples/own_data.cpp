// SPDX-License-Identifier: Apache-2.0
// Samples made by the program itself: points inside and outside a circle, told apart by a small
// network.
#include <cstdio>
#include <memory>

#include "treino/base/rng.h"
#include "treino/treino.h"

using namespace treino;
using namespace treino::nn;

// `count` points of the square [-1, 1] x [-1, 1]; label 1 inside the circle of radius 0.7.
data::Split points(std::int64_t count, std::uint64_t seed) {
  auto samples = std::make_shared<HostTensor>(DType::f32, Shape{count, 2});
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{count});
  Rng rng(seed, 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<float>(2 * rng.uniform() - 1);
    const auto y = static_cast<float>(2 * rng.uniform() - 1);
    const auto at = static_cast<std::size_t>(i);
    samples->as<float>()[2 * at] = x;
    samples->as<float>()[2 * at + 1] = y;
    labels->as<std::int32_t>()[at] = x * x + y * y < 0.49F ? 1 : 0;
  }
  return {samples, labels};
}

int main() try {
  data::Dataset circle;
  circle.name = "circle";
  circle.classes = {"outside", "inside"};
  circle.train = points(4000, 1);
  circle.test = points(1000, 2);

  const Model model = input({2}) | Dense{.units = 32, .activation = tanh} |
                      Dense{.units = 2, .activation = softmax};
  Recipe recipe{.name = "circle", .layers = model.layers()};
  recipe.train.optimizer = Adam{.rate = 1e-2};
  recipe.train.epochs = 10;

  const auto device = make_device("cpu");
  train::Observer silent;
  const train::FitResult result = train::fit(recipe, circle, *device, {}, silent);
  std::printf("test accuracy %.4f\n", result.test->accuracy);

  train::Predictor predictor(result.folder, *device);
  HostTensor centre(DType::f32, Shape{1, 2});
  const HostTensor answer = predictor.predict(centre);
  std::printf("the centre is inside with probability %.3f\n", answer.as<float>()[1]);
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
