// SPDX-License-Identifier: Apache-2.0
// Pages of a file as memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace treino {

// `bytes` of an open file from `offset` on, a multiple of the page size; what is written there goes
// to no file. The pages are brought into memory here where the system can. Null when it refuses.
// `path` is for name_cut_files().
std::shared_ptr<void> map_file(int descriptor, std::uint64_t offset, std::size_t bytes,
                               const std::string& path);

// For programs: from now on, one that reads mapped memory whose file somebody has cut off, or whose
// disk fails, ends with a line that names the file, and exit code 1, instead of a bus error.
void name_cut_files();

}  // namespace treino
