// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "treino/base/host_tensor.h"
#include "treino/data/row_file.h"
#include "treino/data/texts.h"

namespace treino::data {

// Samples and their labels, in file order. Images are u8 [n, height, width, channels]; tables of
// numbers are f32 [n, features]; text has `texts` and no `samples`. Labels are i32 [n], class
// indices; questions and answers have none. Shared, so that a device on the host's memory can read
// the tensors where they are.
struct Split {
  std::shared_ptr<const HostTensor> samples;
  std::shared_ptr<const HostTensor> labels;
  std::shared_ptr<const Texts> texts;
  std::shared_ptr<const RowFile> file;  // instead of samples: they are read as they are wanted
  Shape sample() const {                // of one
    const Shape& all = file ? file->shape() : samples->shape;
    return all.sub(1, all.rank());
  }
  DType type() const { return file ? file->dtype() : samples->dtype; }
  std::int64_t size() const { return labels ? labels->shape[0] : texts ? texts->rows() : 0; }
};

// Other labels of the same samples, e.g. CIFAR-100's twenty coarse classes.
struct Labelling {
  std::string name;
  std::vector<std::string> classes;
  std::shared_ptr<const HostTensor> train, test;  // i32 [n]
};

struct Dataset {
  std::string name;                   // catalogue name, or the folder's name
  std::string origin;                 // where it was read from, for people
  std::vector<std::string> classes;   // names by label
  std::vector<std::string> features;  // names of a table's columns, where they are known
  std::int64_t label_column = -1;     // where a table's file has its label; -1: not known
  Split train;
  Split test;                           // empty when the set has none
  Split unlabelled;                     // samples without labels, where the set has such
  bool undivided = false;               // nothing says which samples are the test: all are in train
  std::vector<Labelling> other_labels;  // of train and test
  std::string sha256;  // hex, over the decoded set (docs/events.md); empty: not yet known
  std::vector<std::string> warnings;  // one line each, for people
  std::vector<std::string> broken;    // files that were left out, "path: why"

  bool is_text() const { return train.texts != nullptr; }
};

}  // namespace treino::data
