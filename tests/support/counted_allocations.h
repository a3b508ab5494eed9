// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace treino::test {

// Calls of operator new since the program began, on all threads but the one that writes files
// beside a training. Linking the .cpp replaces the
// program's operator new; under a sanitizer, which has its own, nothing is counted.
long allocations();

}  // namespace treino::test
