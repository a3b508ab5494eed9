// SPDX-License-Identifier: Apache-2.0
// Twenty training steps of eighteen networks against Keras and PyTorch (make.py): the reference
// device in double, running free, and the cpu device in float from the same states.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <regex>

#include "tests/conformance/backends.h"
#include "tests/golden/network.h"
#include "tests/golden/numbers_of.h"
#include "tests/support/places.h"
#include "treino/nn/layers.h"

namespace treino::golden {
namespace {

constexpr double kReference = 1e-9;                               // everything, running free
constexpr double kLoss = 1e-5, kTensor = 1e-4, kFreeLoss = 1e-3;  // cpu
// Of a gradient that is truly 0, in units of the largest gradient: rounding leaves that much.
constexpr double kZeroReference = 1e-10, kZeroCpu = 1e-4;

// The largest distance seen of a kind, for the table in docs/numerics.md.
class Most {
 public:
  double operator()(double distance) {
    most_ = std::max(most_, distance);
    return distance;
  }
  double value() const { return most_; }

 private:
  double most_ = 0;
};

double relative(double got, double golden) {
  return std::abs(got - golden) / std::abs(golden);
}

void expect_gradients(const Network& network, const Trainer& trainer, std::int64_t step,
                      double limit, double zero, Most& most) {
  for (const std::string& parameter : network.names("gradient.")) {
    const auto got = digest(trainer.gradient(parameter));
    Mask mask = network.zero_gradient(parameter, step);
    const auto golden = network.golden("gradient." + parameter, step);
    EXPECT_LE(most(distance(got, golden, mask)), limit)
        << "gradient of " << parameter << ", step " << step + 1;
    mask.flip();
    EXPECT_LE(norm(got, mask), zero * network.largest_gradient(step))
        << "gradient of " << parameter << " that should be 0, step " << step + 1;
  }
}

// The state after `steps` steps; numbers whose last gradient is truly 0 are left out.
void expect_state(const Network& network, const State& state, std::int64_t steps, double limit,
                  Most& most) {
  for (const auto& [name, value] : state) {
    const Mask mask = steps == 0 ? Mask{} : network.after_zero_gradient(name, steps - 1);
    const auto golden = network.golden("state." + name, steps);
    EXPECT_LE(most(distance(digest(value.as<double>()), golden, mask)), limit)
        << name << " after " << steps << " steps";
  }
}

class Golden : public testing::TestWithParam<const char*> {
 protected:
  const Network network_{GetParam()};

  // The states of the reference's free run, each held to the golden one before it is used.
  std::vector<State> reference_states(Trainer& trainer, Most& losses, Most& gradients,
                                      Most& states) const {
    std::vector<State> run{starting_state(network_)};
    EXPECT_EQ(run[0].size(), network_.names("state.").size());
    expect_state(network_, run[0], 0, kReference, states);
    trainer.start(run[0], 0);
    for (std::int64_t s = 0; s < network_.steps(); ++s) {
      EXPECT_LE(losses(relative(trainer.step(), network_.golden("loss", s)[0])), kReference);
      expect_gradients(network_, trainer, s, kReference, kZeroReference, gradients);
      run.push_back(trainer.state());
      expect_state(network_, run.back(), s + 1, kReference, states);
    }
    return run;
  }

  void expect_inference(Device& device, const std::vector<State>& run, double limit,
                        double loss_limit, Most& most) const {
    const auto first = digest(predict(device, network_, run.front()));
    const auto last_outputs = digest(predict(device, network_, run.back()));
    EXPECT_LE(most(distance(first, digest(whole("predict.first")))), limit);
    EXPECT_LE(most(distance(last_outputs, digest(whole("predict.last")))), limit);
    const Evaluation last = evaluate(device, network_, run.back());
    EXPECT_LE(most(relative(last.loss, network_.golden("evaluate.loss")[0])), loss_limit);
    EXPECT_EQ(last.correct, network_.golden("evaluate.correct")[0]);
  }

 private:
  // A golden tensor that is no digest, all rows of it.
  std::vector<double> whole(const std::string& tensor) const {
    std::vector<double> numbers;
    for (std::int64_t row = 0; row < network_.geometry().batch; ++row) {
      const auto part = network_.golden(tensor, row);
      numbers.insert(numbers.end(), part.begin(), part.end());
    }
    return numbers;
  }
};

// A step of every way the cpu device can do it.
std::vector<const conformance::Backend*> ways(const Network& network) {
  if (!network.has_convolutions()) return conformance::plain_backends();
  std::vector<const conformance::Backend*> all;
  for (const conformance::Backend& backend : conformance::all_backends()) all.push_back(&backend);
  return all;
}

TEST_P(Golden, ReferenceAndCpuFollow) {
  Device* const reference = &conformance::reference();
  Most losses, gradients, states, inference;
  Trainer oracle(*reference, network_, true);
  const std::vector<State> run = reference_states(oracle, losses, gradients, states);
  expect_inference(*reference, run, kReference, kReference, inference);
  std::printf("| %s | %.0e | %.0e | %.0e | %.0e |", GetParam(), losses.value(), gradients.value(),
              states.value(), inference.value());
  ASSERT_FALSE(HasFailure()) << "the cpu device is not looked at";

  Most cpu_losses, cpu_gradients, cpu_states, cpu_inference, free_losses;
  ASSERT_GE(ways(network_).size(), test::on_real_gpu() ? 1U : 2U);
  for (const conformance::Backend* backend : ways(network_)) {
    SCOPED_TRACE(backend->name);
    Device* const device = backend->device.get();
    Trainer plain(*device, network_, false), open(*device, network_, true);
    for (std::int64_t s = 0; s < network_.steps(); ++s) {
      const double golden = network_.golden("loss", s)[0];
      for (Trainer* trainer : {&plain, &open}) {
        trainer->start(run[static_cast<std::size_t>(s)], s);
        EXPECT_LE(cpu_losses(relative(trainer->step(), golden)), kLoss) << "step " << s + 1;
        expect_state(network_, trainer->state(), s + 1, kTensor, cpu_states);
      }
      expect_gradients(network_, open, s, kTensor, kZeroCpu, cpu_gradients);
    }
    plain.start(run[0], 0);
    for (std::int64_t s = 0; s < network_.steps(); ++s)
      EXPECT_LE(free_losses(relative(plain.step(), network_.golden("loss", s)[0])), kFreeLoss)
          << "running free, step " << s + 1;
    expect_inference(*device, run, kTensor, kLoss, cpu_inference);
  }
  std::printf(" %.0e | %.0e | %.0e | %.0e | %.0e |\n", cpu_losses.value(), cpu_gradients.value(),
              cpu_states.value(), free_losses.value(), cpu_inference.value());
}

constexpr const char* kNetworks[] = {
    "mnist",       "cifar10",      "lenet",     "resnet",     "vgg",
    "dilated",     "grouped",      "depthwise", "dense_norm", "binary",
    "multi_label", "mse",          "mae",       "huber",      "bias_before_norm",
    "sequence",    "sequence_max", "scaled"};

template <class... Kinds>
void expect_all(const std::string& text, const std::variant<Kinds...>&) {
  for (const std::string_view name : {Kinds::kName...})
    EXPECT_TRUE(std::regex_search(text, std::regex("\\b" + std::string(name) + "\\b"))) << name;
}
void expect_all(const std::string& text, std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    EXPECT_TRUE(std::regex_search(text, std::regex("\\b" + std::string(name) + "\\b"))) << name;
}

// A new layer, function, optimiser, schedule or loss needs a network here.
TEST(GoldenNetworks, TogetherUseEverything) {
  std::string text;
  for (const char* name : kNetworks) text += Network(name).recipe_text();
  expect_all(text, nn::layer_names());
  expect_all(text, nn::names_of(nn::Activation::linear));
  expect_all(text, nn::names_of(nn::Padding::valid));
  expect_all(text, nn::names_of(nn::Loss::mse));
  expect_all(text, nn::Optimizer());
  expect_all(text, nn::Schedule());
  EXPECT_TRUE(std::regex_search(text, std::regex("stride = (\\[2|2)"))) << "a stride";
  EXPECT_TRUE(std::regex_search(text, std::regex("dilation = (\\[1, 3|2)"))) << "a dilation";
  EXPECT_TRUE(std::regex_search(text, std::regex("groups = [2-9]"))) << "groups";
}

INSTANTIATE_TEST_SUITE_P(Networks, Golden, testing::ValuesIn(kNetworks),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace treino::golden
