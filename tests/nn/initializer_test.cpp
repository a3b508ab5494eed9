// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/initializer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "treino/nn/layers.h"

namespace treino::nn {
namespace {

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};

Moments moments(const Initializer& initializer, const Shape& shape) {
  Rng rng(7, 3);
  const HostTensor tensor = initial_tensor(initializer, shape, rng);
  Moments m;
  const auto numbers = tensor.as<float>();
  for (float x : numbers) m.mean += static_cast<double>(x);
  m.mean /= static_cast<double>(numbers.size());
  for (float x : numbers) {
    m.deviation += std::pow(static_cast<double>(x) - m.mean, 2);
    m.largest = std::max(m.largest, std::abs(static_cast<double>(x)));
  }
  m.deviation = std::sqrt(m.deviation / static_cast<double>(numbers.size()));
  return m;
}

TEST(Initializer, MomentsAreThePapers) {
  // 3x3 kernels, 32 to 48 channels: fans 288 and 432; 13,824 numbers, so a deviation is known to 1
  // % (its standard error is 0.6 %) and a mean to 4 standard errors.
  const Shape shape{3, 3, 32, 48};
  const double in = 288, out = 432;
  const struct {
    Initializer initializer;
    double deviation;
    double bound;  // of the distribution's support
  } kCases[] = {
      {glorot_uniform, std::sqrt(2 / (in + out)), std::sqrt(6 / (in + out))},
      {he_uniform, std::sqrt(2 / in), std::sqrt(6 / in)},
      {lecun_uniform, std::sqrt(1 / in), std::sqrt(3 / in)},
      {glorot_normal, std::sqrt(2 / (in + out)), 2 * std::sqrt(2 / (in + out)) / 0.87962566},
      {he_normal, std::sqrt(2 / in), 2 * std::sqrt(2 / in) / 0.87962566},
      {lecun_normal, std::sqrt(1 / in), 2 * std::sqrt(1 / in) / 0.87962566},
      {normal(0.05), 0.05, 1},
      {uniform(0.05), 0.05 / std::sqrt(3.0), 0.05},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(initializer_names()[test.initializer.kind]);
    const Moments m = moments(test.initializer, shape);
    EXPECT_NEAR(m.deviation, test.deviation, 0.02 * test.deviation);
    EXPECT_NEAR(m.mean, 0, 4 * test.deviation / std::sqrt(13824.0));
    EXPECT_LE(m.largest, test.bound * (1 + 1e-6));
  }
  EXPECT_EQ(moments(zeros, shape).largest, 0);
  const Moments one = moments(ones, shape);
  EXPECT_EQ(one.mean, 1);
  EXPECT_EQ(one.deviation, 0);
}

TEST(Initializer, AVectorHasItsLengthAsBothFans) {
  EXPECT_LE(moments(glorot_uniform, Shape{64}).largest, std::sqrt(6.0 / 128));
  EXPECT_GT(moments(glorot_uniform, Shape{64}).largest, 0.8 * std::sqrt(6.0 / 128));
}

TEST(InitialValues, DependOnSeedAndPlaceAlone) {
  const Model model = input({6}) | Dense{.units = 4} | BatchNorm{} | Dense{.units = 4};
  const Model longer = model | Dense{.units = 9};
  const auto a = initial_values(model, 1), b = initial_values(longer, 1),
             c = initial_values(model, 2);
  ASSERT_EQ(a.size(), 8U);  // two kernels and biases, gamma, beta, mean, variance
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].tensor.bytes, b[i].tensor.bytes) << a[i].name;
  }
  EXPECT_NE(a[0].tensor.bytes, c[0].tensor.bytes);
  EXPECT_NE(a[0].tensor.as<float>()[0], a[6].tensor.as<float>()[0]);  // the kernels differ
  EXPECT_EQ(a[5].name, "batch_norm_1.variance");
  EXPECT_EQ(a[5].tensor.as<float>()[3], 1.0F);
}

}  // namespace
}  // namespace treino::nn
