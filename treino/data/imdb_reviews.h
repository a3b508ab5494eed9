// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/data/catalogue.h"

namespace treino::data {

extern const Row kImdbReviews;

}  // namespace treino::data
