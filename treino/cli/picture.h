// SPDX-License-Identifier: Apache-2.0
// Pictures drawn in a terminal.
#pragma once

#include <string>

#include "treino/base/host_tensor.h"

namespace treino::cli {

// u8 [height, width, 3] as lines of half blocks, two pixels a character, in 24-bit colours; scaled
// down to at most `columns` characters.
std::string block_picture(const HostTensor& picture, int columns);

// The same as a sixel image (DEC VT340), 6 x 6 x 6 colours.
std::string sixel_picture(const HostTensor& picture);

// Whether $TERM is that of a terminal known to draw sixels.
bool knows_sixels();

}  // namespace treino::cli
