// SPDX-License-Identifier: Apache-2.0
// Products by tiles, and thin ones, against their definition in double: any extents, sides turned
// or not, sums cut into any number of chunks whose blocks come in the wrong order; what tensor
// cores multiply is rounded first.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
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

// What the arithmetic multiplies instead of x.
template <typename Arithmetic>
float rounded(float x) {
  if constexpr (std::is_same_v<Arithmetic, Tf32>) return round_tf32(x);
  if constexpr (std::is_same_v<Arithmetic, Bf16>) return round_bf16(x);
  return x;
}

template <typename Operands>
Operands operands_of(const Extents& e, const float* a, const float* b) {
  return Operands::of(a, b, e.rows, e.columns, e.inner, e.turned_a, e.turned_b);
}

// out = a b by Work, in blocks that come from the last to the first.
template <typename Work>
void multiply(const Extents& e, const float* a, const float* b, float* out,
              const Epilogue& epilogue = {}) {
  const int across = (e.columns + Work::kTileColumns - 1) / Work::kTileColumns;
  const int tiles = (e.rows + Work::kTileRows - 1) / Work::kTileRows * across;
  std::vector<float> partial(
      static_cast<std::size_t>(tiles * e.chunks * Work::kTileRows * Work::kTileColumns));
  std::vector<unsigned> counters(static_cast<std::size_t>(tiles * (1 + groups_of(e.chunks))));
  Work work{};
  work.operands = operands_of<decltype(Work::operands)>(e, a, b);
  work.out = out;
  work.partial = partial.data();
  work.counters = counters.data();
  work.epilogue = epilogue;
  work.column_tiles = across;
  work.chunks = e.chunks;
  const auto team = std::make_unique<HostTeam<Work>>();
  for (Index block = Index{tiles} * e.chunks; block-- > 0;) work.tile(block, *team);
  for (const unsigned counter : counters) ASSERT_EQ(counter, 0U);
}

// The same by a thin product, whose arithmetic is said by another type.
template <typename Work>
void multiply_thin(const Extents& e, const float* a, const float* b, float* out,
                   const Epilogue& epilogue = {}) {
  const int across = (e.columns + Work::kTileColumns - 1) / Work::kTileColumns;
  const int tiles = (e.rows + Work::kTileRows - 1) / Work::kTileRows * across;
  const Work work{operands_of<decltype(Work::operands)>(e, a, b), out, epilogue, across};
  const auto team = std::make_unique<HostTeam<Work>>();
  for (Index block = tiles; block-- > 0;) work.tile(block, *team);
}

// Chunks that a sum may be cut into.
int any_chunks(Rng& rng, int inner, int depth) {
  return 1 + static_cast<int>(rng.below(static_cast<std::uint64_t>((inner + depth - 1) / depth)));
}

// multiply(e, a, b, out) gives the product of what the arithmetic makes of a and b.
template <typename Arithmetic, typename Multiply>
void expect_product_by(const Extents& e, Rng& rng, Multiply&& multiply) {
  SCOPED_TRACE(testing::Message() << e.rows << "x" << e.inner << "x" << e.columns
                                  << (e.turned_a ? " turned" : "") << (e.turned_b ? " turned" : "")
                                  << ", " << e.chunks << " chunks");
  const auto a = numbers(rng, e.rows * e.inner), b = numbers(rng, e.inner * e.columns),
             out = numbers(rng, e.rows * e.columns);
  ASSERT_NO_FATAL_FAILURE(multiply(e, a.get(), b.get(), out.get()));
  for (int i = 0; i < e.rows * e.inner; ++i) a.get()[i] = rounded<Arithmetic>(a.get()[i]);
  for (int i = 0; i < e.inner * e.columns; ++i) b.get()[i] = rounded<Arithmetic>(b.get()[i]);
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
}

// Rounds: an arithmetic whose numbers are as short.
template <int kVector, int kRows, int kColumns, typename Arithmetic = Exact,
          typename Rounds = Arithmetic>
void expect_product(Extents e, std::uint64_t seed) {
  using Work = TileProduct<MatrixOperands<kVector>, kRows, kColumns, Arithmetic>;
  SCOPED_TRACE(testing::Message() << kRows << "x" << kColumns);
  Rng rng(seed, 0);
  e.chunks = any_chunks(rng, e.inner, Work::kDepth);
  expect_product_by<Rounds>(e, rng, [](auto&&... all) { multiply<Work>(all...); });
}

template <int kVector>
Extents any_extents(Rng& rng) {
  const auto extent = [&](std::uint64_t most) {
    return (1 + static_cast<int>(rng.below(most / kVector))) * kVector;
  };
  return {extent(150), extent(150), extent(400), rng.below(2) == 1, rng.below(2) == 1, 1};
}

template <int kVector>
void expect_products(Rng& rng) {
  for (int i = 0; i < 40; ++i) {
    const Extents e = any_extents<kVector>(rng);
    ASSERT_NO_FATAL_FAILURE((expect_product<kVector, 32, 32>(e, rng.below(1000))));
    ASSERT_NO_FATAL_FAILURE((expect_product<kVector, 64, 64>(e, rng.below(1000))));
    ASSERT_NO_FATAL_FAILURE((expect_product<kVector, 128, 32>(e, rng.below(1000))));
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

template <typename Rounding, typename Arithmetic>
void expect_thin_products(std::uint64_t seed) {
  Rng rng(seed, 0);
  for (int i = 0; i < 30; ++i) {
    const auto expect = [&]<typename Operands>(Operands, const Extents& e) {
      expect_product_by<Arithmetic>(
          e, rng, [](auto&&... all) { multiply_thin<ThinProduct<Operands, Rounding>>(all...); });
    };
    ASSERT_NO_FATAL_FAILURE(expect(MatrixOperands<1>{}, any_extents<1>(rng)));
    ASSERT_NO_FATAL_FAILURE(expect(MatrixOperands<4>{}, any_extents<4>(rng)));
  }
}

TEST(CudaThinProduct, IsTheProduct) {
  expect_thin_products<Unrounded, Exact>(6);
}

TEST(CudaThinProduct, IsTheProductOfRoundedNumbers) {
  expect_thin_products<RoundedTf32, Tf32>(7);
  expect_thin_products<RoundedBf16, Bf16>(8);
}

// Adam's update and what else ends a sum, by both kinds of kernels: whole numbers, so that sums are
// exact in any order.
TEST(CudaThinProduct, EndsSumsAsTilesDo) {
  Rng rng(9, 0);
  for (int i = 0; i < 12; ++i) {
    Extents e = any_extents<4>(rng);
    const int count = e.rows * e.columns;
    const auto a = numbers(rng, e.rows * e.inner), b = numbers(rng, e.inner * e.columns),
               bias = numbers(rng, e.columns), mask = numbers(rng, count),
               gate = numbers(rng, count), rate = numbers(rng, 1);
    for (int j = 0; j < e.rows * e.inner; ++j) a.get()[j] = std::round(a.get()[j] * 100);
    for (int j = 0; j < e.inner * e.columns; ++j) b.get()[j] = std::round(b.get()[j] * 100);
    // What is written: the results, those before the group, and Adam's three.
    const auto by = [&](auto&& multiply) {
      std::vector<std::vector<float>> written(5,
                                              std::vector<float>(static_cast<std::size_t>(count)));
      for (std::size_t k = 2; k < 5; ++k) {
        for (int j = 0; j < count; ++j)
          written[k][static_cast<std::size_t>(j)] = static_cast<float>(j % 7 + 1);
      }
      Epilogue end;
      end.bias = bias.get();
      end.relu = i % 2 == 1;
      end.mask = i % 3 > 0 ? mask.get() : nullptr;
      end.gate = i % 3 > 1 ? gate.get() : nullptr;
      end.kept = written[1].data();
      if (i % 2 == 0) {
        end.adam.in[3] = rate.get();
        for (const int k : {0, 1, 2}) {
          end.adam.in[k < 2 ? k + 1 : 4] = written[static_cast<std::size_t>(k) + 2].data();
          end.adam.out[k] = written[static_cast<std::size_t>(k) + 2].data();
          end.adam.constants[k] = 0.25F;
        }
      }
      multiply(e, a.get(), b.get(), written[0].data(), end);
      return written;
    };
    using Operands = MatrixOperands<4>;
    e.chunks = any_chunks(rng, e.inner, 16);
    const auto thin = by([](auto&&... all) { multiply_thin<ThinProduct<Operands>>(all...); });
    EXPECT_EQ(thin, by([](auto&&... all) { multiply<TileProduct<Operands, 32, 32>>(all...); }));
    EXPECT_EQ(thin, by([](auto&&... all) { multiply<TileProduct<Operands, 64, 64>>(all...); }));
    EXPECT_EQ(thin,
              by([](auto&&... all) { multiply<TileProduct<MatrixOperands<1>, 64, 64>>(all...); }));
  }
}

template <typename Arithmetic>
class CudaTensorTileProduct : public testing::Test {};

struct ArithmeticName {
  template <typename T>
  static std::string GetName(int) {
    return std::is_same_v<T, Tf32> ? "tf32" : "bf16";
  }
};
using TensorArithmetics = testing::Types<Tf32, Bf16>;
TYPED_TEST_SUITE(CudaTensorTileProduct, TensorArithmetics, ArithmeticName);

TYPED_TEST(CudaTensorTileProduct, IsTheProductOfRoundedNumbers) {
  Rng rng(3, 0);
  for (int i = 0; i < 12; ++i) {
    const Extents one = any_extents<1>(rng), four = any_extents<4>(rng);
    ASSERT_NO_FATAL_FAILURE((expect_product<1, 64, 64, TypeParam>(one, rng.below(1000))));
    ASSERT_NO_FATAL_FAILURE((expect_product<4, 64, 64, TypeParam>(four, rng.below(1000))));
    ASSERT_NO_FATAL_FAILURE((expect_product<4, 128, 64, TypeParam>(four, rng.below(1000))));
    ASSERT_NO_FATAL_FAILURE((expect_product<4, 128, 128, TypeParam>(four, rng.below(1000))));
    using InF32 =
        ExactOf<std::conditional_t<std::is_same_v<TypeParam, Tf32>, RoundedTf32, RoundedBf16>>;
    ASSERT_NO_FATAL_FAILURE((expect_product<1, 32, 32, InF32, TypeParam>(one, rng.below(1000))));
    ASSERT_NO_FATAL_FAILURE((expect_product<4, 32, 32, InF32, TypeParam>(four, rng.below(1000))));
    ASSERT_NO_FATAL_FAILURE((expect_product<4, 128, 32, InF32, TypeParam>(four, rng.below(1000))));
  }
}

// Whole numbers whose sums are exact in any order.
TYPED_TEST(CudaTensorTileProduct, ShortNumbersGiveTheBitsOfExactProducts) {
  Rng rng(4, 0);
  for (int i = 0; i < 8; ++i) {
    Extents e = any_extents<4>(rng);
    const auto a = numbers(rng, e.rows * e.inner), b = numbers(rng, e.inner * e.columns),
               out = numbers(rng, e.rows * e.columns), exact = numbers(rng, e.rows * e.columns),
               bias = numbers(rng, e.columns), mask = numbers(rng, e.rows * e.columns),
               gate = numbers(rng, e.rows * e.columns), kept = numbers(rng, e.rows * e.columns);
    for (int j = 0; j < e.rows * e.inner; ++j) a.get()[j] = std::round(a.get()[j] * 100);
    for (int j = 0; j < e.inner * e.columns; ++j) b.get()[j] = std::round(b.get()[j] * 100);
    Epilogue end;
    end.bias = bias.get();
    end.relu = true;
    end.mask = mask.get();
    end.gate = gate.get();
    end.kept = kept.get();
    using Work = TileProduct<MatrixOperands<4>, 64, 64, TypeParam>;
    e.chunks = any_chunks(rng, e.inner, Work::kDepth);
    multiply<Work>(e, a.get(), b.get(), out.get(), end);
    const std::vector<float> was_kept(kept.get(), kept.get() + e.rows * e.columns);
    e.chunks = any_chunks(rng, e.inner, 16);
    multiply<TileProduct<MatrixOperands<4>, 32, 32>>(e, a.get(), b.get(), exact.get(), end);
    for (int j = 0; j < e.rows * e.columns; ++j) {
      ASSERT_EQ(out.get()[j], exact.get()[j]) << j;
      ASSERT_EQ(was_kept[static_cast<std::size_t>(j)], kept.get()[j]) << j;
    }
  }
}

TYPED_TEST(CudaTensorTileProduct, SpecialNumbersAreRoundedAsAnywhere) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kLargest = std::numeric_limits<float>::max();
  const std::vector<float> special{kInfinity,
                                   -kInfinity,
                                   std::numeric_limits<float>::quiet_NaN(),
                                   std::bit_cast<float>(0x7f800001U),
                                   std::bit_cast<float>(0xffffffffU),
                                   kLargest,
                                   -kLargest,
                                   std::bit_cast<float>(0x7f7f7fffU),
                                   std::bit_cast<float>(0x7f7fefffU),
                                   0.0F,
                                   -0.0F,
                                   std::numeric_limits<float>::denorm_min(),
                                   -std::numeric_limits<float>::denorm_min(),
                                   std::numeric_limits<float>::min(),
                                   std::bit_cast<float>(0x007fffffU),
                                   std::bit_cast<float>(0x00018000U),
                                   1.00390625F,
                                   1.01171875F,  // ties of bf16
                                   1 + 0x1p-11F,
                                   1 + 0x3p-11F};  // of TF32
  const Extents e{static_cast<int>(special.size()), 1, 1, false, false, 1};
  const float one = 1;
  std::vector<float> out(special.size());
  const auto expect_rounded = [&] {
    for (std::size_t i = 0; i < special.size(); ++i) {
      const float expected = rounded<TypeParam>(special[i]);
      if (std::isnan(expected))
        EXPECT_TRUE(std::isnan(out[i])) << i;
      else
        EXPECT_EQ(out[i], expected) << i;
    }
  };
  using Work = TileProduct<MatrixOperands<1>, 64, 64, TypeParam>;
  multiply<Work>(e, special.data(), &one, out.data());
  expect_rounded();
  out.assign(special.size(), 0);
  multiply<Work>({1, e.rows, 1, false, false, 1}, &one, special.data(), out.data());
  expect_rounded();
}

// The instruction as the PTX ISA has it:
// a_r of thread t is A[t / 4 + 8 (r odd)][t % 4 + 4 (r > 1)],
// b_r is B[t % 4 + 4 r][t / 4],
// c_r is C[t / 4 + 8 (r > 1)][2 (t % 4) + (r odd)].
TEST(CudaTensorCores, AddWhatTheInstructionAdds) {
  Rng rng(5, 0);
  Word a[32][4], b[32][2];
  double left[16][8], right[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    for (int r = 0; r < 4; ++r) {
      const float value = static_cast<float>(rng.below(200));
      a[lane][r] = std::bit_cast<Word>(value);
      left[lane / 4 + (r == 1 || r == 3 ? 8 : 0)][lane % 4 + (r > 1 ? 4 : 0)] = double{value};
    }
    for (int r = 0; r < 2; ++r) {
      const float value = static_cast<float>(rng.below(200));
      b[lane][r] = std::bit_cast<Word>(value);
      right[lane % 4 + 4 * r][lane / 4] = double{value};
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    float c[4] = {1, 2, 3, 4};
    add_products<Tf32Words>(
        lane, [&](int of, int r) { return a[of][r]; }, [&](int of, int r) { return b[of][r]; }, c);
    for (int r = 0; r < 4; ++r) {
      double sum = r + 1;
      for (int k = 0; k < 8; ++k)
        sum += left[lane / 4 + (r > 1 ? 8 : 0)][k] * right[k][lane % 4 * 2 + (r == 1 || r == 3)];
      EXPECT_EQ(c[r], sum) << lane << ", " << r;
    }
  }
}

TEST(CudaTensorCores, AWordOfBf16IsTwoNumbersTheFirstBelow) {
  EXPECT_EQ(Bf16Words::word(1, -2), 0xc0003f80U);
  EXPECT_EQ(Bf16Words::add_product(0.5F, Bf16Words::word(3, 5), Bf16Words::word(7, 11)), 76.5F);
}

// Shared memory has 32 banks of a word; a warp's access takes as long as its busiest bank. Wider
// ones go in turns of so many threads that each of them could have its banks alone.
template <typename Address>
int busiest_bank(int threads, int words, Address&& address) {
  int most = 0;
  for (int first = 0; first < 32; first += threads) {
    std::set<int> of_bank[32];
    for (int lane = first; lane < first + threads; ++lane) {
      for (int word = 0; word < words; ++word)
        of_bank[(address(lane) + word) % 32].insert(address(lane) + word);
    }
    for (const auto& words_of : of_bank) most = std::max(most, static_cast<int>(words_of.size()));
  }
  return most;
}

// What threads of a product one multiplication at a time write and read of a slice.
template <int kRows, int kColumns, int kVector>
void expect_no_bank_twice() {
  using Tile = typename Exact::template Tile<kRows, kColumns, kVector>;
  const auto place = [](int wide, int k, int across) { return k * (wide + 4) + across; };
  const auto expect_of_side = [&]<int kWide>(std::integral_constant<int, kWide>) {
    static_assert(sizeof(typename Tile::template Side<kWide>) == Tile::kDepth * (kWide + 4) * 4);
    for (const bool along_k : {false, true}) {
      const int words = along_k ? 1 : kVector;
      for (int warp = 0; warp < kThreads / 32; ++warp) {
        const int busiest = busiest_bank(32 / words, words, [&](int lane) {
          const Cell cell = Tile::template fetched<kWide, kVector>(warp * 32 + lane, 0, along_k);
          return place(kWide, cell.k, cell.across);
        });
        EXPECT_EQ(busiest, 1) << kWide << ", along k " << along_k << ", warp " << warp;
      }
    }
  };
  expect_of_side(std::integral_constant<int, kRows>{});
  expect_of_side(std::integral_constant<int, kColumns>{});
  for (int first = 0; first < Tile::kTeam; first += 32) {
    const auto spot = [&](int lane) { return Tile::first_result(first + lane); };
    EXPECT_EQ(busiest_bank(16, 4, [&](int lane) { return place(kRows, 0, spot(lane).row); }), 1);
    EXPECT_EQ(busiest_bank(16, 4, [&](int lane) { return place(kColumns, 0, spot(lane).column); }),
              1);
  }
}

TEST(CudaTileProduct, ThreadsMeetInNoBank) {
  expect_no_bank_twice<32, 32, 4>();
  expect_no_bank_twice<64, 64, 4>();
  expect_no_bank_twice<128, 32, 4>();
  expect_no_bank_twice<32, 32, 1>();
  expect_no_bank_twice<64, 64, 1>();
  expect_no_bank_twice<128, 32, 1>();
}

template <typename Arithmetic, int kWide, int kVector>
void expect_banks(bool along_k, int expected) {
  using Tile = typename Arithmetic::template Tile<kWide, 64, kVector>;
  using Side = typename Tile::template Side<kWide>;
  const int words = along_k && kVector == 4 ? 4 / Tile::kPack : 1;
  for (int warp = 0; warp < 8; ++warp) {
    for (int j = 0; j < Share<kWide, Tile::kDepth, kVector>::kEach; j += Tile::kPack) {
      for (int v = 0; v < (along_k ? 1 : kVector); ++v) {
        const int busiest = busiest_bank(32 / words, words, [&](int lane) {
          const Cell cell = Tile::template fetched<kWide, kVector>(warp * 32 + lane, j, along_k);
          return Side::place(cell.across + v, cell.k / Tile::kPack);
        });
        EXPECT_LE(busiest, expected)
            << kWide << ", " << kVector << ", along k " << along_k << ", warp " << warp;
      }
    }
  }
}

TYPED_TEST(CudaTensorTileProduct, ThreadsMeetInNoBank) {
  expect_banks<TypeParam, 64, 4>(true, 1);
  expect_banks<TypeParam, 64, 4>(false, 1);
  expect_banks<TypeParam, 128, 4>(true, 1);
  expect_banks<TypeParam, 128, 4>(false, 1);
  expect_banks<TypeParam, 64, 1>(true, 1);
  expect_banks<TypeParam, 64, 1>(false, 2);
  for (int row = 0; row < 64; row += 8) {
    EXPECT_EQ(
        busiest_bank(8, 4,
                     [&](int lane) { return QuadSide<64>::place(row + lane / 4, lane % 4 * 4); }),
        1);
  }
}

}  // namespace
}  // namespace treino::cuda
