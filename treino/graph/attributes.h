// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "treino/base/dtype.h"
#include "treino/base/shape.h"
#include "treino/graph/op.h"

namespace treino {

struct TensorType {
  Shape shape;
  DType dtype = DType::f32;
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

// What an op needs beside its inputs. Which struct an op carries is said beside it.

struct NoAttributes {
  friend bool operator==(const NoAttributes&, const NoAttributes&) = default;
};

struct VariableAttributes {  // variable: its place in Graph::variables()
  int index = 0;
  friend bool operator==(const VariableAttributes&, const VariableAttributes&) = default;
};

struct ConstantAttributes {  // constant
  double value = 0;
  TensorType type;
  friend bool operator==(const ConstantAttributes&, const ConstantAttributes&) = default;
};

struct TypeAttributes {  // cast (dtype), reshape and broadcast (shape), window, one_hot and
                         // scatter_rows (shape)
  TensorType type;
  friend bool operator==(const TypeAttributes&, const TypeAttributes&) = default;
};

struct AxesAttributes {  // reduce_sum, reduce_max (ascending), transpose (output axis i is input
                         // axis axes[i])
  std::vector<int> axes;
  friend bool operator==(const AxesAttributes&, const AxesAttributes&) = default;
};

// What the operands of a product are rounded to before they are multiplied, to nearest and ties to
// even; products are added in f32, and what is in memory stays f32.
enum class Precision : std::uint8_t { float32, tf32, bf16 };
std::span<const std::string_view> names_of(Precision);

struct MatmulAttributes {  // matmul: a is [m, k] or, transposed, [k, m]; b is [k, n] or [n, k]
  bool transpose_a = false;
  bool transpose_b = false;
  Op activation = Op::cast;  // applied last when the fuse pass put one here; cast = none
  Precision precision = Precision::float32;
  friend bool operator==(const MatmulAttributes&, const MatmulAttributes&) = default;
};

// A window sliding over height and width; pairs are {height, width}.
struct WindowAttributes {  // conv2d and its gradients, pools and their gradients
  std::array<std::int64_t, 2> size{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};
  std::array<std::int64_t, 2> pad_before{0, 0};
  std::array<std::int64_t, 2> pad_after{0, 0};
  std::int64_t groups = 1;
  Shape input;               // NHWC the window slides over; the gradients need it
  Shape kernel;              // HWIO (I = input channels / groups); conv2d and its gradients
  Op activation = Op::cast;  // as in MatmulAttributes
  Precision precision = Precision::float32;  // of conv2d and its gradients
  friend bool operator==(const WindowAttributes&, const WindowAttributes&) = default;

  // Extent of the output along height (0) or width (1).
  std::int64_t output_extent(int dimension) const;
  // Whether windows neither overlap nor leave the image; pixels may be left over.
  bool tiles_input() const;
};

struct NormAttributes {  // batch_norm, batch_norm_grad
  double epsilon = 1e-3;
  friend bool operator==(const NormAttributes&, const NormAttributes&) = default;
};

// batch_norm_pool and its gradient. Normalising is monotone in each channel, so pooling may come
// first: the largest where gamma >= 0, the smallest elsewhere. `window.activation` = relu (gradient
// only) says that x is what a relu gave and that dx is wanted before it: 0 where x is 0.
struct NormPoolAttributes {
  WindowAttributes window;
  double epsilon = 1e-3;
  friend bool operator==(const NormPoolAttributes&, const NormPoolAttributes&) = default;
};

// Inputs of dropout_mask: seed [] i64; position [] i64, the global position (counted over the whole
// training) of the batch's first sample. Element e of sample position p draws word e%4 of
// philox({e/4, stream, p low, p high}, seed); it is dropped where that word < rate * 2^32.
struct DropoutAttributes {
  double rate = 0;
  std::uint32_t stream = 0;  // tells the network's dropout layers apart
  TensorType type;
  friend bool operator==(const DropoutAttributes&, const DropoutAttributes&) = default;
};

// A change to a batch's samples while training.
enum class Change : std::uint8_t { flip, shift, rotate, cutout, brightness, contrast, mixup };
// What lies outside a picture: zeros, the pixel at the edge, or the picture mirrored about that
// pixel.
enum class Border : std::uint8_t { zero, edge, reflect };

// Inputs of augment: samples [batch, height, width, channels] (mixup: [batch, ...]) u8 or f32; seed
// and position as dropout_mask's. What a sample draws depends on seed, stream and its own position;
// runtime/augment.h says how.
struct AugmentAttributes {
  Change change = Change::flip;
  std::uint32_t stream = 0;                 // tells a recipe's changes apart
  std::array<bool, 2> axes{false, false};   // flip: along height, along width
  std::array<std::int64_t, 2> reach{0, 0};  // shift: most pixels down and right; cutout: its size
  double amount = 0;       // rotate: most degrees; brightness, contrast: most change; mixup: alpha
  double probability = 1;  // that a sample is changed at all
  Border border = Border::zero;  // shift, rotate
  friend bool operator==(const AugmentAttributes&, const AugmentAttributes&) = default;
};

// One elementwise op inside a fused group. An operand >= 0 is instruction #operand of the group;
// a negative one is input ~operand of the node.
struct FusedInstruction {
  Op op = Op::add;
  std::array<int, 3> operands{};
  double value = 0;  // constant: the number (no operands)
  DType dtype = DType::f32;
  friend bool operator==(const FusedInstruction&, const FusedInstruction&) = default;
};

// A fused node's inputs have the group's shape, or a shape that broadcasts to it (axes aligned at
// the right, as numpy does); an input may be of another type than the group only where a cast reads
// it. Every output has the group's shape. An output may share storage with an input of the group's
// shape: a kernel reads all inputs of an element (or block) before it writes any output of it.
struct FusedAttributes {
  Shape shape;
  std::vector<FusedInstruction> instructions;
  std::vector<int> outputs;  // instruction of each output
  friend bool operator==(const FusedAttributes&, const FusedAttributes&) = default;
};

using Attributes =
    std::variant<NoAttributes, VariableAttributes, ConstantAttributes, TypeAttributes,
                 AxesAttributes, MatmulAttributes, WindowAttributes, NormAttributes,
                 NormPoolAttributes, DropoutAttributes, AugmentAttributes, FusedAttributes>;

// "stride=[2, 2] groups=4": the fields that differ from their defaults; empty for none.
std::string to_string(const Attributes& attributes);

}  // namespace treino
