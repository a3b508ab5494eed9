// SPDX-License-Identifier: Apache-2.0
// cuDNN, opened while the program runs: nothing of it is linked, and no header of NVIDIA's is
// needed to build this. Source: NVIDIA cuDNN backend API reference.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "treino/backend/cuda/library_call.h"
#include "treino/backend/cuda/shared_library.h"
#include "treino/graph/attributes.h"
#include "treino/graph/op.h"

namespace treino::cuda::cudnn {

inline constexpr LibraryNames kNames{"TREINO_CUDNN", "libcudnn.so.9", true};

// The library's types and numbers under names of our own, as far as they are used.
using Handle = struct HandleRecord*;
using Raw = void*;  // a descriptor

enum class Status : int { success = 0 };

enum class Type : int {
  convolution = 1,
  engine = 2,
  engine_config = 3,
  heuristics = 4,
  plan = 5,
  forward = 10,
  backward_filter = 11,
  backward_data = 12,
  graph = 15,
  variant_pack = 16,
  tensor = 17,
};

enum class Kind : int {  // of an attribute's values
  handle = 0,
  data_type = 1,
  int64 = 3,
  f32 = 4,
  pointer = 6,
  convolution_mode = 7,
  heuristics_mode = 8,
  numerical_note = 11,
  descriptor = 15,
};

enum class Attribute : int {
  convolution_computes_in = 100,
  convolution_mode = 101,
  convolution_dilations = 102,
  convolution_strides = 103,
  convolution_pad_after = 104,
  convolution_pad_before = 105,
  convolution_axes = 106,
  heuristics_mode = 200,
  heuristics_graph = 201,
  heuristics_results = 202,
  config_engine = 300,
  plan_handle = 400,
  plan_config = 401,
  plan_workspace = 402,
  forward_alpha = 700,
  forward_beta = 701,
  forward_convolution = 702,
  forward_w = 703,
  forward_x = 704,
  forward_y = 705,
  backward_data_alpha = 706,
  backward_data_beta = 707,
  backward_data_convolution = 708,
  backward_data_w = 709,
  backward_data_dx = 710,
  backward_data_dy = 711,
  backward_filter_alpha = 712,
  backward_filter_beta = 713,
  backward_filter_convolution = 714,
  backward_filter_dw = 715,
  backward_filter_x = 716,
  backward_filter_dy = 717,
  graph_handle = 800,
  graph_operations = 801,
  tensor_alignment = 900,
  tensor_data_type = 901,
  tensor_extents = 902,
  tensor_strides = 903,
  tensor_id = 906,
  pack_ids = 1000,
  pack_pointers = 1001,
  pack_workspace = 1003,
  engine_index = 1301,
  engine_numerical_notes = 1303,
};

enum class DataType : int { f32 = 0, bf16 = 9 };
enum class ConvolutionMode : int { cross_correlation = 1 };
enum class HeuristicsMode : int { a = 3 };
enum class NumericalNote : int {
  tensor_core = 0,
  reduced_precision_sums = 2,
  fft = 3,
  nondeterministic = 4,
  winograd = 5,
  last = 10,
};

struct Functions {
#define TREINO_CUDNN(member, symbol, result, ...) result (*member)(__VA_ARGS__) = nullptr;
#include "treino/backend/cuda/cudnn.def"
#undef TREINO_CUDNN
};

class Library : public std::enable_shared_from_this<Library> {
 public:
  // Opens libcudnn.so.9, or what TREINO_CUDNN names (`named`); nothing where there is none, or
  // where that says "off". The GPU's context must be current. Throws Error::work where the named
  // one does not work. `deterministic`: only algorithms that give the same bits again.
  static std::shared_ptr<const Library> load(const std::string& named, bool deterministic);
  ~Library();
  Library(const Library&) = delete;

  // One of conv2d and its gradients, without bias and activation, by tensor cores. Operands and
  // result are bf16 in memory where `window.precision` is that, else f32; sums are f32. Pictures
  // are NHWC, the kernel is [filters][rows][across][channels]. Nothing where the library has no
  // algorithm for it.
  std::shared_ptr<const LibraryCall> convolution(Op op, const WindowAttributes& window) const;

  const Functions* operator->() const { return &functions_; }
  Handle handle() const { return handle_; }
  std::string version_text() const;  // "9.19.0"
  bool deterministic() const { return deterministic_; }

 private:
  Library() = default;

  std::unique_ptr<SharedLibrary> library_;
  Functions functions_;
  Handle handle_ = nullptr;
  bool deterministic_ = true;
};

}  // namespace treino::cuda::cudnn
