// SPDX-License-Identifier: Apache-2.0
// Every reader against files cut off at 64 places, with flipped bytes, empty, and of another set:
// an error that names the file, or the whole set; never less than what the file held, never a
// crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/data/pictures.h"
#include "tests/data/tiny_sets.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"
#include "treino/base/rng.h"
#include "treino/format/safetensors.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;
using namespace tiny;

struct Reader {
  const char* name;  // of the set, or "" for a path of one's own
  const char* file;  // that is damaged
  std::string good;
  bool checked = false;  // the format has a checksum: no flip may go unseen
  std::vector<test::ArchiveFile> others = {};
  // The format cannot show that whole lines are missing at its end.
  bool by_lines = false;
  // What follows the data is not needed: a zip's directory. A cut there loses nothing.
  bool spare_end = false;
};

std::ostream& operator<<(std::ostream& out, const Reader& reader) {
  return out << reader.name << " " << reader.file;
}

// NumPy's file of bytes, [rows, columns]; [rows] where there are no columns.
std::string npy(std::size_t rows, std::size_t columns) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + "," +
                       (columns > 0 ? std::to_string(columns) : std::string()) + "), }";
  header.resize(118 - 1, ' ');
  header += '\n';
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(118) + '\0' + header;
  for (std::size_t i = 0; i < rows * std::max<std::size_t>(columns, 1); ++i)
    bytes += static_cast<char>(columns > 0 ? i * 37 : i % 3);
  return bytes;
}

std::string safetensors(std::size_t rows, std::size_t columns) {
  const TemporaryFolder folder;
  HostTensor samples(DType::f32,
                     Shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}),
      labels(DType::i32, Shape{static_cast<std::int64_t>(rows)});
  for (std::size_t i = 0; i < rows; ++i) labels.as<std::int32_t>()[i] = static_cast<int>(i % 3);
  format::write_safetensors(folder / "x", {{"x", &samples}, {"y", &labels}}, {});
  return read_whole_file(folder / "x");
}

std::vector<Reader> readers() {
  std::string iris, wine, table = "a,b,label\n";
  for (int i = 0; i < 30; ++i) {
    iris += "5.1,3.5,1.4,0." + std::to_string(i) +
            (i % 3 == 0   ? ",Iris-setosa\n"
             : i % 3 == 1 ? ",Iris-versicolor\n"
                          : ",Iris-virginica\n");
    wine += std::to_string(1 + i % 3) +
            ",14.23,1.71,2.43,15.6,127,2.8,3.06,.28,2.29,5.64,1.04,3.92," +
            std::to_string(1000 + i) + "\n";
    table += std::to_string(i) + ",7," + (i % 2 == 0 ? "x" : "y") + "\n";
  }
  std::string tabs = table;
  std::replace(tabs.begin(), tabs.end(), ',', '\t');
  const std::string picture = pictures::jpeg(pictures::halves(60, 40, 3, 9, 200));
  return {
      {"mnist", "train-images-idx3-ubyte", kImages, false, {{"train-labels-idx1-ubyte", kLabels}}},
      {"mnist", "train-labels-idx1-ubyte", kLabels, false, {{"train-images-idx3-ubyte", kImages}}},
      {"mnist",
       "train-images-idx3-ubyte.gz",
       test::gzip(kImages),
       true,
       {{"train-labels-idx1-ubyte", kLabels}}},
      {"cifar10", "cifar-10-binary.tar.gz", cifar10_archive(), true},
      {"cifar10",
       "data_batch_1.bin",
       cifar_record(3, 1, 2, 3),
       false,
       {{"test_batch.bin", cifar_record(1, 2, 3, 4)}}},
      {"cifar100", "cifar-100-binary.tar.gz", cifar100_archive(), true},
      {"caltech101", "101_ObjectCategories.tar.gz",
       test::archive_of({{"101_ObjectCategories/ant/image_0001.jpg", picture},
                         {"101_ObjectCategories/ant/image_0002.jpg", picture}}),
       true},
      {"imdb_reviews", "aclImdb_v1.tar.gz", imdb_archive(), true},
      {"yelp_full_reviews", "yelp_review_full_csv.tgz", yelp_archive("y", kYelpTrain, kYelpTest),
       true},
      {"yelp_full_reviews", "train.csv", kYelpTrain, false, {}, true},
      {"squad", "train-v1.1.json", kSquadTrain},
      {"iris", "iris.data", iris, false, {}, true},
      {"wine", "wine.data", wine, false, {}, true},
      {"", "table.csv", table, false, {}, true},
      {"", "table.tsv", tabs, false, {}, true},
      {"", "table.csv.gz", test::gzip(table), true},
      {"",
       "set.npz",
       test::archive_of({{"x.npy", npy(12, 30)}, {"y.npy", npy(12, 0)}}, test::Packing::zip),
       true,
       {},
       false,
       true},
      {"", "set.safetensors", safetensors(12, 3)},
  };
}

class Damage : public testing::TestWithParam<Reader> {
 protected:
  void write(const std::string& bytes) {
    folder_.write(GetParam().file, bytes);
    for (const auto& other : GetParam().others) folder_.write(other.name, other.contents);
  }
  Dataset read() {
    LoadOptions options{.index = false};
    if (GetParam().name[0] == '\0') return load(folder_ / GetParam().file, options);
    options.folder = folder_.path();
    return load(GetParam().name, options);
  }
  std::int64_t count() {
    const Dataset dataset = read();
    return dataset.train.size() + dataset.test.size();
  }
  TemporaryFolder folder_;
};

TEST_P(Damage, CutOffAt64Places) {
  const Reader& reader = GetParam();
  write(reader.good);
  const std::int64_t whole = count();
  ASSERT_GT(whole, 0);
  Rng rng(11, 0);
  for (int i = 0; i < 64; ++i) {
    const std::size_t length = i == 0 ? 0 : rng.below(reader.good.size());
    SCOPED_TRACE(length);
    write(reader.good.substr(0, length));
    if (reader.spare_end && length > reader.good.size() / 2) {
      try {
        EXPECT_EQ(count(), whole);
        continue;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(reader.file));
        continue;
      }
    }
    // Where no format tells: a table that ends between two rows, or inside its last number.
    if (reader.by_lines && length > 0) {
      try {
        EXPECT_LE(count(), whole);
        continue;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(reader.file));
        continue;
      }
    }
    EXPECT_THAT(error_of([&] { read(); }), HasSubstr(reader.file));
  }
}

TEST_P(Damage, FlippedBytes) {
  const Reader& reader = GetParam();
  write(reader.good);
  const Dataset good = read();
  const std::int64_t whole = good.train.size() + good.test.size();
  Rng rng(12, 0);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = reader.good;
    for (std::uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.below(256));
    }
    write(bytes);
    try {
      const Dataset read_back = read();
      const std::int64_t now = read_back.train.size() + read_back.test.size();
      if (reader.checked) {
        EXPECT_EQ(digest(read_back), digest(good)) << i;  // only times and the like were hit
      } else if (!reader.by_lines && std::string(reader.name) != "squad") {
        EXPECT_EQ(now, whole) << i;
      }
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(folder_.path())) << i;
      EXPECT_EQ(error.fault(), Fault::mistake);
    }
  }
}

TEST_P(Damage, FilesOfOtherSets) {
  const Reader& reader = GetParam();
  for (const Reader& other : readers()) {
    // Any table may be one of one's own, packed or not.
    const bool own_table = std::string_view(reader.file).starts_with("table.");
    if (std::string(other.name) == reader.name ||
        ((reader.by_lines || own_table) && other.by_lines))
      continue;
    SCOPED_TRACE(other.file);
    write(other.good);
    EXPECT_THAT(error_of([&] { read(); }), HasSubstr(folder_.path()));
  }
}

INSTANTIATE_TEST_SUITE_P(Readers, Damage, testing::ValuesIn(readers()), [](const auto& info) {
  std::string name = std::string(info.param.name) + "_" + info.param.file;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

}  // namespace
}  // namespace treino::data
