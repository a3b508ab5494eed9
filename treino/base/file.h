// SPDX-License-Identifier: Apache-2.0
// Files that appear whole or not at all.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace treino {

// A whole file's bytes. Throws Error::mistake when there is none or it is a folder, Error::work
// when reading fails.
std::string read_whole_file(const std::string& path);

// Writes the parts one after the other as one file: beside the target, synced to the disk, renamed
// over it. When anything fails the old file, or none, is left and Error::work names path and cause.
// A link stays and what it leads to is written; a device or a pipe is written into as it is.
void write_whole_file(const std::string& path, std::span<const std::string_view> parts);
void write_whole_file(const std::string& path, std::string_view contents);

// Takes away what write_whole_file had written beside its targets in this folder when its process
// was killed.
void remove_partial_files(const std::string& folder);

// Makes a folder and those above it. Throws Error::work naming the path and why it cannot be.
void make_folders(const std::string& path);

// Throws Error::work unless a file can be made in the folder.
void check_writable(const std::string& folder);

}  // namespace treino
