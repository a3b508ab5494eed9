// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libdeflate.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/rng.h"
#include "treino/data/load.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

std::string big_endian(std::initializer_list<std::uint32_t> words) {
  std::string bytes;
  for (std::uint32_t word : words) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(word >> shift);
  }
  return bytes;
}

std::string gzip(const std::string& text) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string packed(libdeflate_gzip_compress_bound(compressor, text.size()), '\0');
  packed.resize(libdeflate_gzip_compress(compressor, text.data(), text.size(), packed.data(), packed.size()));
  libdeflate_free_compressor(compressor);
  return packed;
}

std::string pixels(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(i * 7 % 251);
  return bytes;
}

const std::string kImages = big_endian({0x803, 3, 2, 4}) + pixels(24);
const std::string kLabels = big_endian({0x801, 3}) + std::string("\x02\x00\x09", 3);

void write_idx(const TemporaryFolder& folder, const std::string& images, const std::string& labels) {
  folder.write("train-images-idx3-ubyte", images);
  folder.write("train-labels-idx1-ubyte", labels);
}

Dataset load_mnist(const TemporaryFolder& folder) { return load("mnist", {.folder = folder.path()}); }

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
  TemporaryFolder swapped, short_labels, bad_label, huge;
  write_idx(swapped, kLabels, kImages);
  EXPECT_THAT(error_of([&] { load_mnist(swapped); }), HasSubstr("are the image and label files swapped?"));
  write_idx(short_labels, kImages, big_endian({0x801, 2}) + std::string(2, '\0'));
  EXPECT_THAT(error_of([&] { load_mnist(short_labels); }), HasSubstr("has 2 labels"));
  write_idx(bad_label, kImages, big_endian({0x801, 3}) + std::string("\x02\x0a\x09", 3));
  EXPECT_THAT(error_of([&] { load_mnist(bad_label); }), HasSubstr("at byte 9: label 10 of sample 1 is outside 0..9"));
  write_idx(huge, big_endian({0x803, 0xffffffff, 0xffffffff, 0xffffffff}), kLabels);
  EXPECT_THAT(error_of([&] { load_mnist(huge); }), HasSubstr("makes no sense"));
}

std::string cifar_record(char label, char red, char green, char blue) {
  return label + std::string(1024, red) + std::string(1024, green) + std::string(1024, blue);
}

TEST(Cifar, ReadsPlanesAsChannelsLast) {
  TemporaryFolder folder;
  folder.write("data_batch_1.bin", cifar_record(3, 10, 20, 30) + cifar_record(4, 1, 2, 3));
  folder.write("data_batch_2.bin", cifar_record(5, 7, 8, 9));
  folder.write("test_batch.bin", cifar_record(9, 0, 0, 0));
  const Dataset dataset = load("cifar10", {.folder = folder.path()});
  EXPECT_EQ(dataset.train.samples->shape, (Shape{3, 32, 32, 3}));
  EXPECT_EQ(dataset.train.samples->as<std::uint8_t>()[1], 20);
  EXPECT_EQ(dataset.train.samples->as<std::uint8_t>()[2 * 3072], 7);
  EXPECT_EQ(dataset.train.labels->as<std::int32_t>()[2], 5);
  EXPECT_EQ(dataset.test.size(), 1);
  EXPECT_EQ(dataset.classes[9], "truck");
}

TEST(Cifar, NamesWhatIsWrong) {
  TemporaryFolder folder;
  folder.write("test_batch.bin", cifar_record(9, 0, 0, 0));
  folder.write("data_batch_1.bin", cifar_record(3, 1, 2, 3).substr(1));
  EXPECT_THAT(error_of([&] { load("cifar10", {.folder = folder.path()}); }), HasSubstr("not a whole number of 3073-byte records"));
  folder.write("data_batch_1.bin", cifar_record(3, 1, 2, 3) + cifar_record(11, 1, 2, 3));
  EXPECT_THAT(error_of([&] { load("cifar10", {.folder = folder.path()}); }), HasSubstr("at byte 3073: label 11"));
  TemporaryFolder archive;
  archive.write("cifar-10-binary.tar.gz", "no archive");
  EXPECT_THAT(error_of([&] { load("cifar10", {.folder = archive.path()}); }), HasSubstr("damaged or ends early"));
}

TEST(Csv, NumbersNamesHeadersAndSeparators) {
  TemporaryFolder folder;
  const std::string path = folder.write("t.csv", "height;class;width\n1;b;2\n3;a;4\n5;b;6\n7;a;8\n9;b;1\n2;a;3\n");
  const Dataset dataset = load(path, {.test_fraction = 0.34});
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(dataset.train.samples->shape, (Shape{4, 2}));
  EXPECT_EQ(dataset.test.size(), 2);
}

TEST(Csv, NamesLineAndColumn) {
  TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { load(folder.write("a.csv", "1,2,x\n1,abc,y\n")); }),
              HasSubstr("a.csv:2: column 2: \"abc\" is not a number"));
  EXPECT_THAT(error_of([&] { load(folder.write("b.csv", "1,2,x\n1,y\n")); }), HasSubstr("b.csv:2: 2 columns where"));
  EXPECT_THAT(error_of([&] { load(folder.write("c.csv", "")); }), HasSubstr("no row of data"));
}

HostTensor picture(std::int64_t side, std::uint8_t value) {
  HostTensor image(DType::u8, Shape{side, side, 3});
  for (auto& pixel : image.as<std::uint8_t>()) pixel = value;
  return image;
}

TEST(ImageFolder, OneFolderAClass) {
  TemporaryFolder folder;
  for (const char* name : {"cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"}) {
    folder.write(name, "");
    write_png(folder / name, picture(4, name[0] == 'c' ? 10 : 200));
  }
  folder.write("dog/notes.txt", "no picture");
  const Dataset dataset = load(folder.path(), {.test_fraction = 0.5});
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset.train.samples->shape, (Shape{2, 4, 4, 3}));
  EXPECT_EQ(dataset.test.size(), 2);
  ASSERT_EQ(dataset.warnings.size(), 1u);
  EXPECT_THAT(dataset.warnings[0], HasSubstr("notes.txt"));

  write_png(folder / "dog/2.png", picture(5, 0));
  EXPECT_THAT(error_of([&] { load(folder.path()); }), HasSubstr("is 5x5"));
  EXPECT_EQ(load(folder.path(), {.image_size = 6}).train.samples->shape[1], 6);
  folder.write("dog/2.jpg", "this is text");
  EXPECT_THAT(error_of([&] { load(folder.path(), {.image_size = 6}); }), HasSubstr("neither a PNG nor a JPEG"));
  folder.write("dog/2.jpg", "\xff\xd8 but the rest is text");
  EXPECT_THAT(error_of([&] { load(folder.path(), {.image_size = 6}); }), HasSubstr("2.jpg"));
}

TEST(ImageFolder, NeedsClasses) {
  TemporaryFolder empty, one;
  EXPECT_THAT(error_of([&] { load(empty.path()); }), HasSubstr("holds no data set"));
  one.write("cat/x.txt", "");
  EXPECT_THAT(error_of([&] { load(one.path()); }), HasSubstr("1 class folders"));
  EXPECT_THAT(error_of([&] { load(one / "nothing"); }), HasSubstr("there is no such file or folder"));
}

TEST(Image, RoundTripAndResize) {
  TemporaryFolder folder;
  HostTensor image(DType::u8, Shape{3, 5, 3});
  Rng rng(1, 1);
  for (auto& pixel : image.as<std::uint8_t>()) pixel = static_cast<std::uint8_t>(rng.below(256));
  write_png(folder / "a.png", image);
  EXPECT_EQ(read_image(folder / "a.png").bytes, image.bytes);
  EXPECT_EQ(read_image(folder / "a.png", 1).shape, (Shape{3, 5, 1}));
  const HostTensor flat = resize_image(picture(4, 77), 9, 3);
  EXPECT_EQ(flat.shape, (Shape{9, 3, 3}));
  for (std::uint8_t pixel : flat.as<std::uint8_t>()) EXPECT_EQ(pixel, 77);
}

TEST(Generated, IsTheSameEverywhere) {
  const Dataset a = load("generated:images:50:20"), b = load("generated:images:50:20");
  EXPECT_EQ(a.train.samples->shape, (Shape{50, 12, 12, 1}));
  EXPECT_EQ(a.test.size(), 20);
  EXPECT_EQ(a.train.samples->bytes, b.train.samples->bytes);
  EXPECT_NE(a.train.samples->bytes[0], a.test.samples->bytes[0]);
  EXPECT_THAT(error_of([] { load("generated:moons"); }), HasSubstr("generated:blobs"));
  EXPECT_THAT(error_of([] { load("generated:blobs:x"); }), HasSubstr("not a number of samples"));
}

TEST(Catalogue, UnknownNamesAreCorrected) {
  EXPECT_THAT(error_of([] { load("mnits"); }), HasSubstr("did you mean \"mnist\"?"));
  TemporaryFolder empty;
  EXPECT_THAT(error_of([&] { load("mnist", {.folder = empty.path()}); }), HasSubstr("train-images-idx3-ubyte.gz"));
}

TEST(RealData, MnistHasItsPublishedMean) {
  if (std::getenv("TREINO_DATA") == nullptr) GTEST_SKIP() << "TREINO_DATA is not set";
  const Dataset dataset = load("mnist", {.download = false});
  ASSERT_EQ(dataset.train.size(), 60'000);
  ASSERT_EQ(dataset.test.size(), 10'000);
  double sum = 0;
  for (std::uint8_t pixel : dataset.train.samples->as<std::uint8_t>()) sum += pixel;
  EXPECT_NEAR(sum / 255 / (60'000.0 * 784), 0.13066048, 1e-8);
  for (const Verdict& verdict : verify("mnist")) EXPECT_EQ(verdict.state, "ok") << verdict.file;
}

TEST(RealData, CifarFromAnArchive) {
  if (std::getenv("TREINO_DATA") == nullptr) GTEST_SKIP() << "TREINO_DATA is not set";
  const Dataset dataset = load("cifar10", {.download = false});
  const auto red = dataset.train.samples->as<std::uint8_t>();
  EXPECT_EQ(dataset.train.labels->as<std::int32_t>()[0], 6);
  EXPECT_EQ((std::array{red[0], red[3], red[6], red[9]}), (std::array<std::uint8_t, 4>{59, 43, 50, 68}));
}

TEST(RealData, IrisAndWine) {
  if (std::getenv("TREINO_DATA") == nullptr) GTEST_SKIP() << "TREINO_DATA is not set";
  const Dataset iris = load("iris", {.download = false}), wine = load("wine", {.download = false});
  EXPECT_EQ(iris.train.size() + iris.test.size(), 150);
  EXPECT_EQ(iris.classes[0], "Iris-setosa");
  EXPECT_EQ(wine.train.samples->shape[1], 13);
  EXPECT_EQ(wine.classes, (std::vector<std::string>{"1", "2", "3"}));
}

}  // namespace
}  // namespace treino::data
