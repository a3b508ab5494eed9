// SPDX-License-Identifier: Apache-2.0
// Products that skip zeros give the dense kernel's bits, on every instruction set of this machine.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "treino/backend/cpu/kernels.h"
#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

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
  constexpr std::array<Index, 3> kExtents[] = {
      {32, 784, 128}, {17, 33, 45},  {1, 100, 1},   {50, 70, 300}, {784, 32, 64}, {33, 512, 16},
      {3, 4500, 20},  {2, 32768, 9}, {70, 64, 128}, {70, 65, 128}, {9, 20, 200}};
  for (const Kernels* kernels : available_kernels()) {
    for (const bool transposed : {false, true}) {
      for (const std::array<Index, 3>& extents : kExtents) {
        if (transposed && extents[1] > kMostSkippedColumn) continue;
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

// Slices of one run may share what the first of them found about B; the next run looks anew.
TEST(ProductSkipping, LooksAtEveryRunWhetherBIsFinite) {
  constexpr Index kRows = 400, kInner = 32, kColumns = 64;
  Graph g;
  const auto f32 = [&](const char* name, Shape shape, Role role) {
    return g.variable(name, {shape, DType::f32}, role);
  };
  const Value c = graph::matmul(f32("a", Shape{kInner, kRows}, Role::parameter),
                                f32("b", Shape{kInner, kColumns}, Role::parameter), true, false);
  graph::assign(f32("c", Shape{kRows, kColumns}, Role::metric), c);
  HostTensor a(DType::f32, Shape{kInner, kRows}), b(DType::f32, Shape{kInner, kColumns});
  Rng rng(3, 1);
  for (float& x : a.as<float>()) x = rng.uniform() < 0.1 ? static_cast<float>(rng.normal()) : 0.F;
  for (float& x : b.as<float>()) x = static_cast<float>(rng.normal());
  HostTensor broken = b;
  broken.as<float>()[5] = std::numeric_limits<float>::infinity();
  for (const int threads : {1, 3}) {
    const auto device = make_device("cpu", {.threads = threads});
    const Program program = compiler::compile(g, device->target());
    const auto store = device->make_store(program.variables);
    store->write("a", a);
    const auto executable = device->load(program, *store);
    const auto run = [&](const HostTensor& with) {
      store->write("b", with);
      executable->run(1);
      return store->read("c");
    };
    const HostTensor before = run(b), without = run(broken), after = run(b);
    EXPECT_EQ(before.bytes, after.bytes);
    for (Index r = 0; r < kRows; ++r)
      EXPECT_FALSE(std::isfinite(without.as<float>()[static_cast<std::size_t>(r * kColumns + 5)]));
  }
}

}  // namespace
}  // namespace treino::cpu
