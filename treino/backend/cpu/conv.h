// SPDX-License-Identifier: Apache-2.0
// Convolution without oneDNN: direct, over images padded into scratch, on the product micro-kernel.
#pragma once

#include <vector>

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

// Where the pixels of an image go in a larger one filled with zeros: (y, x) to (y * step + offset);
// those that would fall outside are left out.
struct Padding {
  Index height = 0, width = 0, channels = 0;  // of the source
  Index padded_height = 0, padded_width = 0;
  Index step[2]{1, 1}, offset[2]{0, 0};

  bool needed() const {
    return padded_height != height || padded_width != width || offset[0] != 0 || offset[1] != 0;
  }
  Index floats() const { return padded_height * padded_width * channels; }
};

// Fills `to` (padding.floats()) from one image.
void pad_image(const Padding& padding, const float* from, float* to);

// A stride-wise correlation of padded NHWC images with an HWIO kernel.
struct Convolution {
  const float *x = nullptr, *kernel = nullptr, *bias = nullptr;
  float* y = nullptr;
  const Kernels* kernels = nullptr;
  Padding padding;
  Index batch = 0, groups = 1;
  Index in_channels = 0, out_channels = 0, out_height = 0, out_width = 0;  // of all groups
  Index size[2]{1, 1}, stride[2]{1, 1}, dilation[2]{1, 1};
  bool relu = false, by_rows = false;  // by_rows: a slice is a band of output rows, else whole images
  Index slices = 1;
  std::vector<Index> a_offsets, b_offsets;  // of the segments
  Index length = 0;                         // floats in a segment

  bool depthwise() const { return groups == in_channels && groups == out_channels && groups > 1; }
  double multiply_adds() const {
    return static_cast<double>(batch * out_height * out_width * size[0] * size[1]) *
           static_cast<double>(in_channels / groups * out_channels);
  }
};

// Fills in segments and slices; asks for the scratch run_convolution needs.
void prepare_convolution(Planner& planner, Convolution& convolution);
void run_convolution(const void* convolution, Index slice, std::byte* scratch);

}  // namespace treino::cpu
