// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/utf8.h"

#include <cstdint>

#include "treino/base/utf8.h"

namespace treino::chart {

std::vector<std::string> letters(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t size = utf8_sequence(text);
    if (size == 0) {
      out.emplace_back("\xef\xbf\xbd");
      text.remove_prefix(1);
      continue;
    }
    const std::string_view letter = text.substr(0, size);
    const auto first = static_cast<std::uint8_t>(letter[0]);
    if (size == 1 && (first < 0x20 || first == 0x7f)) {
      out.emplace_back(" ");
    } else if (size == 2 && first == 0xc2 && static_cast<std::uint8_t>(letter[1]) < 0xa0) {
      out.emplace_back(" ");  // C1 control characters
    } else if (letter != "\xef\xbf\xbe" && letter != "\xef\xbf\xbf") {
      out.emplace_back(letter);
    }
    text.remove_prefix(size);
  }
  return out;
}

std::string fit(std::string_view text, std::size_t most, bool unicode) {
  const std::vector<std::string> all = letters(text);
  std::string out;
  for (std::size_t i = 0; i < all.size() && i < most; ++i) {
    const bool cut = i + 1 == most && all.size() > most;
    out += cut ? (unicode ? "…" : "~") : all[i];
  }
  return out;
}

std::size_t width(std::string_view text) {
  return letters(text).size();
}

}  // namespace treino::chart
