// SPDX-License-Identifier: Apache-2.0
// Loss and gradients of networks whose products are TF32 or bf16, against PyTorch in float64 with
// operands it rounded itself (make_rounded.py).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "tests/conformance/backends.h"
#include "tests/golden/network.h"
#include "tests/golden/numbers_of.h"
#include "tests/support/places.h"
#include "treino/format/safetensors.h"

namespace treino::golden {
namespace {

constexpr double kReference = 1e-9;
// Where a number lies between two of few bits, float32 may fall to the other side: one of some
// thousands does, is off by a unit of its last place, and may take a relu near 0 along.
constexpr double kLoss = 1e-5, kTensor = 1e-3;

class Rounded : public testing::TestWithParam<std::tuple<const char*, Precision>> {
 protected:
  Rounded()
      : network_(std::get<0>(GetParam())),
        values_(format::read_safetensors(test::source_folder() +
                                         "/tests/golden/values/rounded.safetensors")) {
    const Precision precision = std::get<1>(GetParam());
    network_.set_precision(precision);
    start_ = network_.name() + "." +
             std::string(names_of(precision)[static_cast<std::size_t>(precision)]) + ".";
  }

  std::span<const double> golden(const std::string& name) const {
    const HostTensor* found = values_.find(start_ + name);
    if (found == nullptr) throw Error::mistake("rounded.safetensors has no " + start_ + name);
    return found->as<double>();
  }

  // One step from the starting state; the largest distance of a gradient.
  double follow(Device& device, const State& state, double loss_limit, double limit) const {
    Trainer trainer(device, network_, true);
    trainer.start(state, 0);
    const double loss = golden("loss")[0];
    EXPECT_LE(std::abs(trainer.step() - loss) / loss, loss_limit);
    double most = 0;
    for (const std::string& parameter : network_.names("gradient.")) {
      const auto expected = golden("gradient." + parameter);
      if (norm(expected) < 1e-10 * network_.largest_gradient(0)) continue;  // truly 0
      const double off = distance(digest(trainer.gradient(parameter)), expected);
      EXPECT_LE(off, limit) << "gradient of " << parameter;
      most = std::max(most, off);
    }
    return most;
  }

  Network network_;
  format::SafeTensors values_;
  std::string start_;
};

TEST_P(Rounded, ReferenceAndDevicesFollow) {
  const State state = starting_state(network_);
  const double reference = follow(conformance::reference(), state, kReference, kReference);
  double devices = 0;
  for (const conformance::Backend* backend : conformance::plain_backends()) {
    SCOPED_TRACE(backend->name);
    devices = std::max(devices, follow(*backend->device, state, kLoss, kTensor));
  }
  std::printf("| %s | %.0e | %.0e |\n", start_.c_str(), reference, devices);
}

// The file would not tell one precision from another otherwise.
TEST(Rounding, IsSeenInTheGradients) {
  const Network network("lenet");
  const auto values =
      format::read_safetensors(test::source_folder() + "/tests/golden/values/rounded.safetensors");
  const auto of = [&](const char* precision) {
    return values.find(std::string("lenet.") + precision + ".gradient.conv2d_1.kernel")
        ->as<double>();
  };
  const auto exact = network.golden("gradient.conv2d_1.kernel", 0);
  EXPECT_GT(distance(of("bf16"), exact), 1e-3);
  EXPECT_GT(distance(of("tf32"), exact), 1e-4);
  EXPECT_LT(distance(of("tf32"), exact), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Networks, Rounded,
                         testing::Combine(testing::Values("mnist", "lenet", "resnet", "grouped",
                                                          "depthwise", "sequence"),
                                          testing::Values(Precision::tf32, Precision::bf16)),
                         [](const auto& info) {
                           const Precision precision = std::get<1>(info.param);
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::string(
                                      names_of(precision)[static_cast<std::size_t>(precision)]);
                         });

}  // namespace
}  // namespace treino::golden
