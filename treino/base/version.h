// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace treino {

inline constexpr const char* kVersion = TREINO_VERSION;  // from CMakeLists.txt

}  // namespace treino
