// SPDX-License-Identifier: Apache-2.0
// Convolutions: tiles, threads' shares and chunks, of cifar10's two layers and of two larger ones.
#include "benchmarks/gpu/lab.h"
#include "treino/backend/cuda/kernels/tile_product.h"

namespace treino::lab {

namespace {

using namespace cuda;

struct Layer {
  const char* name;
  int samples, height, width, channels, side, pad, filters;
  int out_height() const { return height + 2 * pad - side + 1; }
  int out_width() const { return width + 2 * pad - side + 1; }
};
enum class Of { result, input, kernel };

// A convolution's three arrays; which two are read depends on what it is `of`.
struct Problem {
  Layer layer;
  Of of;
  int rows = 0, columns = 0, inner = 0;
  std::vector<float> x, kernel, dy;
  Numbers<float> x_there, kernel_there, dy_there, out;
  std::vector<std::size_t> samples;  // of the results, those that are tested
  std::vector<double> expected;

  Problem(const Layer& l, Of what)
      : layer(l),
        of(what),
        x(any_numbers(std::size_t(l.samples) * l.height * l.width * l.channels, 1)),
        kernel(any_numbers(std::size_t(l.side) * l.side * l.channels * l.filters, 2)),
        dy(any_numbers(std::size_t(l.samples) * l.out_height() * l.out_width() * l.filters, 3)),
        x_there(x.size()),
        kernel_there(kernel.size()),
        dy_there(dy.size()),
        out((what == Of::result  ? dy
             : what == Of::input ? x
                                 : kernel)
                .size()) {
    x_there.from(x);
    kernel_there.from(kernel);
    dy_there.from(dy);
    const int taps = l.side * l.side;
    const int pixels = l.samples * l.out_height() * l.out_width();
    rows = of == Of::result  ? pixels
           : of == Of::input ? l.samples * l.height * l.width
                             : taps * l.channels;
    columns = of == Of::input ? l.channels : l.filters;
    inner = of == Of::result ? taps * l.channels : of == Of::input ? taps * l.filters : pixels;
    const std::size_t count = std::size_t(rows) * columns;
    for (std::size_t i = 0; i < count; i += std::max<std::size_t>(1, count / 101)) {
      samples.push_back(i);
      expected.push_back(by_definition(i));
    }
  }

  Patches patches() const {
    Patches p{};
    p.height = layer.height;
    p.width = layer.width;
    p.channels = layer.channels;
    p.filters = layer.filters;
    p.out[0] = layer.out_height();
    p.out[1] = layer.out_width();
    for (int d = 0; d < 2; ++d) {
      p.stride[d] = 1;
      p.dilation[d] = 1;
      p.pad[d] = layer.pad;
    }
    p.rows = layer.side;
    p.across = layer.side;
    p.pixels = layer.samples * layer.out_height() * layer.out_width();
    return p;
  }

 private:
  // One number of the result: over all taps and what lies under them.
  double by_definition(std::size_t i) const {
    const Layer& l = layer;
    const int height = l.out_height(), width = l.out_width();
    const int column = static_cast<int>(i % columns), row = static_cast<int>(i / columns);
    double sum = 0;
    const auto add = [&](int n, int oy, int ox, int ky, int kx, int c, int f) {
      const int y = oy + ky - l.pad, xx = ox + kx - l.pad;
      if (y < 0 || xx < 0 || y >= l.height || xx >= l.width) return;
      const double pixel = x[((std::size_t(n) * l.height + y) * l.width + xx) * l.channels + c];
      const double tap = kernel[(std::size_t(ky * l.side + kx) * l.channels + c) * l.filters + f];
      const double above = dy[((std::size_t(n) * height + oy) * width + ox) * l.filters + f];
      sum += of == Of::result ? pixel * tap : of == Of::input ? above * tap : pixel * above;
    };
    if (of == Of::kernel) {
      const int tap = row / l.channels, c = row % l.channels;
      for (int n = 0; n < l.samples; ++n) {
        for (int oy = 0; oy < height; ++oy) {
          for (int ox = 0; ox < width; ++ox) add(n, oy, ox, tap / l.side, tap % l.side, c, column);
        }
      }
      return sum;
    }
    const int across = of == Of::result ? width : l.width,
              down = of == Of::result ? height : l.height;
    const int n = row / across / down, at_y = row / across % down, at_x = row % across;
    for (int ky = 0; ky < l.side; ++ky) {
      for (int kx = 0; kx < l.side; ++kx) {
        if (of == Of::result) {
          for (int c = 0; c < l.channels; ++c) add(n, at_y, at_x, ky, kx, c, column);
          continue;
        }
        const int oy = at_y + l.pad - ky, ox = at_x + l.pad - kx;
        if (oy < 0 || ox < 0 || oy >= height || ox >= width) continue;
        for (int f = 0; f < l.filters; ++f) add(n, oy, ox, ky, kx, column, f);
      }
    }
    return sum;
  }
};

template <typename Operands>
Operands operands_of(const Problem& p) {
  const float *x = p.x_there.get(), *kernel = p.kernel_there.get(), *dy = p.dy_there.get();
  return {p.of == Of::input ? dy : x,
          p.of == Of::kernel ? dy : kernel,
          p.patches(),
          p.rows,
          p.columns,
          p.inner};
}

// A line: registers, blocks of a multiprocessor, tiles, then microseconds by chunks; so many that
// there are one to four blocks for each of 132 multiprocessors.
template <typename Operands, int kRows, int kColumns, typename Arithmetic = Exact>
void variant(const char* name, const Problem& p) {
  using Work = TileProduct<Operands, kRows, kColumns, Arithmetic>;
  const int across = (p.columns + kColumns - 1) / kColumns;
  const int tiles = (p.rows + kRows - 1) / kRows * across;
  const int slices = (p.inner + Work::kDepth - 1) / Work::kDepth;
  const Fit room = fit<Work>();
  std::printf("  %-16s %3dx%-3d %3d regs %d a mp %5d tiles ", name, kRows, kColumns, room.registers,
              room.blocks, tiles);
  std::vector<int> all{1};
  for (const int blocks : {132, 198, 264, 396, 528}) all.push_back(blocks / tiles);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  double worst = 0;
  for (const int chunks : all) {
    if (chunks < 1 || chunks > slices || (chunks == 1 && tiles < 20)) continue;
    Work work{};
    work.operands = operands_of<Operands>(p);
    work.out = p.out.get();
    Numbers<float> partial(chunks == 1 ? 0 : std::size_t(tiles) * chunks * kRows * kColumns);
    Numbers<unsigned> counters(std::size_t(tiles) * (1 + groups_of(chunks)), true);
    work.partial = partial.get();
    work.counters = counters.get();
    work.column_tiles = across;
    work.chunks = chunks;
    const bool large = double(p.rows) * p.columns * p.inner > 1e9;
    std::printf(" %d:%.1f", chunks,
                microseconds_of(work, Index{tiles} * chunks, large ? 4 : 20, large ? 5 : 15));
    const std::vector<float> results = p.out.to_host();
    std::vector<float> tested;
    for (const std::size_t i : p.samples) tested.push_back(results[i]);
    worst = std::max(worst, off(tested, p.expected));
  }
  std::printf("  off %.0e\n", worst);
}

template <typename Operands>
void variants(const Problem& p) {
  variant<Operands, 32, 32>("f32", p);
  variant<Operands, 64, 64>("f32", p);
  variant<Operands, 128, 32>("f32", p);
  variant<Operands, 64, 64, Tf32>("tf32", p);
  variant<Operands, 128, 64, Tf32>("tf32", p);
  variant<Operands, 128, 128, Tf32>("tf32", p);
  variant<Operands, 64, 64, Bf16>("bf16", p);
  variant<Operands, 128, 64, Bf16>("bf16", p);
  variant<Operands, 128, 128, Bf16>("bf16", p);
}

}  // namespace

void conv() {
  const Layer first{"cifar10's first", 32, 32, 32, 3, 3, 0, 32};
  const Layer second{"cifar10's second", 32, 15, 15, 32, 3, 0, 64};
  const Layer large{"a large one", 128, 32, 32, 64, 3, 1, 64};
  const Layer wide{"a wide one", 512, 8, 8, 256, 3, 1, 512};
  for (const Layer& layer : {first, second, large, wide}) {
    for (const Of of : {Of::result, Of::input, Of::kernel}) {
      if (layer.channels == 3 && of == Of::input) continue;
      const Problem p(layer, of);
      std::printf("%s, %s: %d x %d x %d; chunks:us\n", layer.name,
                  of == Of::result  ? "forward"
                  : of == Of::input ? "grad_input"
                                    : "grad_kernel",
                  p.rows, p.columns, p.inner);
      if (layer.channels == 3 && of == Of::result) {
        variant<ConvOperands<1, 4>, 32, 32>("f32 by1x4", p);
        variant<ConvOperands<1, 4>, 128, 32>("f32 by1x4", p);
        variant<ConvOperands<1>, 128, 32>("f32 by1", p);
      } else if (layer.channels == 3) {
        variant<ConvGradKernelOperands<1, 4>, 32, 32>("f32 by1x4", p);
        variant<ConvGradKernelOperands<1>, 32, 32>("f32 by1", p);
      } else if (of == Of::result) {
        variants<ConvOperands<4>>(p);
      } else if (of == Of::input) {
        variants<ConvGradInputOperands<4>>(p);
      } else {
        variants<ConvGradKernelOperands<4>>(p);
      }
    }
  }
}

}  // namespace treino::lab
