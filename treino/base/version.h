// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace treino {

extern const char* const kVersion;  // "1.2.3", of this library

}  // namespace treino
