// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/archives.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/data/load.h"
#include "treino/data/split.h"
#include "treino/format/npy.h"
#include "treino/format/safetensors.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

TEST(Csv, NumbersNamesHeadersAndSeparators) {
  TemporaryFolder folder;
  const std::string rows = "height;class;width\n1;b;2\n3;a;4\n5;b;6\n7;a;8\n9;b;1\n2;a;3\n";
  for (const char separator : {';', ',', '\t'}) {
    std::string text = rows;
    std::replace(text.begin(), text.end(), ';', separator);
    for (const std::string& bytes : {text, test::gzip(text)}) {
      const Dataset dataset = load(folder.write("t.csv", bytes), {.test_fraction = 0.34});
      EXPECT_EQ(dataset.classes, (std::vector<std::string>{"b", "a"}));
      EXPECT_EQ(dataset.features, (std::vector<std::string>{"height", "width"}));
      EXPECT_EQ(dataset.train.samples->shape, (Shape{4, 2}));
      EXPECT_EQ(dataset.test.size(), 2);
    }
  }
}

TEST(Csv, LabelColumnByNameAndQuotedCells) {
  TemporaryFolder folder;
  const std::string path = folder.write(
      "t.tsv", "\xef\xbb\xbf\"a \"\"1\"\"\"\tspecies\tb\r\n1\t\"x, y\"\t.5\r\n+2\tz\t-3e2\r\n");
  const Dataset dataset = load(path, {.test_fraction = 0, .label = "species"});
  EXPECT_EQ(dataset.features, (std::vector<std::string>{"a \"1\"", "b"}));
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"x, y", "z"}));
  EXPECT_EQ(dataset.train.samples->as<float>()[1], 0.5F);
  EXPECT_EQ(dataset.train.samples->as<float>()[2], 2.0F);
  EXPECT_EQ(dataset.train.samples->as<float>()[3], -300.0F);
  EXPECT_THAT(
      error_of([&] { load(path, {.label = "specis"}); }),
      HasSubstr("t.tsv:1: there is no column \"specis\" for the label; did you mean \"species\"?"));
}

TEST(Csv, AHeaderMayHoldNumbersBesideTheLabelsName) {
  TemporaryFolder folder;
  const std::string rows = "1,2,a\n3,4,b\n";
  const Dataset dataset = load(folder.write("t.csv", "0,1,label\n" + rows), {.test_fraction = 0});
  EXPECT_EQ(dataset.train.size(), 2);
  EXPECT_EQ(dataset.features, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(dataset.label_column, 2);
  const std::string years = folder.write("y.csv", "2019,kind,2020\n1,a,2\n3,b,4\n");
  EXPECT_EQ(load(years, {.test_fraction = 0, .label = "kind"}).label_column, 1);
  EXPECT_THAT(error_of([&] { load(folder.write("h.csv", "height,2019,kind\n" + rows)); }),
              HasSubstr("h.csv:1: column 1: \"height\" is not a number; if the row holds the "
                        "columns' names, say which is the label's with input.label"));
}

TEST(Csv, CellsOfATsvFileMayHoldCommas) {
  TemporaryFolder folder;
  const Dataset dataset =
      load(folder.write("t.tsv", "1\t2\tbig, red\n3\t4\tsmall\n"), {.test_fraction = 0});
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"big, red", "small"}));
  EXPECT_EQ(dataset.train.samples->shape, (Shape{2, 2}));
}

TEST(Csv, ClassesAreInUtf8) {
  TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { load(folder.write("t.csv", "1,caf\xe9\n2,tea\n")); }),
              HasSubstr("the class \"caf\\xe9\" is not in UTF-8; rename it, or convert the file"));
}

TEST(Csv, NamesLineAndColumn) {
  TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    return error_of([&] { load(folder.write("a.csv", text)); });
  };
  EXPECT_THAT(error("1,2,x\n1,abc,y\n"), HasSubstr("a.csv:2: column 2: \"abc\" is not a number"));
  EXPECT_THAT(error("1,2,x\n1,y\n"), HasSubstr("a.csv:2: 2 columns where the first row has 3"));
  EXPECT_THAT(error("1,2,x\n1,2,\n"), HasSubstr("a.csv:2: the label is empty"));
  EXPECT_THAT(error("1,2,x\n1,nan,y\n"), HasSubstr("a.csv:2: column 2: \"nan\" is not a number"));
  EXPECT_THAT(error("1,2,x\n1e99,2,y\n"), HasSubstr("a.csv:2: column 1: 1e99 is too large"));
  EXPECT_THAT(error("1,2,\"x\n"), HasSubstr("a.csv:1: a quoted cell has no closing quote"));
  EXPECT_THAT(error(std::string("1,2,x\n1\0,2,y\n", 13)),
              HasSubstr("a.csv: at byte 7: a zero byte"));
  EXPECT_THAT(error(""), HasSubstr("no row of data"));
}

TEST(Uci, OtherFilesAreRefused) {
  TemporaryFolder folder;
  folder.write("iris.data",
               "5.1,3.5,1.4,0.2,Iris-setosa\n1,14.23,1.71,2.43,15.6,127,2.8,3.06,.28,2.29,5.64,1."
               "04,3.92,1065\n");
  EXPECT_THAT(error_of([&] { load("iris", {.folder = folder.path()}); }),
              HasSubstr("iris.data:2: 14 columns where each row has 5"));
  folder.write("iris.data", "5,3,1,0,a\n5,3,1,0,b\n5,3,1,0,c\n5,3,1,0,d\n");
  EXPECT_THAT(error_of([&] { load("iris", {.folder = folder.path()}); }),
              HasSubstr("iris.data:4: label \"d\" is one too many"));
}

HostTensor numbers(DType type, const Shape& shape) {
  HostTensor tensor(type, shape);
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.elements()); ++i) {
    if (type == DType::f32) tensor.as<float>()[i] = static_cast<float>(i) / 4;
    if (type == DType::u8) tensor.as<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
    if (type == DType::i64) tensor.as<std::int64_t>()[i] = static_cast<std::int64_t>(i % 2);
  }
  return tensor;
}

std::string npy_bytes(const HostTensor& tensor) {
  TemporaryFolder folder;
  format::write_npy(folder / "x.npy", tensor);
  std::ifstream file(folder / "x.npy", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Arrays, NumpyFilesArchivesAndSafetensors) {
  TemporaryFolder folder;
  const HostTensor x = numbers(DType::u8, {10, 3, 2}), y = numbers(DType::i64, {10});
  format::write_npy(folder / "x.npy", x);
  format::write_npy(folder / "y.npy", y);
  const std::string npz = folder.write("set.npz", test::archive_of({{"x_train.npy", npy_bytes(x)},
                                                                    {"y_train.npy", npy_bytes(y)},
                                                                    {"x_test.npy", npy_bytes(x)},
                                                                    {"y_test.npy", npy_bytes(y)}},
                                                                   test::Packing::zip));
  format::write_safetensors(folder / "set.safetensors",
                            {{{"samples", numbers(DType::f32, {10, 7})}, {"labels", y}}, {}});
  const Dataset loose = load(folder.path());
  EXPECT_EQ(loose.train.samples->shape, (Shape{8, 3, 2, 1}));
  EXPECT_EQ(loose.test.size(), 2);
  EXPECT_EQ(loose.classes.size(), 2U);
  const Dataset packed = load(npz);
  EXPECT_EQ(packed.train.samples->bytes, x.bytes);
  EXPECT_EQ(packed.test.size(), 10);
  const Dataset tensors = load(folder / "set.safetensors");
  EXPECT_EQ(tensors.train.samples->dtype, DType::f32);
  EXPECT_EQ(tensors.train.samples->shape, (Shape{8, 7}));
}

TEST(Arrays, OneHotLabelsAreClassNumbers) {
  TemporaryFolder folder;
  HostTensor samples(DType::f32, Shape{3, 2}), labels(DType::f32, Shape{3, 4});
  for (const std::size_t one : {2U, 4U, 11U}) labels.as<float>()[one] = 1;
  format::SafeTensors contents;
  contents.tensors.emplace_back("x_train", std::move(samples));
  contents.tensors.emplace_back("y_train", std::move(labels));
  format::write_safetensors(folder / "hot.safetensors", contents);
  for (const Stream stream : {Stream::never, Stream::always}) {
    const Dataset set = load(folder / "hot.safetensors", {.test_fraction = 0, .stream = stream});
    const auto numbers = set.train.labels->as<std::int32_t>();
    EXPECT_EQ(std::vector<std::int32_t>(numbers.begin(), numbers.end()),
              (std::vector<std::int32_t>{2, 0, 3}));
  }
}

TEST(Arrays, NamesWhatIsWrong) {
  TemporaryFolder folder;
  const auto error = [&](const HostTensor& x, const HostTensor& y) {
    format::write_safetensors(folder / "s.safetensors", {{{"x", x}, {"y", y}}, {}});
    return error_of([&] { load(folder / "s.safetensors"); });
  };
  const HostTensor x = numbers(DType::f32, {4, 2});
  EXPECT_THAT(error(x, numbers(DType::i64, {3})),
              HasSubstr("s.safetensors:y: 3 labels for 4 samples"));
  EXPECT_THAT(error(x, numbers(DType::f32, {4, 2})),
              HasSubstr("row 0 is not one-hot; wanted are [n], a class number each"));
  EXPECT_THAT(error(x, numbers(DType::f32, {4})),
              HasSubstr("label 0.25 of sample 1 is no class number"));
  EXPECT_THAT(error(numbers(DType::f32, {4}), numbers(DType::i64, {4})),
              HasSubstr("samples of shape [4] cannot be used"));
  EXPECT_THAT(error(numbers(DType::u8, {4, 2, 2, 2}), numbers(DType::i64, {4})),
              HasSubstr("pictures have 1 or 3 channels"));
  HostTensor bad = x;
  bad.as<float>()[5] = NAN;
  EXPECT_THAT(error(bad, numbers(DType::i64, {4})),
              HasSubstr("s.safetensors:x: element 5 is not a finite number"));
  format::write_safetensors(folder / "n.safetensors", {{{"weights", x}}, {}});
  EXPECT_THAT(error_of([&] { load(folder / "n.safetensors"); }), HasSubstr("it holds: weights"));
}

TEST(Split, FoldsAreStratifiedAndCoverEverything) {
  HostTensor labels(DType::i32, Shape{100});
  for (std::size_t i = 0; i < 100; ++i) labels.as<std::int32_t>()[i] = i < 20 ? 0 : i < 50 ? 1 : 2;
  const auto folds = stratified_folds(labels, 5, 7);
  int counts[5][3] = {};
  for (std::size_t i = 0; i < 100; ++i) ++counts[folds[i]][labels.as<std::int32_t>()[i]];
  for (const auto& fold : counts) EXPECT_THAT(fold, testing::ElementsAre(4, 6, 10));
  EXPECT_EQ(folds, stratified_folds(labels, 5, 7));
  EXPECT_NE(folds, stratified_folds(labels, 5, 8));
  EXPECT_THAT(error_of([&] { stratified_folds(labels, 21, 7); }),
              HasSubstr("class 0 has 20 samples, fewer than 21 folds"));
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

}  // namespace
}  // namespace treino::data
