// SPDX-License-Identifier: Apache-2.0
// A set that counts its classes or columns in another way than the one that was trained on.
#include "treino/train/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/backend/devices.h"
#include "treino/data/load.h"

namespace treino::train::test {
namespace {

using testing::HasSubstr;
using treino::test::error_of;
using treino::test::TemporaryFolder;

// Three clouds of points, a line each: x, y and the class's name.
class KnownTo : public testing::Test {
 protected:
  KnownTo() : device_(make_device("cpu", {.threads = 1})) {
    Observer silent;
    fit(nn::parse_recipe(R"(name = "points"
model = [{ dense = { units = 8, activation = "relu" } }, { dense = { units = 3, activation = "softmax" } }]
[train]
optimizer = { adam = { rate = 0.05 } }
epochs = 30
)",
                         "points.toml"),
        load("x,y,label", {"ant", "bee", "cow"}), *device_, {.out = folder_ / "run"}, silent);
  }

  // Rows of those classes, in turn; the header says in which order x and y come.
  data::Dataset load(const std::string& header, const std::vector<std::string>& classes,
                     const std::vector<std::string>& names = {}) {
    std::string text = header + "\n";
    const bool turned = header[0] == 'y';
    for (int i = 0; i < 20; ++i) {
      for (std::size_t c = 0; c < classes.size(); ++c) {
        const std::size_t cloud = classes[c] == "ant" ? 0 : classes[c] == "bee" ? 1 : 2;
        const double jitter = i * 0.05;
        const double x = 4.0 * static_cast<double>(cloud == 1) + jitter,
                     y = 4.0 * static_cast<double>(cloud == 2) - jitter;
        text += std::to_string(turned ? y : x) + "," + std::to_string(turned ? x : y) + "," +
                (names.empty() ? classes[c] : names[c]) + "\n";
      }
    }
    return data::load(folder_.write("set.csv", text), {.test_fraction = 0});
  }

  Evaluation evaluation(const data::Dataset& set) {
    Predictor predictor(folder_ / "run", *device_);
    return evaluate(predictor, known_to(predictor, set, set.train));
  }

  TemporaryFolder folder_;
  std::unique_ptr<Device> device_;
};

TEST_F(KnownTo, ClassesAreFoundByName) {
  EXPECT_EQ(evaluation(load("x,y,label", {"ant", "bee", "cow"})).metrics.accuracy, 1);
  EXPECT_EQ(evaluation(load("x,y,label", {"cow", "bee", "ant"})).metrics.accuracy, 1);
  const Evaluation two = evaluation(load("x,y,label", {"cow", "bee"}));
  EXPECT_EQ(two.metrics.accuracy, 1);
  EXPECT_EQ(two.classes[0].support, 0);
  EXPECT_EQ(two.classes[2].support, 20);
}

TEST_F(KnownTo, OrByNumberWhereTheyHaveNoNames) {
  const auto set = load("x,y,label", {"ant", "bee", "cow"}, {"0", "1", "2"});
  EXPECT_EQ(evaluation(set).metrics.accuracy, 1);
}

TEST_F(KnownTo, AClassThatItDoesNotKnowIsAMistake) {
  const auto set = load("x,y,label", {"ant", "bee"}, {"ant", "wasp"});
  EXPECT_THAT(error_of([&] { evaluation(set); }),
              HasSubstr("set.csv: has samples of class \"wasp\", but the network knows \"ant\", "
                        "\"bee\", \"cow\""));
}

TEST_F(KnownTo, ColumnsAreFoundByName) {
  EXPECT_EQ(evaluation(load("y,x,label", {"ant", "bee", "cow"})).metrics.accuracy, 1);
  EXPECT_THAT(
      error_of([&] {
        evaluation(load("x,z,label", {"ant", "bee"}));
      }),
      HasSubstr("has the columns \"x\", \"z\", but the network was trained on \"x\", \"y\""));
}

TEST_F(KnownTo, NoSamplesAreAMistake) {
  Predictor predictor(folder_ / "run", *device_);
  EXPECT_THAT(error_of([&] { evaluate(predictor, {}); }), HasSubstr("there are no samples"));
  EXPECT_THAT(error_of([&] { predictor.measure({}); }), HasSubstr("there are no samples"));
}

}  // namespace
}  // namespace treino::train::test
