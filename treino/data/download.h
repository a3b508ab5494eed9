// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/catalogue.h"

namespace treino::data {

// Fetches the files of `row` that `folder` lacks, from the first address that has them: resumes
// partial files, checks each SHA-256, and renames into place; a lock keeps two processes apart.
// Throws Error::work naming the address, the reason and what to do.
void download(const Row& row, const std::string& folder, Progress* progress);

// One file to `path` (beside it as path.part until its checksum holds). Returns an empty string, or
// what went wrong at this address.
std::string fetch(const std::string& address, const std::string& path, std::int64_t bytes, const std::string& sha256,
                  Progress* progress);

}  // namespace treino::data
