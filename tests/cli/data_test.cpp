// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/data/pictures.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace treino::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(DataCommand, ListIsATableOrJson) {
  TemporaryFolder home;
  const Invocation list{.arguments = {"data", "list"},
                        .environment = {"XDG_CACHE_HOME=" + home.path(), "TREINO_DATA="}};
  const Outcome table = run_treino(list);
  EXPECT_EQ(table.exit, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("yelp_polarity_reviews"));
  Invocation json = list;
  json.arguments.push_back("--json");
  const auto sets = nlohmann::json::parse(run_treino(json).out);
  ASSERT_EQ(sets.size(), 12U);
  EXPECT_EQ(sets[0]["name"], "mnist");
  EXPECT_EQ(sets[0]["train"], 60000);
  EXPECT_EQ(sets[4]["variant"], "cifar100:coarse");
  EXPECT_TRUE(sets[9]["recipe"].is_null());
}

TEST(DataCommand, ShowSumsUpAndDrawsASheet) {
  TemporaryFolder folder;
  for (const char* name : {"cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"}) {
    folder.write(name, data::pictures::jpeg(data::pictures::halves(16, 16, 3, 20, 200)));
  }
  folder.write("dog/3.jpg", "");
  const Outcome shown = run_treino({"data", "show", folder.path(), "-o", folder / "sheet.png"});
  EXPECT_EQ(shown.exit, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("each [16, 16, 3] u8"));
  EXPECT_THAT(shown.out, HasSubstr("red: mean 0.4"));
  EXPECT_THAT(shown.out, HasSubstr("1 broken files were left out"));
  EXPECT_THAT(shown.out, Not(HasSubstr("\x1b")));  // no terminal, no drawing
  EXPECT_EQ(data::read_image(folder / "sheet.png").shape[2], 3);
  EXPECT_EQ(run_treino({"data", "show", folder.path(), "--strict"}).exit, 2);
  EXPECT_THAT(run_treino({"data", "show", folder.path(), "--draw", "blocks"}).out,
              HasSubstr("\u2580"));
  EXPECT_THAT(run_treino({"data", "show", folder.path(), "--draw", "sixel"}).out,
              HasSubstr("\x1bPq\"1;1;"));
  const Outcome two = run_treino({"data", "show", folder.path(), "--crop", "8", "--pad", "8"});
  EXPECT_EQ(two.exit, 2);
  EXPECT_THAT(two.err, HasSubstr("use one of"));
  EXPECT_THAT(run_treino({"data", "show", folder.path(), "--crop", "8x12"}).out,
              HasSubstr("each [8, 12, 3]"));
  EXPECT_EQ(run_treino({"data", "show", folder.path(), "--crop", "8y"}).exit, 2);
}

TEST(DataCommand, ShowPrintsRowsOfTablesAndTexts) {
  TemporaryFolder folder;
  folder.write("t.csv", "width,kind\n1.5,round\n2.5,square\n");
  const Outcome table = run_treino({"data", "show", folder / "t.csv"});
  EXPECT_THAT(table.out, HasSubstr("width: mean"));
  EXPECT_THAT(table.out, HasSubstr("round"));
  folder.write("train.csv", "\"2\",\"Fine\\nplace\"\n");
  const Outcome text =
      run_treino({"data", "show", "yelp_polarity_reviews", "--data", folder.path()});
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("positive   Fine place"));
  EXPECT_THAT(text.err, HasSubstr("1 of 598000 samples are here: an excerpt"));
}

TEST(DataCommand, PathVerifyGetAndRm) {
  TemporaryFolder home;
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "data");
    return run_treino({.arguments = std::move(arguments),
                       .environment = {"XDG_CACHE_HOME=" + home.path(), "TREINO_DATA="}});
  };
  EXPECT_EQ(run({"path"}).out, home / "treino\n");
  EXPECT_EQ(run({"path", "wine"}).exit, 2);
  home.write("treino/wine/wine.data", "1,2\n");
  EXPECT_EQ(run({"path", "wine"}).out, home / "treino/wine\n");
  const Outcome verified = run({"verify", "wine"});
  EXPECT_EQ(verified.exit, 1);
  EXPECT_EQ(verified.out, "wine wine.data: differs\n");
  EXPECT_EQ(run({"rm", "wine"}).exit, 0);
  EXPECT_FALSE(std::filesystem::exists(home / "treino/wine"));
  const Outcome unknown = run({"get", "mnits"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean \"mnist\"?"));
  EXPECT_EQ(run({}).exit, 2);
}

TEST(DataCommand, TrainsOnPicturesOfManySizes) {
  TemporaryFolder folder;
  for (int i = 0; i < 12; ++i) {
    const std::string name = std::to_string(i) + ".jpg";
    folder.write("photos/dark/" + name,
                 data::pictures::jpeg(data::pictures::halves(20 + i, 30, 3, 10, 40)));
    folder.write("photos/light/" + name,
                 data::pictures::jpeg(data::pictures::halves(30, 20 + i, 1, 240, 200)));
  }
  folder.write("photos/light/broken.jpg", "");
  folder.write("r.toml",
               "name = \"r\"\ndata = \"photos\"\n[input]\ncrop = [12, 16]\n[[model]]\nflatten = "
               "{}\n[[model]]\n"
               "dense = { units = 2, activation = \"softmax\" }\n[train]\nepochs = 3\nbatch = "
               "4\nvalidation = 0.2\n"
               "class_weights = \"balanced\"\n");
  const Outcome trained = run_treino({"train", "r.toml", "--out", "run"}, folder.path());
  EXPECT_EQ(trained.exit, 0) << trained.err;
  EXPECT_THAT(trained.err, HasSubstr("1 broken files were left out"));
  EXPECT_THAT(run_treino({"train", "r.toml", "--strict"}, folder.path()).err,
              HasSubstr("broken.jpg: is empty"));
  EXPECT_EQ(run_treino({"eval", "run"}, folder.path()).exit, 0);
  const Outcome named = run_treino({"predict", "run", "photos/dark/3.jpg"}, folder.path());
  EXPECT_EQ(named.exit, 0) << named.err;
  EXPECT_THAT(named.err,
              Not(HasSubstr("resized")));  // brought to size as the training pictures were
  EXPECT_EQ(run_treino({"train", "r.toml", "--folds", "2", "--out", "folds"}, folder.path()).exit,
            0);
  EXPECT_TRUE(std::filesystem::exists(folder / "folds/fold-2/model.safetensors"));
  EXPECT_THAT(run_treino({"train", "r.toml", "--folds", "99"}, folder.path()).err,
              HasSubstr("fewer than 99 folds"));
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));  // looked at before a folder is made
  EXPECT_THAT(run_treino({"train", "r.toml", "--set", "input.pad=4"}, folder.path()).err,
              HasSubstr("use one of input.resize"));
}

}  // namespace
}  // namespace treino::test
