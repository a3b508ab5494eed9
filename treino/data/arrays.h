// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/data/load.h"

namespace treino::data {

// Sets as arrays: an .npz or .safetensors file, or a folder of .npy files. Samples are called
// x_train, train_images, train.samples, x, samples, images or data; labels y_train, train_labels,
// train.labels, y, labels or target; the test part's alike with "test". Bytes [n, h, w] or
// [n, h, w, c] are pictures; other numbers are f32, [n, features...]. Labels are whole numbers from
// 0, [n] or [n, 1]. Without a test part, options split one off.
bool is_array_file(const std::string& path);
// The folder's arrays; empty when it holds no set.
std::vector<std::string> array_files(const std::string& folder);
void read_arrays(const std::string& path, const LoadOptions& options, Dataset& dataset);

}  // namespace treino::data
