// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/tiny_sets.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino::data {
namespace {

using test::error_of;
using test::gzip;
using test::TemporaryFolder;
using testing::HasSubstr;
using namespace tiny;

void write_idx(const TemporaryFolder& folder, const std::string& images,
               const std::string& labels) {
  folder.write("train-images-idx3-ubyte", images);
  folder.write("train-labels-idx1-ubyte", labels);
}

Dataset load_mnist(const TemporaryFolder& folder) {
  return load("mnist", {.folder = folder.path()});
}

TEST(Idx, ReadsPlainAndPackedAlike) {
  TemporaryFolder plain, packed;
  write_idx(plain, kImages, kLabels);
  packed.write("train-images-idx3-ubyte.gz", gzip(kImages));
  packed.write("train-labels-idx1-ubyte.gz", gzip(kLabels));
  const Dataset a = load_mnist(plain), b = load_mnist(packed);
  EXPECT_EQ(a.train.samples->shape, (Shape{3, 2, 4, 1}));
  EXPECT_EQ(a.train.samples->as<std::uint8_t>()[23], 23 * 7 % 251);
  EXPECT_EQ(a.train.labels->as<std::int32_t>()[2], 9);
  EXPECT_EQ(a.train.samples->bytes, b.train.samples->bytes);
  EXPECT_EQ(digest(a), digest(b));
  EXPECT_EQ(a.test.size(), 0);
  EXPECT_EQ(load("kmnist", {.folder = plain.path()}).classes[9], "wo");
  EXPECT_EQ(load("kuzushiji_mnist", {.folder = plain.path()}).classes[0], "o");
}

TEST(Idx, SeveralGzipMembersAreOneFile) {
  TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte.gz", gzip(kImages.substr(0, 9)) + gzip(kImages.substr(9)));
  folder.write("train-labels-idx1-ubyte.gz", gzip(kLabels));
  EXPECT_EQ(load_mnist(folder).train.samples->as<std::uint8_t>()[23], 23 * 7 % 251);
}

TEST(Idx, FolderOfOnesOwn) {
  TemporaryFolder folder;
  write_idx(folder, kImages, kLabels);
  folder.write("t10k-images-idx3-ubyte", kImages);
  folder.write("t10k-labels-idx1-ubyte", kLabels);
  const Dataset dataset = load(folder.path());
  EXPECT_EQ(dataset.classes.size(), 10U);
  EXPECT_EQ(dataset.test.size(), 3);
}

TEST(Idx, ClassesAreThoseOfBothParts) {
  TemporaryFolder folder;
  write_idx(folder, kImages, kLabels);
  std::string labels = kLabels;
  labels.back() = '\x0c';
  folder.write("t10k-images-idx3-ubyte", kImages);
  folder.write("t10k-labels-idx1-ubyte", labels);
  EXPECT_EQ(load(folder.path()).classes.size(), 13U);
}

TEST(Idx, EveryTruncationIsAClearMistake) {
  const std::string packed = gzip(kImages);
  for (std::size_t length = 0; length < kImages.size(); ++length) {
    TemporaryFolder folder;
    write_idx(folder, kImages.substr(0, length), kLabels);
    EXPECT_THAT(error_of([&] { load_mnist(folder); }), HasSubstr("train-images-idx3-ubyte"));
  }
  for (std::size_t length = 0; length < packed.size(); ++length) {
    TemporaryFolder folder;
    folder.write("train-images-idx3-ubyte.gz", packed.substr(0, length));
    folder.write("train-labels-idx1-ubyte", kLabels);
    EXPECT_THAT(error_of([&] { load_mnist(folder); }), HasSubstr("train-images-idx3-ubyte.gz"));
  }
}

TEST(Idx, NamesWhatIsWrong) {
  TemporaryFolder swapped, short_labels, bad_label, huge, other_size;
  write_idx(swapped, kLabels, kImages);
  EXPECT_THAT(error_of([&] { load_mnist(swapped); }),
              HasSubstr("are the image and label files swapped?"));
  write_idx(short_labels, kImages, big_endian({0x801, 2}) + std::string(2, '\0'));
  EXPECT_THAT(error_of([&] { load_mnist(short_labels); }), HasSubstr("has 2 labels"));
  write_idx(bad_label, kImages, big_endian({0x801, 3}) + std::string("\x02\x0a\x09", 3));
  EXPECT_THAT(error_of([&] { load_mnist(bad_label); }),
              HasSubstr("at byte 9: label 10 of sample 1 is outside 0..9"));
  write_idx(huge, big_endian({0x803, 0xffffffff, 0xffffffff, 0xffffffff}), kLabels);
  EXPECT_THAT(error_of([&] { load_mnist(huge); }), HasSubstr("makes no sense"));
  write_idx(other_size, kImages, kLabels);
  other_size.write("t10k-images-idx3-ubyte", big_endian({0x803, 3, 1, 1}) + "abc");
  other_size.write("t10k-labels-idx1-ubyte", kLabels);
  EXPECT_THAT(error_of([&] { load_mnist(other_size); }),
              HasSubstr("t10k-images-idx3-ubyte: its images are [1, 1]"));
}

}  // namespace
}  // namespace treino::data
