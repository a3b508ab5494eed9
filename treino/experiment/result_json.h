// SPDX-License-Identifier: Apache-2.0
// Results as JSON files with a seal, so that one changed by hand is noticed.
#pragma once

#include <string>

#include "treino/experiment/result.h"

namespace treino::experiment {

std::string sha256(std::string_view bytes);

std::string to_json(const Result& result);  // sealed
std::string to_json(const Run& run);        // sealed

// Throw Error::mistake naming the file when it is no such file, or was changed since it was sealed.
Result result_from_json(const std::string& text, const std::string& path);
Run run_from_json(const std::string& text, const std::string& path);

}  // namespace treino::experiment
