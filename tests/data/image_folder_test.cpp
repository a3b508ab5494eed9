// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/data/pictures.h"
#include "tests/support/archives.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;
using namespace pictures;

void put_png(const TemporaryFolder& folder, const std::string& name, const HostTensor& image) {
  folder.write(name, "");
  write_png(folder / name, image);
}

void put_four(const TemporaryFolder& folder) {
  for (const char* name : {"cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"}) {
    put_png(folder, name, plain(4, name[0] == 'c' ? 10 : 200));
  }
}

TEST(ImageFolder, OneFolderAClass) {
  TemporaryFolder folder;
  put_four(folder);
  folder.write("dog/notes.txt", "no picture");
  const Dataset dataset = load(folder.path(), {.test_fraction = 0.5});
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset.train.samples->shape, (Shape{2, 4, 4, 3}));
  EXPECT_EQ(dataset.test.size(), 2);
  ASSERT_EQ(dataset.warnings.size(), 1U);
  EXPECT_THAT(dataset.warnings[0], HasSubstr("notes.txt"));
}

TEST(ImageFolder, AClassThatOnlyTheTestPartHasIsNamed) {
  TemporaryFolder folder;
  for (const char* name :
       {"train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/elk/1.png"})
    put_png(folder, name, plain(4, 10));
  const Dataset dataset = load(folder.path());
  EXPECT_EQ(dataset.test.size(), 1);
  ASSERT_EQ(dataset.warnings.size(), 1U);
  EXPECT_THAT(dataset.warnings[0], HasSubstr("test/elk: there is no class of that name in"));
  EXPECT_THAT(error_of([&] { load(folder.path(), {.strict = true}); }), HasSubstr("test/elk"));
}

TEST(ImageFolder, WhatCannotBeReadIsLeftOutAndListed) {
  TemporaryFolder folder;
  put_four(folder);
  std::filesystem::create_directory(folder / "cat/folder.png");
  ASSERT_EQ(mkfifo((folder / "cat/pipe.png").c_str(), 0600), 0);
  const Dataset dataset = load(folder.path(), {.test_fraction = 0});
  EXPECT_EQ(dataset.train.size(), 4);
  ASSERT_EQ(dataset.broken.size(), 2U);
  EXPECT_THAT(dataset.broken[0], HasSubstr("cat/folder.png: is no file"));
  EXPECT_THAT(dataset.broken[1], HasSubstr("cat/pipe.png: is no file"));
}

TEST(ImageFolder, SizesThatDifferNeedARule) {
  TemporaryFolder folder;
  put_four(folder);
  put_png(folder, "dog/2.png", plain(5, 0));
  EXPECT_THAT(error_of([&] { load(folder.path()); }), HasSubstr("is 5x5"));
  for (const auto fit : {Geometry::resize, Geometry::crop, Geometry::pad}) {
    EXPECT_EQ(
        load(folder.path(), {.test_fraction = 0, .geometry = {fit, 6, 8}}).train.samples->shape,
        (Shape{4, 6, 8, 3}))
        << fit;
  }
}

TEST(ImageFolder, GrayStaysGrayUnlessOneHasColour) {
  TemporaryFolder folder;
  for (const char* name : {"a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"})
    folder.write(name, jpeg(halves(8, 8, 1, 30, 220)));
  const Dataset gray = load(folder.path(), {.test_fraction = 0.5});
  EXPECT_EQ(gray.train.samples->shape, (Shape{2, 8, 8, 1}));
  EXPECT_NEAR(gray.train.samples->as<std::uint8_t>()[7], 220, 4);
  EXPECT_EQ(load(folder.path(), {.channels = 3}).train.samples->shape[3], 3);
  folder.write("b/2.jpg", jpeg(halves(8, 8, 3, 30, 220)));
  EXPECT_EQ(load(folder.path()).train.samples->shape[3], 3);
  EXPECT_EQ(load(folder.path(), {.channels = 1}).train.samples->shape[3], 1);
}

TEST(ImageFolder, BrokenPicturesAreListedOrWithStrictAnError) {
  TemporaryFolder folder;
  put_four(folder);
  put_png(folder, "cat/3.png", plain(4, 11));
  folder.write("dog/3.jpg", "");
  folder.write("dog/4.jpg", "this is text");
  folder.write("dog/5.jpg", "\xff\xd8 but the rest is text");
  const Dataset dataset = load(folder.path(), {.test_fraction = 0});
  EXPECT_EQ(dataset.train.size(), 5);
  ASSERT_EQ(dataset.broken.size(), 3U);
  EXPECT_THAT(dataset.broken[0], HasSubstr("dog/3.jpg: is empty (0 bytes)"));
  EXPECT_THAT(dataset.broken[1], HasSubstr("dog/4.jpg"));
  EXPECT_THAT(describe(dataset), testing::Contains(HasSubstr("3 broken files were left out")));
  EXPECT_THAT(error_of([&] { load(folder.path(), {.strict = true}); }), HasSubstr("dog/3.jpg"));
}

TEST(ImageFolder, TrainAndTestFolders) {
  TemporaryFolder folder;
  put_png(folder, "train/a/1.png", plain(4, 1));
  put_png(folder, "train/b/1.png", plain(4, 2));
  put_png(folder, "test/b/9.png", plain(4, 3));
  const Dataset dataset = load(folder.path());
  EXPECT_EQ(dataset.train.size(), 2);
  EXPECT_EQ(dataset.test.size(), 1);
  EXPECT_EQ(dataset.test.labels->as<std::int32_t>()[0], 1);
  put_png(folder, "test/b/9.png", plain(5, 3));
  EXPECT_THAT(error_of([&] { load(folder.path()); }), HasSubstr("its pictures are [5, 5, 3]"));
}

TEST(ImageFolder, NeedsClasses) {
  TemporaryFolder empty, one, hollow;
  EXPECT_THAT(error_of([&] { load(empty.path()); }), HasSubstr("holds no data set"));
  one.write("cat/x.txt", "");
  EXPECT_THAT(error_of([&] { load(one.path()); }), HasSubstr("1 class folders"));
  EXPECT_THAT(error_of([&] { load(one / "nothing"); }),
              HasSubstr("there is no such file or folder"));
  hollow.write("cat/x.jpg", "");
  hollow.write("dog/x.jpg", "");
  EXPECT_THAT(error_of([&] { load(hollow.path()); }),
              HasSubstr("holds no sound PNG or JPEG picture; the first one"));
}

TEST(Caltech, ManySizesStrayFilesAndChannels) {
  TemporaryFolder packed, loose;
  packed.write(
      "101_ObjectCategories.tar.gz",
      test::archive_of(
          {{"101_ObjectCategories/BACKGROUND_Google/tmp", jpeg(halves(14, 18, 3, 1, 2))},
           {"101_ObjectCategories/BACKGROUND_Google/image_0031.jpg",
            jpeg(halves(90, 120, 1, 5, 250))},
           {"101_ObjectCategories/Motorbikes/image_0001.jpg", jpeg(halves(200, 110, 3, 40, 60))}}));
  loose.write("101_ObjectCategories/BACKGROUND_Google/tmp", jpeg(halves(14, 18, 3, 1, 2)));
  loose.write("101_ObjectCategories/BACKGROUND_Google/image_0031.jpg",
              jpeg(halves(90, 120, 1, 5, 250)));
  loose.write("101_ObjectCategories/Motorbikes/image_0001.jpg", jpeg(halves(200, 110, 3, 40, 60)));
  for (const TemporaryFolder* folder : {&packed, &loose}) {
    const Dataset dataset = load("caltech101", {.folder = folder->path()});
    EXPECT_EQ(dataset.train.samples->shape, (Shape{2, 96, 96, 3}));
    EXPECT_EQ(dataset.classes.size(), 102U);
    EXPECT_EQ(dataset.classes[4], "background_google");
    EXPECT_EQ(dataset.train.labels->as<std::int32_t>()[0], 4);
    EXPECT_EQ(
        dataset.classes[static_cast<std::size_t>(dataset.train.labels->as<std::int32_t>()[1])],
        "motorbikes");
    EXPECT_TRUE(dataset.broken.empty());
  }
  const Dataset other =
      load("caltech101", {.folder = packed.path(), .geometry = {Geometry::pad, 30, 50}});
  EXPECT_EQ(other.train.samples->shape, (Shape{2, 30, 50, 3}));
  loose.write("101_ObjectCategories/Zebras/image_0001.jpg", jpeg(halves(9, 9, 3, 1, 2)));
  EXPECT_THAT(error_of([&] { load("caltech101", {.folder = loose.path()}); }),
              HasSubstr("there is no class \"zebras\""));
}

TEST(Index, LargeSetsAreReadFromTheCacheUntilTheyChange) {
  TemporaryFolder cache, folder;
  const test::Environment environment("XDG_CACHE_HOME", cache.path());
  const std::string picture = jpeg(halves(300, 300, 3, 20, 240));
  for (int i = 0; i < 20; ++i) {
    folder.write("a/" + std::to_string(i) + ".jpg", picture);
    folder.write("b/" + std::to_string(i) + ".jpg", picture);
  }
  folder.write("b/broken.jpg", "");
  const auto indexes = [&] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cache.path())) {
      count += entry.path().extension() == ".safetensors";
    }
    return count;
  };
  const Dataset first = load(folder.path());
  EXPECT_EQ(indexes(), 1U);
  const Dataset again = load(folder.path());
  EXPECT_EQ(again.train.samples->bytes, first.train.samples->bytes);
  EXPECT_EQ(again.test.labels->bytes, first.test.labels->bytes);
  EXPECT_EQ(again.classes, first.classes);
  EXPECT_EQ(again.broken, first.broken);
  EXPECT_EQ(digest(again), digest(load(folder.path(), {.index = false})));
  // Another seed draws another test part from the same index.
  const Dataset other = load(folder.path(), {.seed = 2});
  EXPECT_EQ(indexes(), 1U);
  EXPECT_EQ(digest(other), digest(load(folder.path(), {.seed = 2, .index = false})));
  EXPECT_EQ(load(folder.path(), {.test_fraction = 0.5}).test.size(), 20);
  EXPECT_EQ(indexes(), 1U);
  EXPECT_EQ(load(folder.path(), {.geometry = {Geometry::crop, 280, 280}}).train.samples->shape[1],
            280);
  EXPECT_EQ(indexes(), 2U);

  folder.write("b/broken.jpg", picture);  // another file: the old index does not fit
  const Dataset changed = load(folder.path());
  EXPECT_EQ(changed.train.size() + changed.test.size(), 41);
  EXPECT_TRUE(changed.broken.empty());
  EXPECT_EQ(indexes(), 2U);

  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(cache.path())) {  // cut off: made anew
    if (entry.path().extension() == ".safetensors")
      std::filesystem::resize_file(entry.path(), 1000);
  }
  EXPECT_EQ(load(folder.path()).train.samples->bytes, changed.train.samples->bytes);
}

}  // namespace
}  // namespace treino::data
