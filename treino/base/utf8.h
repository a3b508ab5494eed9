// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace treino {

// Whether the bytes are UTF-8 (RFC 3629): no cut or overlong sequences, no surrogates.
bool is_utf8(std::string_view text);

}  // namespace treino
