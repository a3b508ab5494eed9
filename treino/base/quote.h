// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace treino {

// Text out of a stranger's file as an error's line may hold it: in quotes, control characters as
// \x1b, and cut so that it has `most` bytes at most before the dots.
std::string quoted(std::string_view text, std::size_t most = 60);

// The same for a line that holds such text already (a library's message): no quotes, longer.
std::string one_line(std::string_view text, std::size_t most = 400);

}  // namespace treino
