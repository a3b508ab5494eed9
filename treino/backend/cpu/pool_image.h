// SPDX-License-Identifier: Apache-2.0
// What the planners of poolings share.
#pragma once

#include "treino/backend/cpu/kernels.h"
#include "treino/graph/attributes.h"

namespace treino::cpu {

// One image under the window, without its tensors.
inline PoolImage pool_image(const WindowAttributes& window) {
  PoolImage image;
  image.height = window.input[1];
  image.width = window.input[2];
  image.channels = window.input[3];
  image.out_height = window.output_extent(0);
  image.out_width = window.output_extent(1);
  for (std::size_t d = 0; d < 2; ++d) {
    image.size[d] = window.size[d];
    image.stride[d] = window.stride[d];
    image.dilation[d] = window.dilation[d];
    image.pad[d] = window.pad_before[d];
  }
  return image;
}

}  // namespace treino::cpu
