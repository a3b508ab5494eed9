// SPDX-License-Identifier: Apache-2.0
// What is done with a trained run: eval and predict.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"
#include "tests/support/small_recipe.h"
#include "treino/data/generated.h"
#include "treino/data/load.h"

namespace treino::test {
namespace {

using testing::HasSubstr;

// One training for all tests of this file.
class UseRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_small_recipe(*folder_);
    const Outcome trained = run_treino(
        {"train", "small.toml", "--out", "runs/small", "--epochs", "6"}, folder_->path());
    ASSERT_EQ(trained.exit, 0) << trained.err;
  }
  static void TearDownTestSuite() { delete folder_; }

  static Outcome treino(std::vector<std::string> arguments) {
    return run_treino(std::move(arguments), folder_->path());
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* UseRun::folder_ = nullptr;

TEST_F(UseRun, EvalPrintsClassesAndConfusion) {
  const Outcome text = treino({"eval", "latest"});
  ASSERT_EQ(text.exit, 0) << text.err;
  for (const char* said : {"accuracy", "precision", "recall", "F1", "confusion", "falling"}) {
    EXPECT_THAT(text.out, HasSubstr(said));
  }
}

TEST_F(UseRun, EvalAsJsonAddsUp) {
  const auto json = nlohmann::json::parse(treino({"eval", "runs/small", "--json"}).out);
  std::int64_t all = 0, right = 0;
  for (std::size_t c = 0; c < json.at("confusion").size(); ++c) {
    for (std::int64_t count : json["confusion"][c]) all += count;
    right += json["confusion"][c][c].get<std::int64_t>();
  }
  EXPECT_EQ(all, json.at("samples"));
  EXPECT_DOUBLE_EQ(static_cast<double>(right) / static_cast<double>(all), json.at("accuracy"));
  EXPECT_EQ(json.at("classes").size(), 4U);
  const auto train =
      nlohmann::json::parse(treino({"eval", "runs/small", "--json", "--split", "train"}).out);
  EXPECT_EQ(train.at("samples"), 600);
}

TEST_F(UseRun, PredictNamesAPicture) {
  const data::Dataset set = data::generate("generated:images");
  HostTensor picture(DType::u8, Shape{12, 12, 1});
  const auto pixels = set.test.samples->as<std::uint8_t>();
  std::copy_n(pixels.begin(), 144, picture.as<std::uint8_t>().begin());
  data::write_png(*folder_ / "one.png", picture);
  const Outcome one = treino({"predict", "latest", "one.png", "--top", "2", "--json"});
  ASSERT_EQ(one.exit, 0) << one.err;
  const auto json = nlohmann::json::parse(one.out);
  EXPECT_EQ(json.at("top").size(), 2U);
  EXPECT_GE(json["top"][0].at("probability"), json["top"][1].at("probability"));
  EXPECT_EQ(json.at("class"), json["top"][0].at("class"));
  const auto label = static_cast<std::size_t>(set.test.labels->as<std::int32_t>()[0]);
  EXPECT_EQ(json.at("class"), set.classes[label]);
}

TEST_F(UseRun, PredictResizesAndSaysSo) {
  HostTensor picture(DType::u8, Shape{30, 20, 3});
  data::write_png(*folder_ / "large.png", picture);
  const Outcome outcome = treino({"predict", "latest", "large.png"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("20x30"));
}

TEST_F(UseRun, PredictRefusesWhatIsNoPicture) {
  folder_->write("words.png", "this is text");
  folder_->write("rows.csv", "1,2,3\n");
  EXPECT_THAT(treino({"predict", "latest", "words.png"}).err, HasSubstr("words.png"));
  EXPECT_EQ(treino({"predict", "latest", "words.png"}).exit, 2);
  EXPECT_THAT(treino({"predict", "latest", "rows.csv"}).err, HasSubstr("pictures"));
  EXPECT_EQ(treino({"predict", "latest", "missing.png"}).exit, 2);
}

TEST_F(UseRun, PredictRowsOfATable) {
  folder_->write("blobs.toml",
                 "data = \"generated:blobs\"\n[[model]]\ndense = { units = 3, activation = "
                 "\"softmax\" }\n[train]\nepochs = 20\n");
  ASSERT_EQ(treino({"train", "blobs.toml", "--out", "blobs"}).exit, 0);
  folder_->write("rows.csv", "a,b,c,d\n1,2,3,4\n-1,0.5,2,1\n");
  const Outcome outcome = treino({"predict", "blobs", "rows.csv", "--top", "3"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2);
  EXPECT_THAT(outcome.out, HasSubstr("rows.csv:2"));
  folder_->write("bad.csv", "1,2,3,4\n1,2,x,4\n");
  EXPECT_THAT(treino({"predict", "blobs", "bad.csv"}).err, HasSubstr("bad.csv:2"));
  folder_->write("narrow.csv", "1,2\n");
  EXPECT_THAT(treino({"predict", "blobs", "narrow.csv"}).err, HasSubstr("narrow.csv:1"));
}

TEST_F(UseRun, DamagedRunsAreNamed) {
  namespace fs = std::filesystem;
  fs::copy(*folder_ / "runs/small", *folder_ / "damaged", fs::copy_options::recursive);
  fs::resize_file(*folder_ / "damaged/model.safetensors", 100);
  const Outcome outcome = treino({"eval", "damaged"});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.err, HasSubstr("damaged/model.safetensors"));
}

}  // namespace
}  // namespace treino::test
