// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/tiny_sets.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/data/files.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;
using namespace tiny;

void check_cifar10(const Dataset& dataset) {
  EXPECT_EQ(dataset.train.samples->shape, (Shape{3, 32, 32, 3}));
  EXPECT_EQ(dataset.train.samples->as<std::uint8_t>()[1], 20);
  EXPECT_EQ(dataset.train.samples->as<std::uint8_t>()[2 * 3072], 7);
  EXPECT_EQ(label_of(dataset.train, 2), 5);
  EXPECT_EQ(dataset.test.size(), 1);
  EXPECT_EQ(dataset.classes[9], "truck");
}

TEST(Cifar, ReadsPlanesAsChannelsLastLooseOrPacked) {
  TemporaryFolder loose, packed, excerpt;
  loose.write("data_batch_1.bin", cifar_record(3, 10, 20, 30) + cifar_record(4, 1, 2, 3));
  loose.write("data_batch_2.bin", cifar_record(5, 7, 8, 9));
  loose.write("test_batch.bin", cifar_record(9, 0, 0, 0));
  packed.write("cifar-10-binary.tar.gz", cifar10_archive());
  excerpt.write("cifar-10-binary-excerpt.tar.gz", cifar10_archive());
  for (const TemporaryFolder* folder : {&loose, &packed, &excerpt}) {
    const Dataset dataset = load("cifar10", {.folder = folder->path()});
    check_cifar10(dataset);
    EXPECT_THAT(dataset.warnings[0], HasSubstr("4 of 60000 samples are here: an excerpt"));
  }
  check_cifar10(load("cifar10", {.folder = loose.path()}));
  EXPECT_EQ(load(loose.path()).classes[9], "truck");  // a path of one's own in the same format
}

// Loose files are read piece by piece: every record of a file of several pieces is where it
// belongs.
TEST(Cifar, FilesOfManyRecordsAreReadWhole) {
  constexpr int kRecords = 600;
  TemporaryFolder folder;
  std::string bytes;
  const auto color = [](int record, int plane) {
    return static_cast<char>((record * 7 + plane * 31) % 251);
  };
  for (int i = 0; i < kRecords; ++i)
    bytes += cifar_record(static_cast<char>(i % 10), color(i, 0), color(i, 1), color(i, 2));
  folder.write("data_batch_1.bin", bytes);
  folder.write("data_batch_2.bin", cifar_record(5, 7, 8, 9));
  folder.write("test_batch.bin", cifar_record(9, 0, 0, 0));
  const Dataset dataset = load("cifar10", {.folder = folder.path()});
  ASSERT_EQ(dataset.train.size(), kRecords + 1);
  for (int i = 0; i < kRecords; ++i) {
    EXPECT_EQ(label_of(dataset.train, i), i % 10) << i;
    for (int plane = 0; plane < 3; ++plane) {
      for (int pixel : {0, 1023}) {
        const int at = i * 3072 + pixel * 3 + plane;
        EXPECT_EQ(dataset.train.samples->as<std::uint8_t>()[static_cast<std::size_t>(at)],
                  static_cast<std::uint8_t>(color(i, plane)))
            << i;
      }
    }
  }
  EXPECT_EQ(label_of(dataset.train, kRecords), 5);
}

TEST(Files, PiecesOfAFileThatShrankAreAnError) {
  TemporaryFolder folder;
  folder.write("a.bin", "0123456789");
  const std::string path = join(folder.path(), "a.bin");
  std::string pieces;
  const auto take = [&](std::span<const std::byte> piece) {
    for (std::byte byte : piece) pieces += static_cast<char>(byte);
    pieces += '|';
  };
  read_in_pieces(path, size_of_file(path), 4, take);
  EXPECT_EQ(pieces, "0123|4567|89|");
  EXPECT_THAT(error_of([&] { read_in_pieces(path, 11, 4, take); }, Fault::work),
              HasSubstr("ends at byte 10 of 11"));
}

TEST(Cifar, HundredHasFineAndCoarseLabels) {
  TemporaryFolder folder;
  folder.write("cifar-100-binary.tar.gz", cifar100_archive());
  const Dataset fine = load("cifar100", {.folder = folder.path()});
  EXPECT_EQ(fine.classes.size(), 100U);
  EXPECT_EQ(fine.classes[static_cast<std::size_t>(label_of(fine.train, 1))], "worm");
  EXPECT_EQ(fine.train.samples->as<std::uint8_t>()[3],
            static_cast<std::uint8_t>((1 * 3 + 3) % 255));
  EXPECT_EQ(fine.train.samples->as<std::uint8_t>()[4],
            static_cast<std::uint8_t>((1 * 4 + 4) % 255));
  ASSERT_EQ(fine.other_labels.size(), 1U);
  EXPECT_EQ(fine.other_labels[0].name, "coarse");

  const Dataset coarse = load("cifar100:coarse", {.folder = folder.path()});
  EXPECT_EQ(coarse.classes.size(), 20U);
  EXPECT_EQ(coarse.classes[static_cast<std::size_t>(label_of(coarse.train, 0))],
            "fruit_and_vegetables");
  EXPECT_EQ(coarse.classes[static_cast<std::size_t>(label_of(coarse.train, 1))],
            "non-insect_invertebrates");
  EXPECT_EQ(label_of(coarse.test, 0), 1);
  EXPECT_EQ(coarse.train.samples->bytes, fine.train.samples->bytes);
  EXPECT_NE(digest(coarse), digest(fine));
  EXPECT_THAT(error_of([&] { load("cifar100:middle", {.folder = folder.path()}); }),
              HasSubstr("has no labels \"middle\"; it has cifar100:coarse"));
}

TEST(Cifar, NamesFilesOfTheArchiveWin) {
  TemporaryFolder folder;
  std::string names;
  for (int i = 0; i < 100; ++i) names += "class" + std::to_string(i) + "\r\n";
  folder.write("cifar-100-binary/train.bin", cifar100_record(0, 7, 1));
  folder.write("cifar-100-binary/test.bin", cifar100_record(0, 8, 1));
  folder.write("cifar-100-binary/fine_label_names.txt", names);
  EXPECT_EQ(load("cifar100", {.folder = folder.path()}).classes[7], "class7");
}

TEST(Cifar, NamesWhatIsWrong) {
  TemporaryFolder folder;
  const auto error = [&] { return error_of([&] { load("cifar10", {.folder = folder.path()}); }); };
  folder.write("test_batch.bin", cifar_record(9, 0, 0, 0));
  EXPECT_THAT(error(), HasSubstr("no training files data_batch_*.bin"));
  folder.write("data_batch_1.bin", cifar_record(3, 1, 2, 3).substr(1));
  EXPECT_THAT(error(),
              HasSubstr("data_batch_1.bin: 3072 bytes is not a whole number of 3073-byte records"));
  folder.write("data_batch_1.bin", cifar_record(3, 1, 2, 3) + cifar_record(11, 1, 2, 3));
  EXPECT_THAT(error(), HasSubstr("data_batch_1.bin: at byte 3073: label 11"));
  folder.write("data_batch_1.bin", "");
  EXPECT_THAT(error(), HasSubstr("data_batch_1.bin: 0 bytes"));

  TemporaryFolder archive, other, coarse;
  archive.write("cifar-10-binary.tar.gz", "no archive");
  EXPECT_THAT(error_of([&] { load("cifar10", {.folder = archive.path()}); }),
              HasSubstr("cifar-10-binary.tar.gz"));
  other.write("cifar-10-binary.tar.gz", imdb_archive());
  EXPECT_THAT(error_of([&] { load("cifar10", {.folder = other.path()}); }),
              HasSubstr("holds no data_batch_*.bin"));
  coarse.write("train.bin", cifar100_record(20, 7, 1));
  coarse.write("test.bin", cifar100_record(0, 7, 1));
  EXPECT_THAT(error_of([&] { load("cifar100", {.folder = coarse.path()}); }),
              HasSubstr("train.bin: at byte 0: label 20"));
}

}  // namespace
}  // namespace treino::data
