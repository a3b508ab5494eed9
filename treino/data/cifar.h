// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/dataset.h"

namespace treino::data {

// The binary files of CIFAR-10 (data_batch_*.bin, test_batch.bin; a record is one label byte and
// three planes of 32 x 32) and CIFAR-100 (train.bin, test.bin; coarse and fine label), loose in the
// folder, in its usual subfolder, or in a .tar.gz.
struct CifarLayout {
  const char* subfolder;       // "cifar-10-batches-bin"
  const char* archive;         // "cifar-10-binary.tar.gz"
  const char* train_prefix;    // training files begin with it, in order of their names
  const char* test_name;
  const char* names_file;      // class names, one a line
  int label_bytes;             // a record's labels; the last one counts
  int classes;
};
extern const CifarLayout kCifar10;
extern const CifarLayout kCifar100;

bool has_cifar(const std::string& folder, const CifarLayout& layout);
// Images u8 [n, 32, 32, 3]; fills train, test and, where the names file is there, classes.
void read_cifar(const std::string& folder, const CifarLayout& layout, Dataset& dataset);

}  // namespace treino::data
