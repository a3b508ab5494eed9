// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace treino {

// Bytes of the sequence that the text, which is not empty, starts with; 0 when it is none (RFC
// 3629: no cut or overlong sequences, no surrogates, nothing past U+10FFFF).
std::size_t utf8_sequence(std::string_view text);

// Whether the bytes are UTF-8.
bool is_utf8(std::string_view text);

}  // namespace treino
