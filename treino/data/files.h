// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/base/host_bytes.h"

namespace treino::data {

bool is_file(const std::string& path);
bool is_folder(const std::string& path);
std::string join(const std::string& folder, const std::string& name);
// Names in a folder, sorted; hidden ones left out. Throws Error::work when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);

// A whole file. Throws Error::mistake when there is none, Error::work when reading fails.
HostBytes read_file(const std::string& path);
// A whole file, unpacked when its first bytes say gzip. Throws Error::mistake when it ends early.
HostBytes read_maybe_gzip(const std::string& path);

// Name, size and time of a file's last change; differs when the file does.
std::string stamp_of(const std::string& path);

// Hex SHA-256 of a file, read piece by piece.
std::string sha256_of_file(const std::string& path);

}  // namespace treino::data
