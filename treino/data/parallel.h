// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace treino::data {

// Calls job(i) for 0 <= i < count on as many threads as this process may use (`threads` when it is
// not 0), the next i to whoever is free. When jobs throw, the error of the smallest i goes on to
// the caller once all have ended; later jobs are left out then.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& job, int threads = 0);

}  // namespace treino::data
