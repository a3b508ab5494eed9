// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/dataset.h"

namespace treino::data {

// A table of numbers with a label in its last column ("label" or "class" in a header names another;
// `label_first` says the first). Labels are names or integers; classes are numbered in order of
// number or first appearance. Separator: comma, semicolon or tab, found in the first line.
// Samples f32 [n, features]. Everything goes to dataset.train; throws Error::mistake with file:line.
struct CsvLayout {
  bool label_first = false;
};
void read_csv(const std::string& path, const CsvLayout& layout, Dataset& dataset);

}  // namespace treino::data
