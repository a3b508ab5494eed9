// SPDX-License-Identifier: Apache-2.0
// Tiny files in the real formats of the data sets.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "tests/support/archives.h"
#include "treino/data/load.h"

namespace treino::data::tiny {

inline std::string big_endian(std::initializer_list<std::uint32_t> words) {
  std::string bytes;
  for (const std::uint32_t word : words) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(word >> shift);
  }
  return bytes;
}

inline std::string pixels(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(i * 7 % 251);
  return bytes;
}

// MNIST: three pictures of 2 x 4.
inline const std::string kImages = big_endian({0x803, 3, 2, 4}) + pixels(24);
inline const std::string kLabels = big_endian({0x801, 3}) + std::string("\x02\x00\x09", 3);

inline std::string plane(std::size_t seed) {
  std::string bytes(1024, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>((i * seed + seed) % 255);
  return bytes;
}
inline std::string flat_planes(char red, char green, char blue) {
  return std::string(1024, red) + std::string(1024, green) + std::string(1024, blue);
}
inline std::string cifar_record(char label, char red, char green, char blue) {
  return label + flat_planes(red, green, blue);
}
inline std::string cifar100_record(char coarse, char fine, std::size_t seed) {
  return std::string{coarse, fine} + plane(seed) + plane(seed + 1) + plane(seed + 2);
}

inline std::string cifar10_archive() {
  std::vector<test::ArchiveFile> files;
  const auto add = [&](const std::string& name, const std::string& contents) {
    files.push_back({"cifar-10-batches-bin/" + name, contents});
  };
  add("data_batch_2.bin", cifar_record(5, 7, 8, 9));  // archives do not keep the order
  add("test_batch.bin", cifar_record(9, 0, 0, 0));
  add("data_batch_1.bin", cifar_record(3, 10, 20, 30) + cifar_record(4, 1, 2, 3));
  add("readme.html", "<p>not read</p>");
  return test::archive_of(files);
}

inline std::string cifar100_archive() {
  return test::archive_of(
      {{"cifar-100-binary/test.bin", cifar100_record(1, 2, 9)},
       {"cifar-100-binary/train.bin", cifar100_record(4, 0, 3) + cifar100_record(13, 99, 5)}});
}

inline std::string imdb_archive() {
  return test::archive_of(
      {{"aclImdb/README", "no review"},
       {"aclImdb/test/neg/0_2.txt", "Dreadful."},
       {"aclImdb/test/pos/0_10.txt", "Lovely."},
       {"aclImdb/train/urls_pos.txt", "http://nowhere"},
       {"aclImdb/train/pos/12416_10.txt", "A joy.<br /><br />Tr\xc3\xa8s bien."},
       {"aclImdb/train/neg/3_1.txt", "Two hours lost."},
       {"aclImdb/train/unsup/0_0.txt", "Who knows?"}});
}

inline const std::string kYelpTrain =
    "\"5\",\"Best \\\"\"pie\\\"\" in town.\\nGo, now!\"\n"
    "\"1\",\"Cold, and \"\"slow\"\".\"\n";
inline const std::string kYelpTest = "\"2\",\"Meh.\"\n";

inline std::string yelp_archive(const std::string& folder, const std::string& train,
                                const std::string& test) {
  return test::archive_of({{folder + "/readme.txt", "about"},
                           {folder + "/train.csv", train},
                           {folder + "/test.csv", test}});
}

inline const std::string kSquadTrain =
    R"({"data":[{"title":"Ada","paragraphs":[{"context":"Für Ada wrote notes.","qas":[)"
    R"({"id":"a1","question":"Who?","answers":[{"answer_start":4,"text":"Ada"},{"answer_start":0,"text":"Für Ada"}]}]}]},)"
    R"({"title":"Bo","paragraphs":[{"context":"Bo ran.","qas":[)"
    R"({"id":"b1","question":"What?","answers":[{"answer_start":3,"text":"ran"}]}]}]}],"version":"1.1"})";

inline std::string text_of(const Split& split, std::int64_t row, std::size_t column = 0) {
  return std::string(split.texts->at(row, column));
}
inline std::int32_t label_of(const Split& split, std::size_t row) {
  return split.labels->as<std::int32_t>()[row];
}

}  // namespace treino::data::tiny
