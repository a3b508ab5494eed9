// SPDX-License-Identifier: Apache-2.0
// Products by tiles against their definition in double: any extents, sides turned or not, sums cut
// into any number of chunks whose blocks come in the wrong order.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "treino/backend/cuda/kernels.h"
#include "treino/base/rng.h"

namespace treino::cuda {
namespace {

struct Extents {
  int rows, columns, inner;
  bool turned_a, turned_b;
  int chunks;
};

// Aligned as the GPU's memory is, and no longer than it must be, so that a sanitizer sees more.
std::unique_ptr<float, decltype(&std::free)> numbers(Rng& rng, int count) {
  const std::size_t bytes = (static_cast<std::size_t>(count) * sizeof(float) + 15) / 16 * 16;
  auto* values = static_cast<float*>(std::aligned_alloc(16, bytes));
  for (int i = 0; i < count; ++i) values[i] = static_cast<float>(rng.below(2001)) / 1000 - 1;
  return {values, &std::free};
}

template <int kVector, int kRows, int kColumns>
void expect_product(const Extents& e, std::uint64_t seed) {
  using Work = TileProduct<MatrixOperands<kVector>, kRows, kColumns>;
  Rng rng(seed, 0);
  const auto a = numbers(rng, e.rows * e.inner), b = numbers(rng, e.inner * e.columns),
             out = numbers(rng, e.rows * e.columns);
  const int down = (e.rows + kRows - 1) / kRows, across = (e.columns + kColumns - 1) / kColumns;
  const int tiles = down * across;
  std::vector<float> partial(static_cast<std::size_t>(tiles * e.chunks * kRows * kColumns));
  std::vector<unsigned> counters(static_cast<std::size_t>(tiles * (1 + groups_of(e.chunks))));
  Work work{};
  work.operands = {a.get(),
                   b.get(),
                   e.rows,
                   e.columns,
                   e.inner,
                   e.turned_a ? 1 : e.inner,
                   e.turned_a ? e.rows : 1,
                   e.turned_b ? 1 : e.columns,
                   e.turned_b ? e.inner : 1};
  work.out = out.get();
  work.partial = partial.data();
  work.counters = counters.data();
  work.column_tiles = across;
  work.chunks = e.chunks;
  const auto team = std::make_unique<HostTeam<Work>>();
  for (Index block = Index{tiles} * e.chunks; block-- > 0;) work.tile(block, *team);

  for (int row = 0; row < e.rows; ++row) {
    for (int column = 0; column < e.columns; ++column) {
      double sum = 0;
      for (int k = 0; k < e.inner; ++k) {
        sum += double{a.get()[e.turned_a ? k * e.rows + row : row * e.inner + k]} *
               b.get()[e.turned_b ? column * e.inner + k : k * e.columns + column];
      }
      ASSERT_NEAR(out.get()[row * e.columns + column], sum, 1e-4) << row << ", " << column;
    }
  }
  for (const unsigned counter : counters) ASSERT_EQ(counter, 0U);
}

template <int kVector>
void expect_products(Rng& rng) {
  const auto extent = [&](std::uint64_t most) {
    return (1 + static_cast<int>(rng.below(most / kVector))) * kVector;
  };
  for (int i = 0; i < 40; ++i) {
    Extents e{extent(150), extent(150), extent(400), rng.below(2) == 1, rng.below(2) == 1, 1};
    const int slices = (e.inner + kDepth - 1) / kDepth;
    e.chunks = 1 + static_cast<int>(rng.below(static_cast<std::uint64_t>(slices)));
    SCOPED_TRACE(testing::Message()
                 << e.rows << "x" << e.inner << "x" << e.columns << ", " << e.chunks << " chunks");
    expect_product<kVector, 32, 32>(e, rng.below(1000));
    expect_product<kVector, 64, 64>(e, rng.below(1000));
    expect_product<kVector, 128, 32>(e, rng.below(1000));
  }
}

TEST(CudaTileProduct, IsTheProductOneNumberAtATime) {
  Rng rng(1, 0);
  expect_products<1>(rng);
}

TEST(CudaTileProduct, IsTheProductFourNumbersAtATime) {
  Rng rng(2, 0);
  expect_products<4>(rng);
}

}  // namespace
}  // namespace treino::cuda
