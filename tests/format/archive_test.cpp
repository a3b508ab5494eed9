// SPDX-License-Identifier: Apache-2.0
#include "treino/format/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/archives.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/rng.h"
#include "treino/format/byte_source.h"

namespace treino::format {
namespace {

using test::archive_of;
using test::ArchiveFile;
using test::error_of;
using test::Packing;
using test::TemporaryFolder;
using testing::HasSubstr;

std::vector<ArchiveFile> contents_of(const std::string& bytes) {
  Archive archive("a.tgz", bytes);
  std::vector<ArchiveFile> files;
  while (const auto name = archive.next()) files.push_back({*name, archive.read_text()});
  return files;
}

std::string noise(std::size_t count) {
  Rng rng(3, 3);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += static_cast<char>(rng.below(256));
  return text;
}

TEST(Archive, TarGzAndZipFilesInOrder) {
  const std::string large = noise(700'000);
  for (const auto packing : {Packing::tar, Packing::tar_gz, Packing::zip}) {
    const auto files =
        contents_of(archive_of({{"a/one", "1"}, {"a/b/two", large}, {"empty", ""}}, packing));
    ASSERT_EQ(files.size(), 3U);
    EXPECT_EQ(files[0].name, "a/one");
    EXPECT_EQ(files[1].contents, large);
    EXPECT_EQ(files[2].contents, "");
  }
}

TEST(Archive, FilesThatAreNotReadAreSteppedOver) {
  TemporaryFolder folder;
  Archive archive(folder.write("x.tgz", archive_of({{"skip", noise(300'000)}, {"take", "yes"}})));
  archive.next();
  archive.next();
  EXPECT_EQ(archive.place(), folder / "x.tgz:take");
  EXPECT_EQ(archive.read_text(), "yes");
  EXPECT_FALSE(archive.next());
}

TEST(Archive, NamesThatLeadOutAreRefused) {
  for (const char* name : {"../evil", "a/../../evil", "/etc/passwd", "a/..", "..", "a\\..\\b"}) {
    for (const auto packing : {Packing::tar_gz, Packing::zip}) {
      EXPECT_THAT(error_of([&] {
                    contents_of(archive_of({{"good", "x"}, {name, "x"}}, packing));
                  }),
                  HasSubstr("its name leads out of the archive"))
          << name;
    }
  }
  EXPECT_EQ(contents_of(archive_of({{"a..b/..c", "fine"}})).size(), 1U);
}

TEST(Archive, LinksAreRefused) {
  EXPECT_THAT(error_of([&] {
                contents_of(archive_of({{"data.csv", "/etc/passwd", AE_IFLNK}}));
              }),
              HasSubstr("a.tgz:data.csv: is a link or a device"));
}

TEST(Archive, BombsAreRefused) {
  // 80 MB of zeros pack into less than 100 KB.
  const std::string bomb = archive_of({{"zeros", std::string(80'000'000, '\0')}});
  ASSERT_LT(bomb.size(), 100'000U);
  EXPECT_THAT(error_of([&] { contents_of(bomb); }),
              HasSubstr("far more than this archive can hold"));
  std::string claims = archive_of({{"zeros", std::string(1000, 'x')}}, Packing::tar);
  claims.replace(124, 11, "77777777777");  // a tar header's size, octal: 8 GiB
  unsigned sum = 0;
  claims.replace(148, 8, "        ");
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(claims[i]);
  claims.replace(148, 8, [&] {
    char text[9];
    std::snprintf(text, sizeof text, "%06o", sum);
    return std::string(text, 7) + " ";
  }());
  EXPECT_THAT(error_of([&] { contents_of(claims); }), HasSubstr("claims 8589934591 bytes"));
}

TEST(Archive, EveryTruncationIsAMistake) {
  const std::string whole = archive_of({{"a", noise(5'000)}, {"b", noise(3'000)}});
  for (std::size_t i = 0; i < 64; ++i) {
    const std::size_t length = whole.size() * i / 64;
    EXPECT_THAT(error_of([&] { contents_of(whole.substr(0, length)); }), HasSubstr("a.tgz"))
        << length;
  }
}

TEST(Archive, EveryFlippedByteIsFoundByTheChecksum) {
  const auto files = std::vector<ArchiveFile>{{"a", noise(2'000)}, {"b", std::string(5'000, 'b')}};
  for (const auto packing : {Packing::tar_gz, Packing::zip}) {
    const std::string whole = archive_of(files, packing);
    Rng rng(5, 5);
    for (int i = 0; i < 200; ++i) {
      std::string damaged = whole;
      const std::size_t at = rng.below(damaged.size());
      damaged[at] = static_cast<char>(damaged[at] ^ (1 + static_cast<int>(rng.below(255))));
      try {
        const auto read = contents_of(damaged);
        // What is not covered by a checksum (times, permissions, a zip's names) may differ unseen;
        // contents may not.
        for (const auto& file : read)
          EXPECT_TRUE(file.contents == files[0].contents || file.contents == files[1].contents)
              << at;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("a.tgz"));
      }
    }
  }
}

TEST(ByteSource, GzipMembersPaddingAndPlainBytes) {
  const auto read = [](const std::string& bytes) {
    ByteSource source("x", bytes);
    std::string text;
    for (auto piece = source.next(); !piece.empty(); piece = source.next()) text += piece;
    return text;
  };
  const std::string large = noise(600'000);
  EXPECT_EQ(read(large), large);
  EXPECT_EQ(read(test::gzip(large)), large);
  EXPECT_EQ(read(test::gzip("one ") + test::gzip("two") + std::string(20, '\0')), "one two");
  EXPECT_EQ(read(test::gzip("")), "");
  EXPECT_EQ(read(""), "");
  std::string wrong_sum = test::gzip("checked");
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  EXPECT_THAT(error_of([&] { read(wrong_sum); }), HasSubstr("the gzip data is damaged"));
}

}  // namespace
}  // namespace treino::format
