// SPDX-License-Identifier: Apache-2.0
// Products that skip zeros give the dense kernel's bits, on every instruction set of this machine.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "treino/backend/cpu/kernels.h"
#include "treino/base/rng.h"

namespace treino::cpu {
namespace {

// C [m, n] of A [m, k], stored transposed when asked, and what C holds after a kernel; `plain`:
// nothing is added to the product.
std::vector<float> multiply(void (*kernel)(const Product&), const std::array<Index, 3>& extents,
                            bool transposed, double density, bool plain) {
  const auto [m, k, n] = extents;
  Rng rng(5, static_cast<std::uint64_t>(m * 1000 + n));
  std::vector<float> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * n)),
      bias(static_cast<std::size_t>(n)), c(static_cast<std::size_t>(m * n), 7.F);
  for (float& x : a) x = rng.uniform() < density ? static_cast<float>(rng.normal()) : 0.F;
  for (float& x : b) x = static_cast<float>(rng.normal());
  for (float& x : bias) x = static_cast<float>(rng.normal());
  std::vector<const float*> rows;
  for (Index r = 0; r < m; ++r) rows.push_back(a.data() + (transposed ? r : r * k));
  Product p;
  p.rows = rows.data();
  p.row_count = m;
  p.columns = n;
  p.length = k;
  p.a_step = transposed ? m : 1;
  p.b = b.data();
  p.b_stride = p.c_stride = n;
  p.c = c.data();
  p.bias = plain ? nullptr : bias.data();
  p.relu = !plain && m % 2 == 0;
  p.accumulate = !plain && n % 2 == 1;
  kernel(p);
  return c;
}

TEST(ProductSkipping, GivesTheBitsOfTheDenseKernel) {
  constexpr std::array<Index, 3> kExtents[] = {{32, 784, 128}, {17, 33, 45},  {1, 100, 1},
                                               {50, 70, 300},  {784, 32, 64}, {33, 512, 16}};
  for (const Kernels* kernels : available_kernels()) {
    for (const bool transposed : {false, true}) {
      for (const std::array<Index, 3>& extents : kExtents) {
        if (transposed && extents[1] > kMostSkippedLength) continue;
        for (const double density : {0.0, 0.2, 1.0}) {
          for (const bool plain : {false, true}) {
            const auto dense = multiply(kernels->product, extents, transposed, density, plain);
            const auto skipping =
                multiply(kernels->product_skipping, extents, transposed, density, plain);
            EXPECT_EQ(std::memcmp(dense.data(), skipping.data(), dense.size() * sizeof(float)), 0)
                << kernels->name << " " << extents[0] << " " << extents[1] << " " << extents[2]
                << " transposed " << transposed << " density " << density << " plain " << plain;
          }
        }
      }
    }
  }
}

TEST(ProductSkipping, CountsAndFindsWhatIsNotFinite) {
  for (const Kernels* kernels : available_kernels()) {
    std::vector<float> x(103, 0.F);
    x[0] = 1, x[50] = -0.F, x[102] = std::nanf("");
    EXPECT_EQ(kernels->count_nonzero(x.data(), 103), 2) << kernels->name;
    EXPECT_FALSE(kernels->all_finite(x.data(), 103, 1, 103)) << kernels->name;
    EXPECT_TRUE(kernels->all_finite(x.data(), 103, 1, 102)) << kernels->name;
    x[7] = -std::numeric_limits<float>::infinity();
    EXPECT_FALSE(kernels->all_finite(x.data(), 20, 2, 9)) << kernels->name;
    EXPECT_TRUE(kernels->all_finite(x.data() + 10, 20, 2, 9)) << kernels->name;
  }
}

}  // namespace
}  // namespace treino::cpu
