// SPDX-License-Identifier: Apache-2.0
// The data sets the product knows by name: one row each (catalogue.cpp).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "treino/data/load.h"

namespace treino::data {

struct FileRow {
  const char* name;           // as published
  std::int64_t bytes;
  const char* sha256;         // hex; of the member when one is named
  const char* archive = "";   // the .zip to fetch when the file is a member of one
};

struct Row {
  const char* name;
  const char* title;
  const char* licence;
  const char* citation;
  std::int64_t train, test;
  int classes;
  std::span<const char* const> addresses;  // folders on the web, tried in order; the first is official
  std::span<const FileRow> files;
  const char* system_folder;               // where a distribution's package puts it, or ""
  bool (*is_in)(const std::string& folder);                                   // its files are there
  void (*read)(const std::string& folder, const LoadOptions&, Dataset&);
};

std::span<const Row> catalogue();
// The row of that name; null when there is none.
const Row* find_row(std::string_view name);

}  // namespace treino::data
