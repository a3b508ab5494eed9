// SPDX-License-Identifier: Apache-2.0
// What the program may assume of the place its lines for people go to: standard error.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace treino::cli {

// Writes there. A place that takes nothing (a full disk, a reader that has gone) is no reason to
// stop working.
void tell(std::string_view text);
template <typename... Values>
void tell(fmt::format_string<Values...> format, Values&&... values) {
  tell(std::string_view(fmt::format(format, std::forward<Values>(values)...)));
}

bool is_terminal(int descriptor);
// Whether standard error takes colours and cursor moves (a terminal, and no NO_COLOR / TERM=dumb).
bool has_colours();
// Columns of the terminal behind standard error; 80 where it does not say.
int columns();

// "1:02:03" or "0:07".
std::string clock_text(double seconds);
// "34.5 ms", "2.31 s".
std::string seconds_text(double seconds);
// "81 MiB".
std::string bytes_text(std::int64_t bytes);

}  // namespace treino::cli
