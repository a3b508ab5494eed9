// SPDX-License-Identifier: Apache-2.0
#include "treino/base/version.h"

namespace treino {

const char* const kVersion = TREINO_VERSION;  // from CMakeLists.txt

}  // namespace treino
