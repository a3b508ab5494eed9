// SPDX-License-Identifier: Apache-2.0
// Dense products: tiles and chunks, of the dense layers of mnist and cifar10 and of a larger one.
#include "benchmarks/gpu/lab.h"
#include "treino/backend/cuda/kernels/thin_product.h"
#include "treino/backend/cuda/kernels/tile_product.h"

namespace treino::lab {

namespace {

using namespace cuda;

struct Product {
  const char* name;
  int rows, columns, inner;
  bool turned_a, turned_b;
};

struct Problem {
  Product product;
  std::vector<float> a, b;
  Numbers<float> a_there, b_there, out;
  std::vector<double> expected;

  explicit Problem(const Product& p)
      : product(p),
        a(any_numbers(std::size_t(p.rows) * p.inner, 1)),
        b(any_numbers(std::size_t(p.columns) * p.inner, 2)),
        a_there(a.size()),
        b_there(b.size()),
        out(std::size_t(p.rows) * p.columns),
        expected(std::size_t(p.rows) * p.columns) {
    a_there.from(a);
    b_there.from(b);
    const auto matrices = operands<1>();
    for (int i = 0; i < p.rows; ++i) {
      for (int j = 0; j < p.columns; ++j) {
        double& sum = expected[std::size_t(i) * p.columns + j];
        for (int k = 0; k < p.inner; ++k) {
          sum += double{a[i * matrices.a_row + k * matrices.a_k]} *
                 b[k * matrices.b_k + j * matrices.b_column];
        }
      }
    }
  }

  template <int kBy>
  MatrixOperands<kBy> operands() const {
    const Product& p = product;
    return MatrixOperands<kBy>::of(a_there.get(), b_there.get(), p.rows, p.columns, p.inner,
                                   p.turned_a, p.turned_b);
  }
};

// A line: tiles, then microseconds by chunks.
template <int kBy, int kRows, int kColumns, typename Arithmetic = Exact>
void tiles(const char* name, const Problem& p) {
  using Work = TileProduct<MatrixOperands<kBy>, kRows, kColumns, Arithmetic>;
  const int across = (p.product.columns + kColumns - 1) / kColumns;
  const int count = (p.product.rows + kRows - 1) / kRows * across;
  std::printf("  %-5s %3dx%-3d %3d regs %5d tiles ", name, kRows, kColumns, fit<Work>().registers,
              count);
  double worst = 0;
  for (const int chunks : {1, 2, 4, 8, 12, 25}) {
    if (chunks > (p.product.inner + Work::kDepth - 1) / Work::kDepth) break;
    Numbers<float> partial(std::size_t(count) * chunks * kRows * kColumns);
    Numbers<unsigned> counters(std::size_t(count) * (1 + groups_of(chunks)), true);
    const Work work{
        p.template operands<kBy>(), p.out.get(), partial.get(), counters.get(), {}, across, chunks};
    std::printf(" %d:%.2f", chunks, microseconds_of(work, Index{count} * chunks));
    worst = std::max(worst, off(p.out.to_host(), p.expected));
  }
  std::printf("  off %.0e\n", worst);
}

template <int kBy>
void thin(const Problem& p) {
  using Work = ThinProduct<MatrixOperands<kBy>>;
  const int across = (p.product.columns + Work::kTileColumns - 1) / Work::kTileColumns;
  const int count = (p.product.rows + Work::kTileRows - 1) / Work::kTileRows * across;
  std::printf("  f32   thin    %3d regs %5d tiles ", fit<Work>().registers, count);
  std::printf(" %.2f",
              microseconds_of(Work{p.template operands<kBy>(), p.out.get(), {}, across}, count));
  std::printf("  off %.0e\n", off(p.out.to_host(), p.expected));
}

template <int kBy>
void variants(const Problem& p) {
  thin<kBy>(p);
  tiles<kBy, 32, 32>("f32", p);
  tiles<kBy, 64, 64>("f32", p);
  tiles<kBy, 64, 64, Tf32>("tf32", p);
}

}  // namespace

void dense() {
  const Product products[] = {{"mnist forward 1", 32, 128, 784, false, false},
                              {"mnist forward 2", 32, 10, 128, false, false},
                              {"mnist grad_input 2", 32, 128, 10, false, true},
                              {"mnist grad_kernel 2", 128, 10, 32, true, false},
                              {"mnist grad_kernel 1", 784, 128, 32, true, false},
                              {"cifar10 forward", 32, 64, 2304, false, false},
                              {"cifar10 grad_input", 32, 2304, 64, false, true},
                              {"cifar10 grad_kernel", 2304, 64, 32, true, false},
                              {"a large one", 256, 1024, 1024, false, false}};
  for (const Product& product : products) {
    const Problem p(product);
    std::printf("%s: %d x %d x %d; chunks:us\n", product.name, product.rows, product.columns,
                product.inner);
    if (product.columns % 4 == 0 && product.inner % 4 == 0)
      variants<4>(p);
    else
      variants<1>(p);
  }
}

}  // namespace treino::lab
