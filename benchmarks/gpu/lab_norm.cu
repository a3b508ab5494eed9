// SPDX-License-Identifier: Apache-2.0
// Batch norm under max pooling and cross entropy as in a step of cifar10: sums over rows cut into
// more and fewer chunks, then the elements.
#include "benchmarks/gpu/lab.h"
#include "treino/backend/cuda/kernels/norm_quads.h"
#include "treino/backend/cuda/kernels/softmax.h"

namespace treino::lab {

namespace {

using namespace cuda;

// Sums by blocks that share the rows of kAcross x 4 channels; `expected` of what `result` holds.
template <int kAcross, typename Terms>
void sums(const char* name, const Terms& terms, const Numbers<float>& result,
          const std::vector<double>& expected) {
  using Work = RowSums<Terms, 4, kAcross>;
  const Index groups = (terms.channels + Work::kWide - 1) / Work::kWide;
  for (const int chunks : {1, 8, 32, 64, 128}) {
    if (groups * chunks > 264 || chunks * Work::kLanes > terms.rows) continue;
    const Numbers<double> partial(static_cast<std::size_t>(groups * chunks * Work::kParts));
    const Numbers<unsigned> counters(static_cast<std::size_t>(groups), true);
    const Work work{terms, partial.get(), counters.get(), chunks};
    std::printf("%-10s %6lld x %-3lld %2d channels a block, %3d chunks %6.2f us, off by %.0e\n",
                name, static_cast<long long>(terms.rows), static_cast<long long>(terms.channels),
                Work::kWide, chunks, microseconds_of(work, groups * chunks),
                off(result.to_host(), expected));
  }
}

// A batch norm of 32 pictures of extent x extent, pooled by 2x2.
void pooled(int extent, int channels) {
  const int out = extent / 2, rows = 32 * extent * extent, windows = 32 * out * out;
  const auto all = static_cast<std::size_t>(rows * channels),
             few = static_cast<std::size_t>(windows * channels),
             width = static_cast<std::size_t>(channels);
  const auto host_x = any_numbers(all, 1), host_dy = any_numbers(few, 2);
  const auto x = any_numbers_there(all, 1), dy = any_numbers_there(few, 2),
             gamma = any_numbers_there(width, 3), beta = any_numbers_there(width, 4);
  const Numbers<float> mean(width), variance(width), scale(width), dgamma(width), dbeta(width),
      terms(3 * width), sum(width), y(few), chosen(few), dx(all);

  std::vector<double> means(width), variances(width), of_dy(width), of_x(width);
  for (std::size_t i = 0; i < all; ++i) of_x[i % width] += host_x[i];
  for (std::size_t c = 0; c < width; ++c) means[c] = of_x[c] / rows;
  for (std::size_t i = 0; i < all; ++i)
    variances[i % width] += std::pow(host_x[i] - means[i % width], 2) / rows;
  for (std::size_t i = 0; i < few; ++i) of_dy[i % width] += host_dy[i];

  const Moments moments{x.get(), gamma.get(), mean.get(), variance.get(), scale.get(),
                        rows,    channels,    1e-3,       1. / rows};
  sums<4>("moments", moments, variance, variances);
  sums<8>("moments", moments, variance, variances);

  WindowQuads quads{};
  const auto windows_of = [&](int across) {
    quads.quads = channels / 4;
    quads.down = quads.across = across;
    quads.height = quads.width = extent;
    quads.out[0] = quads.out[1] = out;
    quads.size[0] = quads.size[1] = 2;
    return Index{32} * across * across * quads.quads;
  };
  const Normalized normalized{mean.get(), scale.get(), beta.get()};
  const Index whole = windows_of(out);
  std::printf(
      "norm and pool %.2f us, with windows of any extents %.2f\n",
      microseconds_of(
          NormPoolQuads<2>{x.get(), gamma.get(), y.get(), chosen.get(), normalized, quads}, whole),
      microseconds_of(
          NormPoolQuads<0>{x.get(), gamma.get(), y.get(), chosen.get(), normalized, quads}, whole));

  const NormSlope slope{mean.get(), terms.get(), channels};
  const NormGradSums gradients{dy.get(),     chosen.get(), gamma.get(), variance.get(),
                               dgamma.get(), dbeta.get(),  slope,       windows,
                               channels,     1e-3,         1. / rows};
  sums<2>("gradients", gradients, dbeta, of_dy);
  sums<4>("gradients", gradients, dbeta, of_dy);
  const Index begun = windows_of((extent + 1) / 2);
  std::printf("their gradient %.2f us, with windows of any extents %.2f\n",
              microseconds_of(NormPoolGradQuads<2>{dy.get(), x.get(), chosen.get(), dx.get(), slope,
                                                   quads, true},
                              begun),
              microseconds_of(NormPoolGradQuads<0>{dy.get(), x.get(), chosen.get(), dx.get(), slope,
                                                   quads, true},
                              begun));
  sums<4>("sums", ChannelSums{x.get(), sum.get(), rows, channels}, sum, of_x);
}

}  // namespace

void norm() {
  pooled(30, 32);
  pooled(13, 64);
  const auto z = any_numbers_there(320, 5), t = any_numbers_there(320, 6),
             all = any_numbers_there(32, 7);
  const Numbers<float> loss(32), p(320), gradient(320);
  const CrossEntropy entropy{z.get(),        t.get(),  loss.get(), p.get(), all.get(),
                             gradient.get(), 1.F / 32, 32,         10};
  std::printf("cross entropy of 32 x 10 %.2f us\n", microseconds_of(entropy, entropy.tiles()));
}

}  // namespace treino::lab
