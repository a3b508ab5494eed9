// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/dataset.h"

namespace treino::data {

// Made-up sets for tests and demonstrations, the same for the same name everywhere:
// "generated:blobs"  – 3 classes of points in 4 dimensions, f32
// "generated:images" – 4 classes of 12 x 12 gray pictures (bars at four angles, with noise), u8
// Either may end in ":<train>:<test>" sample counts, e.g. "generated:images:2000:500".
// Throws Error::mistake for another name.
Dataset generate(const std::string& name);

}  // namespace treino::data
