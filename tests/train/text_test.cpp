// SPDX-License-Identifier: Apache-2.0
// Training, evaluation and prediction on texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"
#include "treino/backend/devices.h"
#include "treino/base/error.h"
#include "treino/base/rng.h"
#include "treino/data/load.h"
#include "treino/data/texts.h"
#include "treino/train/evaluate.h"

namespace treino::train::test {
namespace {

using treino::test::TemporaryFolder;

constexpr const char* kGood[] = {"fine", "great", "lovely"};
constexpr const char* kBad[] = {"dull", "awful", "poor"};
constexpr const char* kOther[] = {"the", "film", "was", "and", "its", "plot", "so", "very", "end"};

data::Split reviews(std::int64_t count, std::uint64_t stream) {
  Rng rng(9, stream);
  auto texts = std::make_shared<data::Texts>();
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{count});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(rng.below(2));
    std::string text;
    for (std::uint64_t words = 4 + rng.below(12); words > 0; --words)
      text += std::string(kOther[rng.below(9)]) + " ";
    text += (label == 1 ? kGood : kBad)[rng.below(3)];
    labels->as<std::int32_t>()[static_cast<std::size_t>(i)] = label;
    texts->add(text);
  }
  data::Split split;
  split.texts = texts;
  split.labels = labels;
  return split;
}

data::Dataset set() {
  data::Dataset dataset;
  dataset.name = "reviews";
  dataset.classes = {"bad", "good"};
  dataset.train = reviews(300, 1);
  dataset.test = reviews(100, 2);
  return dataset;
}

std::string recipe(const std::string& text, const std::string& layers) {
  return "name = \"reviews\"\n[input]\nshape = [20]\n" + text +
         "\n[[model]]\nembedding = { vocabulary = 300, units = 8 }\n" + layers +
         "\n[[model]]\ndense = { units = 2, activation = \"softmax\" }\n[train]\noptimizer = { "
         "adam = { rate = 0.02 } }\nbatch = 16\nepochs = 6\n";
}

class TextTraining : public testing::Test {
 protected:
  FitResult run(const std::string& text, const std::string& out, int threads = 2,
                bool resume = false, std::vector<nn::Override> overrides = {}) {
    const auto device = make_device("cpu", {.threads = threads});
    Observer silent;
    return fit(nn::parse_recipe(text, "text.toml", overrides), set(), *device,
               {.out = folder_ / out, .resume = resume}, silent);
  }
  TemporaryFolder folder_;
};

const std::string kWords = "text = { words = { vocabulary = 300, length = 20 } }";
const std::string kPairs = "text = { bpe = { vocabulary = 300, length = 20 } }";
const std::string kMean = "[[model]]\nglobal_avg_pool = {}";
const std::string kConv =
    "[[model]]\nconv1d = { filters = 8, kernel = 3, activation = \"relu\" "
    "}\n[[model]]\nglobal_max_pool = {}";

TEST_F(TextTraining, LearnsWhichWordsCount) {
  const FitResult words = run(recipe(kWords, kMean), "words");
  EXPECT_GT(words.test->accuracy, 0.95);
  EXPECT_GT(run(recipe(kWords, kConv), "conv").test->accuracy, 0.95);
  // "fine" and "film" share bytes, but pairs of them are merged by frequency; texts are cut at 20
  // pieces.
  EXPECT_GT(run(recipe(kPairs, kMean), "pairs").test->accuracy, 0.8);
}

TEST_F(TextTraining, SameBitsOnAnyNumberOfThreadsAndResumed) {
  const std::string text = recipe(kWords, kConv);
  run(text, "one", 1);
  run(text, "four", 4);
  EXPECT_TRUE(state_of(folder_ / "one") == state_of(folder_ / "four"));
  run(text, "parts", 2, false, {{"train.epochs", "2"}});
  run(text, "parts", 2, true);
  EXPECT_TRUE(state_of(folder_ / "one") == state_of(folder_ / "parts"));
}

TEST_F(TextTraining, ARunKnowsItsVocabulary) {
  const FitResult result = run(recipe(kWords, kMean), "run");
  const auto device = make_device("cpu", {.threads = 2});
  Predictor predictor(folder_ / "run", *device);
  const Evaluation evaluation = evaluate(predictor, set().test);
  EXPECT_EQ(evaluation.metrics.accuracy, result.test->accuracy);
  ASSERT_TRUE(predictor.vocabulary());
  data::Texts texts;
  texts.add("So the film was LOVELY!");
  texts.add("its plot was awful");
  texts.add("never seen words");
  const HostTensor output = predictor.predict(predictor.vocabulary()->encode(texts, 20));
  EXPECT_GT(output.as<float>()[1], 0.9F);
  EXPECT_LT(output.as<float>()[3], 0.1F);
}

TEST_F(TextTraining, MistakesNameTheRemedy) {
  const auto error = [&](const std::string& text) -> std::string {
    try {
      run(text, "bad");
    } catch (const Error& mistake) {
      EXPECT_EQ(mistake.fault(), Fault::mistake);
      return mistake.what();
    }
    return "no error";
  };
  using testing::HasSubstr;
  EXPECT_THAT(error("[input]\nshape = [20]\n[[model]]\ndense = { units = 2 }\n"),
              HasSubstr("begin the model with embedding"));
  EXPECT_THAT(error("[input]\nshape = [20]\ntext = { words = { length = 20 } "
                    "}\n[[model]]\nembedding = { vocabulary = 3, units = 2 }\n"
                    "[[model]]\nglobal_avg_pool = {}\n"),
              HasSubstr("text.toml: embedding.vocabulary is 3 but input.text's vocabulary has 17 "
                        "numbers; use 17"));
  EXPECT_THAT(error("[[model]]\nembedding = { vocabulary = 30, units = 2 "
                    "}\n[[model]]\nglobal_avg_pool = {}\n[input]\nshape = [7]\n"),
              HasSubstr("input.shape is [7] but the data's samples are [256]"));
}

// The genuine excerpt: 500 reviews to learn from, 500 to test; chance is 0.5 with a deviation of
// 0.022.
TEST_F(TextTraining, ImdbExcerptClearlyAboveChance) {
  const char* root = std::getenv("TREINO_DATA");
  if (root == nullptr || !std::filesystem::exists(std::string(root) + "/imdb"))
    GTEST_SKIP() << "TREINO_DATA has no imdb";
  const data::Dataset dataset = data::load("imdb_reviews", {.download = false, .index = false});
  nn::Recipe recipe = nn::load_recipe(TREINO_SOURCE_DIR "/recipes/imdb.toml");
  const auto device = make_device("cpu", {.threads = 2});
  Observer silent;
  const FitResult result = fit(recipe, dataset, *device, {.out = folder_ / "imdb"}, silent);
  EXPECT_GE(result.test->accuracy, 0.65);
}

}  // namespace
}  // namespace treino::train::test
