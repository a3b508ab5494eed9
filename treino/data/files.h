// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
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
// Its size. Throws as read_file does.
std::size_t size_of_file(const std::string& path);
// The first `size` bytes of a file, `most` at a time. Throws as read_file does, and Error::work
// when the file ends before.
void read_in_pieces(const std::string& path, std::size_t size, std::size_t most,
                    const std::function<void(std::span<const std::byte>)>& take);
// A whole file, unpacked when its first bytes say gzip. Throws Error::mistake when it ends early.
HostBytes read_maybe_gzip(const std::string& path);

// Name, size and time of a file's last change; differs when the file does.
std::string stamp_of(const std::string& path);

// Hex SHA-256 of a file, read piece by piece.
std::string sha256_of_file(const std::string& path);

}  // namespace treino::data
