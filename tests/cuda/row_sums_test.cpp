// SPDX-License-Identifier: Apache-2.0
// Sums over rows against their definition in double: any rows and channels, cut into any number of
// chunks whose blocks come in the wrong order. The moments keep their digits where the first row or
// the mean is far away. Elements by such sums, with and without a group behind them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "treino/backend/cuda/kernels.h"
#include "treino/base/rng.h"

namespace treino::cuda {
namespace {

// Aligned as the GPU's memory is, and no longer than it must be, so that a sanitizer sees more.
class Numbers {
 public:
  explicit Numbers(Index count)
      : values_(static_cast<float*>(std::aligned_alloc(
                    16, (static_cast<std::size_t>(count) * sizeof(float) + 15) / 16 * 16)),
                &std::free) {}
  Numbers(Rng& rng, Index count, float scale, float shift) : Numbers(count) {
    for (Index i = 0; i < count; ++i)
      (*this)[i] = scale * (static_cast<float>(rng.below(2001)) / 1000 - 1) + shift;
  }
  float* data() const { return values_.get(); }
  float& operator[](Index i) const { return values_.get()[i]; }

 private:
  std::unique_ptr<float, decltype(&std::free)> values_;
};

// Blocks from the last to the first.
template <int kVector, int kAcross, typename Terms>
void add(const Terms& terms, int chunks) {
  using Work = RowSums<Terms, kVector, kAcross>;
  const Index groups = (terms.channels + Work::kWide - 1) / Work::kWide;
  std::vector<double> partial(static_cast<std::size_t>(groups * chunks * Work::kParts),
                              std::numeric_limits<double>::quiet_NaN());
  std::vector<unsigned> counters(static_cast<std::size_t>(groups));
  const Work work{terms, partial.data(), counters.data(), chunks};
  const auto team = std::make_unique<HostTeam<Work>>();
  for (Index block = groups * chunks; block-- > 0;) work.tile(block, *team);
  for (const unsigned counter : counters) ASSERT_EQ(counter, 0U);
}

struct Extents {
  Index rows, channels;
  int chunks;
};
template <int kVector>
Extents any_extents(Rng& rng) {
  return {1 + static_cast<Index>(rng.below(rng.below(2) == 1 ? 3000 : 40)),
          (1 + static_cast<Index>(rng.below(80 / kVector))) * kVector,
          1 + static_cast<int>(rng.below(rng.below(2) == 1 ? 130 : 3))};
}
testing::Message shown(const Extents& e) {
  return testing::Message() << e.rows << "x" << e.channels << ", " << e.chunks << " chunks";
}

struct Expected {
  double mean = 0, variance = 0;
};
Expected expected(const Numbers& x, const Extents& e, Index c) {
  Expected result;
  for (Index row = 0; row < e.rows; ++row) result.mean += x[row * e.channels + c];
  result.mean /= static_cast<double>(e.rows);
  for (Index row = 0; row < e.rows; ++row)
    result.variance += std::pow(x[row * e.channels + c] - result.mean, 2);
  result.variance /= static_cast<double>(e.rows);
  return result;
}

template <int kVector, int kAcross>
void expect_moments(const Extents& e, const Numbers& x, double digits = 1e-6) {
  SCOPED_TRACE(shown(e));
  const Numbers mean(e.channels), variance(e.channels), scale(e.channels), gamma(e.channels);
  for (Index c = 0; c < e.channels; ++c) gamma[c] = static_cast<float>(c) - 3.5F;
  const double share = 1 / static_cast<double>(e.rows), epsilon = 1e-9;
  ASSERT_NO_FATAL_FAILURE(
      (add<kVector, kAcross>(Moments{x.data(), gamma.data(), mean.data(), variance.data(),
                                     scale.data(), e.rows, e.channels, epsilon, share},
                             e.chunks)));
  for (Index c = 0; c < e.channels; ++c) {
    const Expected want = expected(x, e, c);
    ASSERT_NEAR(mean[c], want.mean, 1e-7 * (std::abs(want.mean) + std::sqrt(want.variance))) << c;
    ASSERT_NEAR(variance[c], want.variance, digits * want.variance) << c;
    const double deviation = std::sqrt(want.variance + epsilon);
    ASSERT_NEAR(scale[c] * deviation, gamma[c], digits * std::abs(gamma[c])) << c;
  }
}

template <int kVector, int kAcross>
void expect_any_moments(std::uint64_t seed) {
  Rng rng(seed, 0);
  for (int i = 0; i < 60; ++i) {
    const Extents e = any_extents<kVector>(rng);
    const Numbers x(rng, e.rows * e.channels, 1, static_cast<float>(rng.below(3)));
    expect_moments<kVector, kAcross>(e, x);
  }
}

TEST(CudaRowSums, MomentsOfAnyExtents) {
  expect_any_moments<4, 4>(1);
  expect_any_moments<1, 32>(2);
}

TEST(CudaRowSums, MomentsFarFromTheFirstRow) {
  Rng rng(3, 0);
  const Extents e{3000, 8, 5};
  const Numbers x(rng, e.rows * e.channels, 1e-3F, 1);
  for (Index c = 0; c < e.channels; ++c) x[c] = 0;  // a thousand deviations away
  expect_moments<4, 4>(e, x, 5e-6);
  expect_moments<1, 32>(e, x, 5e-6);
}

TEST(CudaRowSums, MomentsOfALargeMean) {
  Rng rng(4, 0);
  const Extents e{4000, 4, 9};
  expect_moments<4, 4>(e, Numbers(rng, e.rows * e.channels, 1, 1e5F), 1e-5);
}

TEST(CudaRowSums, MomentsOfEqualAndInfiniteNumbers) {
  const Extents e{100, 4, 2};
  const Numbers x(e.rows * e.channels), mean(4), variance(4), scale(4), gamma(4);
  for (Index i = 0; i < e.rows * e.channels; ++i) x[i] = 0.1F;
  x[0] = std::numeric_limits<float>::infinity();
  x[4 * 50 + 1] = -std::numeric_limits<float>::infinity();
  x[4 * 50 + 2] = std::numeric_limits<float>::quiet_NaN();
  for (Index c = 0; c < 4; ++c) gamma[c] = 1;
  ASSERT_NO_FATAL_FAILURE((add<4, 4>(Moments{x.data(), gamma.data(), mean.data(), variance.data(),
                                             scale.data(), e.rows, 4, 0.25, 0.01},
                                     e.chunks)));
  EXPECT_EQ(mean[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(mean[1], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(mean[2]));
  for (Index c = 0; c < 3; ++c) EXPECT_TRUE(std::isnan(variance[c])) << c;
  EXPECT_EQ(mean[3], 0.1F);
  EXPECT_EQ(variance[3], 0);
  EXPECT_EQ(scale[3], 2);
}

template <int kVector, int kAcross>
void expect_any_gradients(std::uint64_t seed) {
  Rng rng(seed, 0);
  for (int i = 0; i < 60; ++i) {
    const Extents e = any_extents<kVector>(rng);
    SCOPED_TRACE(shown(e));
    const Index c = e.channels, all_rows = e.rows * 3;
    const Numbers dy(rng, e.rows * c, 1, 0.1F), x(rng, e.rows * c, 2, 1), mean(rng, c, 1, 1),
        variance(rng, c, 1, 1.5F), gamma(rng, c, 1, 0), dgamma(c), dbeta(c), terms(3 * c), sum(c);
    const double share = 1 / static_cast<double>(all_rows), epsilon = 1e-3;
    ASSERT_NO_FATAL_FAILURE((add<kVector, kAcross>(
        NormGradSums{dy.data(), x.data(), gamma.data(), variance.data(), dgamma.data(),
                     dbeta.data(), NormSlope{mean.data(), terms.data(), c}, e.rows, c, epsilon,
                     share},
        e.chunks)));
    ASSERT_NO_FATAL_FAILURE(
        (add<kVector, kAcross>(ChannelSums{dy.data(), sum.data(), e.rows, c}, e.chunks)));
    for (Index k = 0; k < c; ++k) {
      double of_dy = 0, products = 0, most = 0;
      for (Index row = 0; row < e.rows; ++row) {
        const double gradient = dy[row * c + k], away = double{x[row * c + k]} - mean[k];
        of_dy += gradient;
        products += gradient * away;
        most += std::abs(gradient) * (1 + std::abs(away));
      }
      const double inverse = 1 / std::sqrt(variance[k] + epsilon), near = 1e-6 * most;
      ASSERT_NEAR(sum[k], of_dy, near) << k;
      ASSERT_NEAR(dbeta[k], of_dy, near) << k;
      ASSERT_NEAR(dgamma[k], products * inverse, near * inverse) << k;
      ASSERT_NEAR(terms[k], gamma[k] * inverse, 1e-6 * inverse) << k;
      ASSERT_NEAR(terms[c + k], of_dy * share, near * share) << k;
      ASSERT_NEAR(terms[2 * c + k], products * inverse * inverse * share,
                  near * inverse * inverse * share)
          << k;
    }
  }
}

TEST(CudaRowSums, GradientsOfAnyExtents) {
  expect_any_gradients<4, 4>(5);
  expect_any_gradients<1, 32>(6);
}

// Elements that their kernel hands to a group: the bits of two kernels, whether they are written or
// not, and where the group writes in their place.
template <typename Group>
void expect_ending(KnownGroup<Group> group, bool keeps, bool in_place) {
  constexpr Index kRows = 7, kChannels = 12, kCount = kRows * kChannels;
  Rng rng(9, 0);
  const Numbers x(rng, kCount, 3, 0), mean(rng, kChannels, 1, 0), scale(rng, kChannels, 1, 0),
      beta(rng, kChannels, 1, 0), more(rng, kCount, 1, 0);
  Numbers y(kCount), result(kCount), mask(kCount);
  Numbers kept(kCount), own(kCount), gate(kCount);
  x.data()[5] = std::numeric_limits<float>::quiet_NaN();
  const Normalized normalized{mean.data(), scale.data(), beta.data()};
  const Normalize<4> alone{x.data(), y.data(), normalized, kChannels / 4, {}};
  for (Index i = kCount / 4; i-- > 0;) alone(i);
  const auto with = [&](const Numbers& from, const Numbers& first, const Numbers& second) {
    group.in[0] = from.data();
    if (std::size(group.in) > 1) group.in[std::size(group.in) - 1] = more.data();
    group.out[0] = first.data();
    group.out[1] = second.data();
    return group;
  };
  const auto apart = with(y, result, mask);
  for (Index i = kCount; i-- > 0;) apart(i);
  Numbers& first = in_place ? kept : own;
  auto both = with(kept, first, gate);
  both.in[0] = nullptr;  // at hand
  const Normalize<4, KnownGroup<Group>> work{x.data(), keeps ? kept.data() : nullptr, normalized,
                                             kChannels / 4, both};
  for (Index i = kCount / 4; i-- > 0;) work(i);
  const auto same = [](const Numbers& a, const Numbers& b) {
    return std::memcmp(a.data(), b.data(), kCount * sizeof(float)) == 0;
  };
  EXPECT_TRUE(same(first, result));
  EXPECT_TRUE(same(gate, mask));
  if (keeps) EXPECT_TRUE(same(kept, y));
}

TEST(CudaNormalize, EndsWithTheBitsOfTwoKernels) {
  for (const auto [keeps, in_place] :
       {std::pair{false, false}, std::pair{false, true}, std::pair{true, false}}) {
    expect_ending(KnownGroup<group::relu>{}, keeps, in_place);
    expect_ending(KnownGroup<group::relu_add>{}, keeps, in_place);
  }
}

}  // namespace
}  // namespace treino::cuda
