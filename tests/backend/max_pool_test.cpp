// SPDX-License-Identifier: Apache-2.0
// Max pooling of windows that tile the image, on every instruction set, against plain loops: sizes
// known to the compiler and others, channels that fill no vector, pixels left over, and NaN.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "treino/backend/cpu/kernels.h"
#include "treino/base/rng.h"

namespace treino::cpu {
namespace {

struct Window {
  Index height, width;
};

void compare(const Kernels& kernels, Window window, Index channels, Index extent) {
  PoolImage p;
  p.height = extent;
  p.width = extent + 1;
  p.channels = channels;
  p.size[0] = p.stride[0] = window.height;
  p.size[1] = p.stride[1] = window.width;
  p.dilation[0] = p.dilation[1] = 1;
  p.out_height = p.height / window.height;
  p.out_width = p.width / window.width;
  Rng rng(7, static_cast<std::uint64_t>(channels));
  std::vector<float> x(static_cast<std::size_t>(p.height * p.width * channels));
  for (float& value : x) value = static_cast<float>(rng.normal());
  for (std::size_t i = 5; i < x.size(); i += 97) x[i] = std::nanf("");
  x[0] = -std::numeric_limits<float>::infinity();
  std::vector<float> y(static_cast<std::size_t>(p.out_height * p.out_width * channels), 7.F);
  p.x = x.data();
  p.out = y.data();
  kernels.max_pool(p);
  for (Index oy = 0; oy < p.out_height; ++oy) {
    for (Index ox = 0; ox < p.out_width; ++ox) {
      for (Index c = 0; c < channels; ++c) {
        float best = -std::numeric_limits<float>::infinity();
        for (Index ky = 0; ky < window.height; ++ky) {
          for (Index kx = 0; kx < window.width; ++kx) {
            const Index at =
                ((oy * window.height + ky) * p.width + ox * window.width + kx) * channels + c;
            const float value = x[static_cast<std::size_t>(at)];
            if (std::isnan(value) || value > best) best = std::isnan(best) ? best : value;
          }
        }
        const float got = y[static_cast<std::size_t>((oy * p.out_width + ox) * channels + c)];
        if (std::isnan(best))
          EXPECT_TRUE(std::isnan(got)) << kernels.name << " " << oy << " " << ox << " " << c;
        else
          EXPECT_EQ(got, best) << kernels.name << " " << oy << " " << ox << " " << c;
      }
    }
  }
}

TEST(MaxPool, OfTilesIsThePlainLoops) {
  for (const Kernels* kernels : available_kernels()) {
    for (const Window window : {Window{2, 2}, Window{3, 3}, Window{2, 3}, Window{4, 4}}) {
      for (const Index channels : {1, 16, 19, 40}) compare(*kernels, window, channels, 13);
    }
  }
}

}  // namespace
}  // namespace treino::cpu
