// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/dataset.h"

namespace treino::data {

struct CsvLayout {
  bool label_first = false;
  std::string label;        // the label column's name in the header; empty: see below
  std::size_t columns = 0;  // that every row must have; 0: as the first row
  int most_classes = 0;     // more are an error; 0: any number
};

// A table of numbers with a label in its last column (the first when layout says so; one that a
// header calls "label" or "class"; one named by layout.label). Labels are names or integers;
// classes are numbered in order of number or first appearance. Cells may stand in double quotes, a
// quote inside doubled. Separator: comma, semicolon or tab, found in the first line. Plain or gzip.
// Samples f32 [n, features]. Everything goes to dataset.train; throws Error::mistake with
// file:line.
void read_csv(const std::string& path, const CsvLayout& layout, Dataset& dataset);

}  // namespace treino::data
