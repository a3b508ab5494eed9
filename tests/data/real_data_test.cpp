// SPDX-License-Identifier: Apache-2.0
// The real files, where TREINO_DATA says they are; excerpts do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "treino/data/load.h"

namespace treino::data {
namespace {

using testing::HasSubstr;

class RealData : public testing::Test {
 protected:
  // Skips the test where the set is not on this machine.
  Dataset load_here(const std::string& name) {
    if (std::getenv("TREINO_DATA") == nullptr || path(name).empty()) return {};
    return load(name, {.download = false, .index = false});
  }
};

TEST_F(RealData, MnistHasItsPublishedMean) {
  const Dataset dataset = load_here("mnist");
  if (dataset.train.size() == 0) GTEST_SKIP() << "MNIST is not here";
  ASSERT_EQ(dataset.train.size(), 60'000);
  ASSERT_EQ(dataset.test.size(), 10'000);
  double sum = 0;
  for (std::uint8_t pixel : dataset.train.samples->as<std::uint8_t>()) sum += pixel;
  EXPECT_NEAR(sum / 255 / (60'000.0 * 784), 0.13066048, 1e-8);
  for (const Verdict& verdict : verify("mnist")) EXPECT_EQ(verdict.state, "ok") << verdict.file;
  // Interface section 4: the digest of training images and labels, then of the test part's.
  EXPECT_EQ(digest(dataset), "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16");
}

TEST_F(RealData, CifarIsInItsOrder) {
  const Dataset dataset = load_here("cifar10");
  if (dataset.train.size() == 0) GTEST_SKIP() << "CIFAR-10 is not here";
  const auto red = dataset.train.samples->as<std::uint8_t>();
  EXPECT_EQ(dataset.train.labels->as<std::int32_t>()[0], 6);
  EXPECT_EQ((std::array{red[0], red[3], red[6], red[9]}),
            (std::array<std::uint8_t, 4>{59, 43, 50, 68}));
}

TEST_F(RealData, IrisAndWine) {
  const Dataset iris = load_here("iris"), wine = load_here("wine");
  if (iris.train.size() == 0 || wine.train.size() == 0) GTEST_SKIP() << "Iris or Wine is not here";
  EXPECT_EQ(iris.train.size() + iris.test.size(), 150);
  EXPECT_EQ(iris.classes[0], "Iris-setosa");
  EXPECT_EQ(iris.features[3], "petal width");
  EXPECT_EQ(wine.train.samples->shape[1], 13);
  EXPECT_EQ(wine.classes, (std::vector<std::string>{"1", "2", "3"}));
}

TEST_F(RealData, ImdbReviews) {
  const Dataset dataset = load_here("imdb_reviews");
  if (dataset.train.size() == 0) GTEST_SKIP() << "IMDB is not here";
  EXPECT_GE(dataset.train.size(), 500);
  EXPECT_GE(dataset.test.size(), 500);
  EXPECT_GE(dataset.unlabelled.size(), 100);
  const auto labels = dataset.train.labels->as<std::int32_t>();
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 1) * 2, dataset.train.size());
  if (dataset.train.size() < 25'000)
    EXPECT_THAT(dataset.warnings[0], HasSubstr("1000 of 50000 samples are here: an excerpt"));
}

TEST_F(RealData, SquadAnswersStandWhereTheyShould) {
  const Dataset dataset = load_here("squad");
  if (dataset.train.size() == 0) GTEST_SKIP() << "SQuAD is not here";
  EXPECT_GE(dataset.train.size(), 5);
  EXPECT_GE(dataset.test.size(), 1190);
  for (const std::string& warning : dataset.warnings)
    EXPECT_THAT(warning, testing::Not(HasSubstr("answer_start")));
  EXPECT_EQ(dataset.test.texts->at(0, 5), "Super_Bowl_50");
}

TEST_F(RealData, CaltechIn102Classes) {
  const Dataset dataset = load_here("caltech101");
  if (dataset.train.size() == 0) GTEST_SKIP() << "Caltech 101 is not here";
  EXPECT_GE(dataset.train.size() + dataset.test.size(), 104);
  EXPECT_TRUE(dataset.broken.empty());
  std::vector<bool> seen(102);
  for (const Split* split : {&dataset.train, &dataset.test}) {
    if (!split->labels) continue;
    for (const std::int32_t label : split->labels->as<std::int32_t>())
      seen[static_cast<std::size_t>(label)] = true;
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 102);
}

TEST_F(RealData, FashionMnist) {
  const Dataset dataset = path("fashion_mnist").empty()
                              ? Dataset{}
                              : load("fashion_mnist", {.download = false, .index = false});
  if (dataset.train.size() == 0) GTEST_SKIP() << "Fashion-MNIST is not here";
  EXPECT_EQ(dataset.train.size(), 60'000);
  EXPECT_EQ(dataset.classes[static_cast<std::size_t>(dataset.train.labels->as<std::int32_t>()[0])],
            "Ankle boot");
}

}  // namespace
}  // namespace treino::data
