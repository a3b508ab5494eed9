// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/data/catalogue.h"

namespace treino::data {

// The binary files of CIFAR-10 (data_batch_*.bin, test_batch.bin; a record is one label byte and
// three planes of 32 x 32) and CIFAR-100 (train.bin, test.bin; coarse and fine label), loose in the
// folder, in its usual subfolder, or in a .tar.gz.
struct CifarLayout {
  const char* subfolder;     // "cifar-10-batches-bin"
  const char* archive;       // "cifar-10-binary.tar.gz"
  const char* train_prefix;  // training files begin with it, in order of their names
  const char* test_name;
  const char* names_file;  // class names, one a line
  int classes;
  int coarse_classes = 0;  // a record begins with the label of one of these; 0: it does not
  const char* coarse_names_file = "";
};
extern const CifarLayout kCifar10, kCifar100;
extern const Row kCifar10Row, kCifar100Row;

// The archive, or the loose files, that `folder` holds; empty when it holds neither.
std::vector<std::string> cifar_files(const std::string& folder, const CifarLayout& layout);
// Images u8 [n, 32, 32, 3]; fills train, test and, where the names file is there, classes.
void read_cifar(const std::string& folder, const CifarLayout& layout, Dataset& dataset);

const std::vector<std::string>& cifar100_coarse_names();
const std::vector<std::string>& cifar100_fine_names();

}  // namespace treino::data
