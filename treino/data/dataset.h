// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "treino/base/host_tensor.h"

namespace treino::data {

// Samples and their labels, in file order. Images are u8 [n, height, width, channels]; tables of
// numbers are f32 [n, features]. Labels are i32 [n], class indices. Shared, so that a device on the
// host's memory can read the tensors where they are.
struct Split {
  std::shared_ptr<const HostTensor> samples;
  std::shared_ptr<const HostTensor> labels;
  std::int64_t size() const { return labels ? labels->shape[0] : 0; }
};

struct Dataset {
  std::string name;                  // catalogue name, or the folder's name
  std::string origin;                // where it was read from, for people
  std::vector<std::string> classes;  // names by label
  Split train;
  Split test;                        // empty when the set has none
  std::string sha256;                // hex, over the decoded set: interface.md section 4
  std::vector<std::string> warnings; // one line each, for people
};

}  // namespace treino::data
