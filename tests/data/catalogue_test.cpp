// SPDX-License-Identifier: Apache-2.0
#include "treino/data/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/support/environment.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

TEST(Catalogue, HasTheTwelveSets) {
  std::vector<std::string> names;
  for (const Entry& entry : list()) names.push_back(entry.name);
  EXPECT_THAT(names, testing::ElementsAre("mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100",
                                          "caltech101", "iris", "wine", "imdb_reviews", "squad",
                                          "yelp_full_reviews", "yelp_polarity_reviews"));
}

TEST(Catalogue, EveryRowIsComplete) {
  std::set<std::string> sums;
  for (const Row* row : catalogue()) {
    SCOPED_TRACE(row->name);
    for (const char* text : {row->title, row->licence, row->citation, row->sample})
      EXPECT_GT(std::string(text).size(), 2U);
    EXPECT_GT(row->train, 0);
    EXPECT_TRUE(row->classes >= 2 || row->kind == Kind::questions);
    EXPECT_FALSE(row->addresses.empty());
    for (const std::string address : row->addresses)
      EXPECT_EQ(address.rfind("http", 0), 0U) << address;
    EXPECT_FALSE(row->files.empty());
    for (const FileRow& file : row->files) {
      EXPECT_GT(file.bytes, 0);
      EXPECT_TRUE(sums.insert(file.sha256).second) << "a checksum stands twice";
      EXPECT_EQ(std::string(file.sha256).size(), 64U);
      EXPECT_EQ(std::string(file.sha256).find_first_not_of("0123456789abcdef"), std::string::npos);
    }
    if (row->recipe[0] != '\0') {
      EXPECT_TRUE(std::filesystem::exists(std::string(TREINO_SOURCE_DIR "/recipes/") + row->recipe +
                                          ".toml"));
    }
    TemporaryFolder empty;
    EXPECT_TRUE(row->sources(empty.path()).empty());
    EXPECT_TRUE(row->sources(empty / "nothing").empty());
    EXPECT_THAT(error_of([&] { load(row->name, {.folder = empty.path()}); }),
                HasSubstr(row->files[0].name));
  }
}

TEST(Catalogue, UnknownNamesAreCorrected) {
  EXPECT_THAT(error_of([] { load("mnits"); }), HasSubstr("did you mean \"mnist\"?"));
  EXPECT_THAT(error_of([] { path("irsi"); }), HasSubstr("did you mean \"iris\"?"));
}

TEST(Catalogue, SearchOrderIsDataFolderThenCache) {
  TemporaryFolder data, cache;
  const test::Environment a("TREINO_DATA", data.path()), b("XDG_CACHE_HOME", cache.path());
  EXPECT_EQ(path("wine"), "");
  cache.write("treino/wine/wine.data", "1,2\n");
  EXPECT_EQ(path("wine"), cache / "treino/wine");
  data.write("wine/wine.data", "1,2\n");
  EXPECT_EQ(path("wine"), data / "wine");
  data.write("imdb/aclImdb_v1.tar.gz", "x");
  EXPECT_EQ(path("imdb_reviews"), data / "imdb");
  EXPECT_THAT(error_of([] { load("squad", {.download = false}); }),
              HasSubstr("treino data get squad"));
}

TEST(Catalogue, VerifyComparesChecksums) {
  TemporaryFolder data;
  const test::Environment environment("TREINO_DATA", data.path());
  data.write("wine/wine.data", "1,2\n");
  const auto verdicts = verify("wine");
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_EQ(verdicts[0].state, "differs");
  data.write("squad/train-v1.1.json", "{}");
  EXPECT_EQ(verify("squad")[0].state, "differs");
  EXPECT_EQ(verify("squad")[1].state, "missing");
}

}  // namespace
}  // namespace treino::data
