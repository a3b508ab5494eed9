// SPDX-License-Identifier: Apache-2.0
#include "treino/runtime/device.h"

#include "treino/base/error.h"

namespace treino {

int Store::find(std::string_view name) const {
  const auto& all = variables();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == name) return static_cast<int>(i);
  }
  throw Error::mistake("there is no variable named " + std::string(name) + " on the device");
}

}  // namespace treino
