// SPDX-License-Identifier: Apache-2.0
// Text of unknown origin (process names, labels of other programs) made safe to draw.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace treino::chart {

// The code points of a text, one string each. Control characters become spaces, bytes that are not
// UTF-8 become U+FFFD, and code points XML forbids are left out.
std::vector<std::string> letters(std::string_view text);

// Cut to `most` code points, the last one being an ellipsis, or "~" without Unicode, where it was
// cut.
std::string fit(std::string_view text, std::size_t most, bool unicode = true);

// Code points, as an approximation of columns on a terminal.
std::size_t width(std::string_view text);

}  // namespace treino::chart
