// SPDX-License-Identifier: Apache-2.0
#include "treino/base/quote.h"

#include <fmt/format.h>

namespace treino {

std::string one_line(std::string_view text, std::size_t most) {
  std::string line;
  std::size_t whole = 0;  // bytes of `line` that end with a whole UTF-8 character
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if ((code & 0xC0) != 0x80) whole = line.size();
    if (code < ' ' || code == 127)
      line += fmt::format("\\x{:02x}", code);
    else
      line += c;
    if (line.size() > most) return line.substr(0, whole) + "...";
  }
  return line;
}

std::string quoted(std::string_view text, std::size_t most) {
  return '"' + one_line(text, most) + '"';
}

}  // namespace treino
