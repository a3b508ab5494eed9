// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/load.h"

namespace treino::data {

// A folder with one subfolder of PNG or JPEG pictures a class, or train/ and test/ folders of such.
bool is_image_folder(const std::string& folder);
// Fills train, test, classes (the folders' names, sorted), warnings (files that are no pictures by
// their names) and broken (pictures that cannot be read).
void read_image_folder(const std::string& folder, const LoadOptions& options, Dataset& dataset);
// The pictures it would read.
std::vector<std::string> image_folder_files(const std::string& folder);

}  // namespace treino::data
