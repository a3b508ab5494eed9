// SPDX-License-Identifier: Apache-2.0
// MNIST and the two sets made to take its place: the same four IDX files.
#pragma once

#include "treino/data/catalogue.h"

namespace treino::data {

extern const Row kMnist, kFashionMnist, kKmnist;

}  // namespace treino::data
