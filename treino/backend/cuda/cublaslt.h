// SPDX-License-Identifier: Apache-2.0
// cuBLASLt, opened while the program runs: nothing of it is linked, and no header of NVIDIA's is
// needed to build this. Source: NVIDIA cuBLASLt API reference.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "treino/backend/cuda/library_call.h"
#include "treino/backend/cuda/shared_library.h"
#include "treino/graph/attributes.h"

namespace treino::cuda::cublaslt {

inline constexpr LibraryNames kNames{"TREINO_CUBLASLT", nullptr, true};

// The library's types and numbers under names of our own, as far as they are used.
using Handle = struct HandleRecord*;
using ProductDescriptor = struct ProductRecord*;
using Layout = struct LayoutRecord*;
using Preference = struct PreferenceRecord*;

enum class Status : int { success = 0 };
enum class DataType : int { f32 = 0, bf16 = 14 };
enum class Compute : int { f32 = 68, tf32 = 77 };
enum class ProductAttribute : int { transpose_a = 3, transpose_b = 4 };
enum class PreferenceAttribute : int { most_workspace = 1, reductions = 3 };
enum class AlgorithmAttribute : int { id = 0, tile = 1 };
// How parts of a product's inner extent, made side by side, are added; none: there are no parts.
enum class Reduction : std::uint32_t { none = 0, any = 7 };

struct Algorithm {
  std::uint64_t data[8];
};
struct Found {
  Algorithm algorithm;
  std::size_t workspace;
  Status status;
  float waves;
  int reserved[4];
};

struct Functions {
#define TREINO_CUBLASLT(member, symbol, result, ...) result (*member)(__VA_ARGS__) = nullptr;
#include "treino/backend/cuda/cublaslt.def"
#undef TREINO_CUBLASLT
};

// out [rows][columns] = a [rows][inner], or [inner][rows] transposed, times b [inner][columns], or
// [columns][inner] transposed; all of them row by row.
struct Product {
  std::int64_t rows, columns, inner;
  bool transpose_a, transpose_b;
  Precision precision;  // bf16: a and b are that in memory; sums and results are f32
};

class Library : public std::enable_shared_from_this<Library> {
 public:
  // As cudnn::Library::load(), but only what TREINO_CUBLASLT names: on a GPU trainings with it were
  // wrong (docs/cuda.md).
  static std::shared_ptr<const Library> load(const std::string& named);
  ~Library();
  Library(const Library&) = delete;

  // a, b and out are the call's x, w and y. Nothing where the library has no algorithm for it.
  std::shared_ptr<const LibraryCall> product(const Product& product) const;

  const Functions* operator->() const { return &functions_; }
  Handle handle() const { return handle_; }

 private:
  Library() = default;

  std::unique_ptr<SharedLibrary> library_;
  Functions functions_;
  Handle handle_ = nullptr;
};

}  // namespace treino::cuda::cublaslt
