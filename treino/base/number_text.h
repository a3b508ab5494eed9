// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace treino {

// 101770 -> "101,770".
std::string grouped(std::int64_t number);

}  // namespace treino
