// SPDX-License-Identifier: Apache-2.0
// What the kernels compiled for each instruction set offer the planner: plain structs and
// functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "treino/base/dtype.h"
#include "treino/graph/op.h"

namespace treino::cpu {

using Index = std::int64_t;

// C[r, j] (+)= sum over segments s and k < length of rows[r][a_offsets[s] + k a_step] times
// b[b_offsets[s] + k b_stride + j]. A matrix product has one segment; a convolution has one a
// kernel row, and its output pixels are the rows.
struct Product {
  const float* const* rows = nullptr;
  Index row_count = 0, columns = 0;
  Index segments = 1, length = 0;
  const Index* a_offsets = nullptr;
  const Index* b_offsets = nullptr;
  Index a_step = 1;
  const float* b = nullptr;
  Index b_stride = 0;
  float* c = nullptr;
  Index c_stride = 0;
  const Index* c_offsets = nullptr;  // of each row, instead of row * c_stride
  bool accumulate = false;           // add to what C holds
  const float* bias = nullptr;       // one a column
  bool relu = false;
};

// Longest inner extent product_skipping takes, and where A is transposed (a_step > 1).
inline constexpr Index kMostSkippedRow = 32768, kMostSkippedColumn = 512;

struct DepthwiseRow {  // one output row of a depthwise convolution, channel multiplier 1
  const float* x =
      nullptr;  // first input pixel under the first output pixel, inside a padded image
  const float* kernel = nullptr;  // [kh, kw, channels]
  const float* bias = nullptr;
  float* y = nullptr;
  Index width = 0, channels = 0, kernel_height = 0, kernel_width = 0;
  Index x_step = 0;    // floats between output pixels' windows
  Index tap_step = 0;  // floats between kernel columns
  Index tap_row = 0;   // floats between kernel rows
  bool relu = false;
};

struct DepthwiseGradient {  // of the kernel, over one padded image
  const float* x = nullptr;
  const float* dy = nullptr;
  float* kernel = nullptr;  // [kh, kw, channels], added to
  Index height = 0, width = 0, channels = 0, kernel_height = 0,
        kernel_width = 0;  // height, width of dy
  Index x_step = 0, x_row = 0, tap_step = 0, tap_row = 0;
};

// A tile of rows x columns (1 to 5 each) pixels of y, in or out of the domain of Winograd's
// F(rows x columns, 3x3), and the (rows + 2) x (columns + 2) pixels of x under it. Of the domain's
// `points` along a dimension (6 or 7, the largest tile and 2) m rows use the first m + 1 and the
// last.
struct WinogradTile {
  const float* image = nullptr;               // read: input, gradient
  float* out = nullptr;                       // written: output; added to: input_gradient
  const float* bias = nullptr;                // output
  Index height = 0, width = 0, channels = 0;  // of the image
  Index first = 0, last = 0;                  // output: channels [first, last) of them
  Index y = 0, x = 0;                         // first pixel; one of x may lie outside
  Index rows = 4, columns = 4, points = 6;
  float* domain = nullptr;  // [points points], point_stride floats apart
  Index point_stride = 0;
  Index shift[7]{};  // of points with this row, in floats
  bool relu = false;
};
inline bool winograd_uses(Index extent, Index point, Index points) {
  return point <= extent || point == points - 1;
}

struct WinogradKernel {           // channel pairs [first, last) in or out of the domain
  const float* kernel = nullptr;  // [9, pairs], read into the domain
  float* gradient = nullptr;      // the same, written from the domain
  float* domain = nullptr;        // [points points], stride floats apart
  Index stride = 0, pairs = 0, first = 0, last = 0, points = 6;
};

// A row of 4x4 tiles of y from an image of few channels, by F(4x4, 3x3); the last tiles may reach
// beyond y.
struct WinogradRow {
  const float* image = nullptr;
  // The kernel's domain: [blocks of out_channels][6 across][channels][6 down][kWinogradBlock].
  const float* blocks = nullptr;
  const float* bias = nullptr;
  float* out = nullptr;  // y's image
  Index height = 0, width = 0, channels = 0, out_height = 0, out_width = 0, out_channels = 0;
  Index pad[2]{}, y = 0;    // y: the first row of y
  float* lines = nullptr;   // [4 tiles + 2][channels][kWinogradDown], scratch
  float* points = nullptr;  // [tiles][channels][6][kWinogradDown], scratch
  bool relu = false;
};
inline constexpr int kWinogradDown = 8, kWinogradBlock = 32;

struct PoolImage {  // one image of a pooling op, channels-last
  const float* x = nullptr;
  const float* y = nullptr;
  const float* dy = nullptr;
  float* out = nullptr;          // y forward, dx backward
  const float* scale = nullptr;  // max_pool: of x scale + shift, where they are given
  const float* shift = nullptr;
  Index height = 0, width = 0, channels = 0, out_height = 0, out_width = 0;
  Index first_row = 0;  // max_pool: of y, those before it are left out
  Index size[2]{}, stride[2]{}, dilation[2]{}, pad[2]{};
};

struct NormColumns {  // some rows of batch norm's [rows, channels]
  const float* x = nullptr;
  const float* dy = nullptr;
  float* out = nullptr;
  const float* pivot = nullptr;  // subtracted before summing
  const float* scale =
      nullptr;  // out = x scale + shift (forward), dy scale + x slope + shift (backward)
  const float* slope = nullptr;
  const float* shift = nullptr;
  double* sums = nullptr;  // [2, channels], written
  Index rows = 0, channels = 0;
};

struct NormPoolImage {           // one image of batch norm under max pooling
  PoolImage pool;                // out: chosen x forward, dx backward; y: chosen x backward
  const float* gamma = nullptr;  // forward: where it is negative the smallest is chosen
  const float* pivot = nullptr;  // forward: subtracted before summing
  const float *scale = nullptr, *slope = nullptr, *shift = nullptr;  // backward
  bool relu = false;  // backward: dx is 0 where x is not above 0
  double* sums =
      nullptr;  // added to: forward [2, channels] of x - pivot, backward [channels] of dx
};

// A whole fused group written as one loop: tensors and scalars by the group's own numbering.
struct GroupArguments {
  const float* inputs[8]{};  // scalars are read at index 0
  float* outputs[4]{};
  float constants[8]{};  // in the order they appear
  Index count = 0;
};
using GroupFunction = void (*)(const GroupArguments&);

// One element-wise loop: `count` elements; operands that are scalars are read at index 0.
using ElementwiseFunction = void (*)(void* out, const void* a, const void* b, const void* c,
                                     Index count);
inline constexpr int kDTypes = 5;

struct Kernels {
  std::string_view name;  // "avx512"
  int lanes = 0;
  Index row_block = 0;  // rows a product takes at a time with `lanes` x 4 columns

  void (*product)(const Product&) = nullptr;
  // The same bits for one segment and a finite B, looking only at what is not zero in A. Where
  // a_step > 1, rows[r + 1] = rows[r] + 1.
  void (*product_skipping)(const Product&) = nullptr;
  Index (*count_nonzero)(const float* x, Index count) = nullptr;
  bool (*all_finite)(const float* x, Index stride, Index rows, Index columns) = nullptr;
  void (*depthwise_row)(const DepthwiseRow&) = nullptr;
  void (*depthwise_gradient)(const DepthwiseGradient&) = nullptr;
  void (*winograd_input)(const WinogradTile&) = nullptr;              // x to the domain
  void (*winograd_output)(const WinogradTile&) = nullptr;             // the domain to y
  void (*winograd_gradient)(const WinogradTile&) = nullptr;           // dy to the domain
  void (*winograd_input_gradient)(const WinogradTile&) = nullptr;     // the domain, added to dx
  void (*winograd_row)(const WinogradRow&) = nullptr;                 // x to y, few channels
  void (*winograd_kernel)(const WinogradKernel&) = nullptr;           // to the domain
  void (*winograd_kernel_gradient)(const WinogradKernel&) = nullptr;  // from the domain
  // out[j, i] = in[i, j] of a [rows, columns] block.
  void (*transpose)(float* out, Index out_stride, const float* in, Index in_stride, Index rows,
                    Index columns) = nullptr;
  // Rows that lie close together, each brought to whole vectors: out_stride is `columns` rounded
  // up.
  void (*spread_rows)(float* out, Index out_stride, const float* in, Index rows,
                      Index columns) = nullptr;

  // elementwise[op][dtype of the operands]; null where an op makes no sense for a type.
  ElementwiseFunction elementwise[kOpCount][kDTypes] = {};
  // The same with a scalar as first or second operand (f32 only; null: splat it first).
  ElementwiseFunction scalar_first[kOpCount] = {};
  ElementwiseFunction scalar_second[kOpCount] = {};
  ElementwiseFunction cast[kDTypes][kDTypes] = {};           // [from][to]
  ElementwiseFunction multiply_add = nullptr;                // a b + c
  ElementwiseFunction multiply_add_scalar_second = nullptr;  // b is a scalar
  ElementwiseFunction scale_bytes = nullptr;                 // u8 a times scalar b, as f32

  GroupFunction adam =
      nullptr;  // inputs g, m, v, rate, p; outputs m, v, p; constants 1 - b1, 1 - b2, epsilon
  // Where A is transposed and C would be Adam's gradient, and nothing else: product_skipping whose
  // rows go right to Adam: C's row r is the group's elements from first + r columns on. Null
  // where that is not faster.
  void (*product_skipping_adam)(const Product&, const GroupArguments&, Index first) = nullptr;

  void (*max_pool)(const PoolImage&) = nullptr;
  void (*max_pool_grad)(const PoolImage&) = nullptr;
  void (*avg_pool)(const PoolImage&) = nullptr;
  void (*avg_pool_grad)(const PoolImage&) = nullptr;

  void (*norm_sums)(const NormColumns&) = nullptr;  // sum and sum of squares of x - pivot
  void (*norm_apply)(const NormColumns&) = nullptr;
  void (*norm_grad_sums)(const NormColumns&) = nullptr;  // sum dy, sum dy (x - pivot)
  void (*norm_grad_apply)(const NormColumns&) = nullptr;

  void (*norm_pool)(const NormPoolImage&) = nullptr;
  void (*norm_pool_grad)(const NormPoolImage&) = nullptr;

  // out[r, c] = the sum of parts_count matrices [rows, columns] in order, plus bias[c], through
  // relu.
  void (*finish_product)(float* out, const float* parts, Index part_stride, Index parts_count,
                         Index rows, Index columns, const float* bias, bool relu) = nullptr;

  // out[c] = sum over rows of x[r, c] as doubles.
  void (*column_sums)(double* out, const float* x, Index stride, Index rows,
                      Index columns) = nullptr;
  double (*sum)(const float* x, Index count) = nullptr;
  void (*column_max)(float* out, const float* x, Index stride, Index rows, Index columns) = nullptr;
  float (*largest)(const float* x, Index count) = nullptr;
  void (*add_rows)(float* out, const float* parts, Index part_stride, Index parts_count,
                   Index count) = nullptr;

  void (*softmax)(float* out, const float* x, Index rows, Index columns) = nullptr;
  void (*cross_entropy)(float* loss, float* probabilities, const float* logits,
                        const float* targets, Index rows, Index columns) = nullptr;

  // Elements [first, first + count) of one sample's mask, first a multiple of 4.
  void (*dropout)(float* out, Index first, Index count, std::uint32_t stream,
                  std::uint64_t position, std::uint64_t seed, std::uint32_t threshold,
                  float keep) = nullptr;

  // `rounds` rounds of independent multiply-adds; returns the operations done. sink: 3 floats.
  double (*multiply_adds_in_registers)(Index rounds, float* sink) = nullptr;
};

// The kernel sets this build has and this processor runs, best first; the last is "portable".
std::span<const Kernels* const> available_kernels();

// The best of them, or the one named by the environment variable TREINO_ISA; a name that is not
// available is an Error::mistake.
const Kernels& choose_kernels();

}  // namespace treino::cpu
