// SPDX-License-Identifier: Apache-2.0
// What libFuzzer calls; TREINO_FUZZ_TARGET is the target's number.
#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  treino::fuzz::feed(treino::fuzz::targets()[TREINO_FUZZ_TARGET], data, size);
  return 0;
}
