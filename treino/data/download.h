// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/catalogue.h"

namespace treino::data {

// Fetches the files of `row` that `folder` lacks, or has in another size than published (all with
// `refresh`), from the first address that has them: options.mirror or $TREINO_MIRROR, then the
// row's. Checks sizes and SHA-256s and renames into place; a lock keeps two processes apart.
// Throws Error::work naming the addresses, what went wrong at each, and what to do.
void download(const Row& row, const std::string& folder, const LoadOptions& options,
              bool refresh = false);

// Every published file is there in its size, or none is (it holds the set in another form).
bool is_complete(const Row& row, const std::string& folder);

}  // namespace treino::data
