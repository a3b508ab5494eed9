// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "treino/base/host_tensor.h"

namespace treino::data {

// A PNG or JPEG file's bytes as u8 [height, width, channels], turned as its EXIF data say; channels
// 0 = as the file has (1 or 3). `path` is what errors name.
HostTensor decode_image(std::span<const std::byte> bytes, const std::string& path,
                        int channels = 0);

}  // namespace treino::data
