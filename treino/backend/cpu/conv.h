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

// Along one dimension: output positions that meet the same kernel taps. Taps that would fall
// outside the image, or between the pixels a stride spreads apart, are not in it: they are never
// multiplied.
struct TapClass {
  std::vector<Index> outputs;  // positions
  std::vector<Index> sources;  // of the first tap, for each output
  std::vector<Index> taps;     // positions in the kernel
  std::vector<Index> offsets;  // of each tap from the first one's source
};

// Output position o meets tap t at source o stride - pad + t dilation.
std::vector<TapClass> forward_taps(Index source_extent, Index output_extent, Index size,
                                   Index stride, Index dilation, Index pad);
// The other way round, for gradients: output position o meets tap t where o = s stride - pad +
// (size - 1 - t) dilation for a source position s (the kernel is turned around).
std::vector<TapClass> backward_taps(Index source_extent, Index output_extent, Index size,
                                    Index stride, Index dilation, Index pad);

// A correlation of NHWC images with an HWIO kernel.
struct Convolution {
  const float *x = nullptr, *kernel = nullptr, *bias = nullptr;
  float* y = nullptr;
  const Kernels* kernels = nullptr;
  Index batch = 0, groups = 1;
  Index height = 0, width = 0, in_channels = 0;           // of x
  Index out_height = 0, out_width = 0, out_channels = 0;  // of y
  Index size[2]{1, 1};
  bool relu = false,
       by_rows = false;  // by_rows: a slice is a band of output rows, else whole images
  Index slices = 1;
  double multiply_adds = 0;

  std::vector<TapClass> vertical, horizontal;
  struct Area {  // one vertical with one horizontal class: a product for all its pixels
    const TapClass* rows = nullptr;
    std::vector<Index> sources, targets;  // floats from a row's begin, of x and of y; each column
    std::vector<Index> a_offsets, b_offsets;
    Index length = 0;
  };
  std::vector<Area> areas;

  bool depthwise() const { return groups == in_channels && groups == out_channels && groups > 1; }
  Padding padding;  // depthwise only
  Index stride[2]{1, 1}, dilation[2]{1, 1};
};

// Fills in areas and slices from the tap classes; asks for the scratch run_convolution needs.
void prepare_convolution(Planner& planner, Convolution& convolution);
void run_convolution(const void* convolution, Index slice, std::byte* scratch);

}  // namespace treino::cpu
