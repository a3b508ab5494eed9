// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace treino::cpu {

// What this machine does at most, measured in about a tenth of a second.
struct Peak {
  double flops = 0;  // fp32 multiply-adds in registers, a second, all threads together
  double bandwidth =
      0;  // bytes a second read from a buffer of `buffer_bytes` spread over the threads
  std::int64_t buffer_bytes = 0;
};

// `buffer_bytes`: what the work to be judged walks through; decides which cache is measured.
Peak measure_peak(int threads, std::int64_t buffer_bytes);

}  // namespace treino::cpu
