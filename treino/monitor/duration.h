// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace treino::monitor {

// "100ms", "1.5s", "2m", "1h", "250us", or a plain number of seconds, in seconds. Throws
// Error::mistake naming `option` when it is none of these or not above zero.
double parse_duration(const std::string& text, const std::string& option);

}  // namespace treino::monitor
