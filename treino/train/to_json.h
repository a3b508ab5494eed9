// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "treino/train/tune.h"

namespace treino::train {

// {"table":"direct","winner":"winograd","lead":1.5,"gain":1.5,"us":{"direct":3000, ...}}
nlohmann::ordered_json candidates_json(const TunedOp& op);

}  // namespace treino::train
