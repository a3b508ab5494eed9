// SPDX-License-Identifier: Apache-2.0
// The data sets the product knows by name. Each has a row in a file of its own (mnist.cpp ...) and
// a line in catalogue.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "treino/data/load.h"

namespace treino::data {

struct FileRow {
  const char* name;  // as published
  std::int64_t bytes;
  const char* sha256;        // hex; of the member when one is named
  const char* archive = "";  // the .zip to fetch when the file is a member of one
};

struct Row {
  const char* name;
  const char* title;
  const char* licence;
  const char* citation;
  Kind kind;
  const char* sample;  // what one sample is, for people: "28 x 28 x 1"
  std::int64_t train, test;
  int classes;  // 0: questions and answers have none
  // On the web, tried in order. One that ends in / is a folder with the files; others are the file.
  std::span<const char* const> addresses;
  std::span<const FileRow> files;
  // The files in `folder` that read() would use; empty when it does not hold the set.
  std::vector<std::string> (*sources)(const std::string& folder);
  void (*read)(const std::string& folder, const LoadOptions&, Dataset&);
  const char* recipe = "";         // trains it: `treino train <recipe>`
  const char* alias = "";          // another name it goes by
  const char* variant = "";        // "name:variant" has other labels
  const char* system_folder = "";  // where a distribution's package puts it
  Geometry geometry = {};          // of pictures of many sizes, unless the caller says another
};

std::span<const Row* const> catalogue();
// The row of that name or alias, variant or not; null when there is none.
const Row* find_row(std::string_view name);

}  // namespace treino::data
