// SPDX-License-Identifier: Apache-2.0
#include "treino/base/quote.h"

#include <fmt/format.h>

namespace treino {

std::string one_line(std::string_view text, std::size_t most) {
  const bool is_cut = text.size() > most;
  text = text.substr(0, most);
  // A cut must not leave half of a UTF-8 character.
  while (is_cut && !text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
    text.remove_suffix(1);
  if (is_cut && !text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0)
    text.remove_suffix(1);
  std::string line;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < ' ' || code == 127)
      line += fmt::format("\\x{:02x}", code);
    else
      line += c;
  }
  return is_cut ? line + "..." : line;
}

std::string quoted(std::string_view text, std::size_t most) {
  return '"' + one_line(text, most) + '"';
}

}  // namespace treino
