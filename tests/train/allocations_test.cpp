// SPDX-License-Identifier: Apache-2.0
// Once everything is loaded, the steps of a whole fit allocate nothing: counted in operator new,
// during every run() the training loop asks of its device.
#include <gtest/gtest.h>

#include "tests/support/counted_allocations.h"
#include "tests/support/environment.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"
#include "treino/backend/devices.h"
#include "treino/data/load.h"

namespace treino::train::test {
namespace {

struct Counts {
  long runs = 0, steps = 0, allocations = 0;
};

// A device whose executables count what each run() allocates, on all threads.
class CountingDevice final : public Device {
 public:
  CountingDevice(std::unique_ptr<Device> device, Counts& counts)
      : device_(std::move(device)), counts_(counts) {}

  std::string_view name() const override { return device_->name(); }
  const Target& target() const override { return device_->target(); }
  std::unique_ptr<Store> make_store(std::span<const Variable> variables) override {
    return device_->make_store(variables);
  }
  std::unique_ptr<treino::Executable> load(const Program& program, Store& store) override {
    return std::make_unique<Counting>(device_->load(program, store), counts_);
  }

 private:
  class Counting final : public treino::Executable {
   public:
    Counting(std::unique_ptr<treino::Executable> executable, Counts& counts)
        : executable_(std::move(executable)), counts_(counts) {}
    void run(std::int64_t steps) override {
      const long before = treino::test::allocations();
      executable_->run(steps);
      counts_.allocations += treino::test::allocations() - before;
      counts_.steps += steps;
      ++counts_.runs;
    }
    StepTimes profile(std::int64_t steps) override { return executable_->profile(steps); }
    std::vector<std::string> choices() const override { return executable_->choices(); }

   private:
    std::unique_ptr<treino::Executable> executable_;
    Counts& counts_;
  };

  std::unique_ptr<Device> device_;
  Counts& counts_;
};

Counts count_in(const std::string& text, bool onednn) {
  const treino::test::TemporaryFolder folder;
  nn::Recipe recipe = nn::parse_recipe(text + "validation = 0.2\n", "test.toml");
  const data::Dataset dataset = data::load(recipe.data);
  Counts counts;
  CountingDevice device(make_device("cpu", {.threads = 2, .onednn = onednn}), counts);
  Observer silent;
  fit(std::move(recipe), dataset, device, {.out = folder / "run"}, silent);
  return counts;
}

TEST(Allocations, AWholeFitRunsWithoutAny) {
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "allocations are not counted under a sanitizer";
#endif
  for (const std::string* recipe : {&kDense, &kConv, &kResidual}) {
    const Counts counts = count_in(*recipe, false);
    EXPECT_GT(counts.steps, 4 * 8) << "training, validation and test ran through the device";
    EXPECT_EQ(counts.allocations, 0) << nn::parse_recipe(*recipe, "test.toml").name;
  }
}

// oneDNN 2.6 calls operator new about six times an execute; there are at most 3 convolutions with 3
// directions and 16 slices each here, and a reorder each.
TEST(Allocations, WhatOneDnnAddsIsBounded) {
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "allocations are not counted under a sanitizer";
#endif
  const treino::test::Environment forced("TREINO_CONVOLUTION", "onednn");
  try {
    make_device("cpu", {.threads = 1});
  } catch (const Error&) {
    GTEST_SKIP() << "this build has no oneDNN";
  }
  const Counts counts = count_in(kConv, true);
  const double each = static_cast<double>(counts.allocations) / static_cast<double>(counts.steps);
  RecordProperty("allocations_a_step", std::to_string(each));
  EXPECT_GT(each, 0) << "oneDNN served nothing";
  EXPECT_LE(each, 3 * (16 + 1) * 8);
}

}  // namespace
}  // namespace treino::train::test
