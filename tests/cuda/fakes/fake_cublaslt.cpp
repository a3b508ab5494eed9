// SPDX-License-Identifier: Apache-2.0
// A libcublasLt without a GPU: products by their definition. "cublaslt_create" of the scenario
// (fake_driver.h) is the status of cublasLtCreate, "cublaslt_algorithms" how many it finds,
// "cublaslt_workspace" how many bytes they ask for, and "cublaslt_multiplies" the status of running
// one. It fills its workspace with NaNs and takes nothing that is less aligned than the library is
// told by default.
#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <map>
#include <vector>

#include "tests/cuda/fakes/fake_driver.h"
#include "treino/backend/cuda/cublaslt.h"
#include "treino/base/round_mantissa.h"

namespace treino::cuda::cublaslt {

struct HandleRecord {};
struct ProductRecord {
  Compute compute;
  std::map<ProductAttribute, int> operations;
};
struct LayoutRecord {  // column by column
  DataType type;
  std::int64_t rows, columns, stride;

  double read(const void* data, std::int64_t row, std::int64_t column, Compute compute) const {
    const std::int64_t at = row + column * stride;
    float value = 0;
    if (type == DataType::bf16) {
      std::memcpy(reinterpret_cast<std::byte*>(&value) + 2,
                  static_cast<const std::byte*>(data) + at * 2, 2);
    } else {
      std::memcpy(&value, static_cast<const std::byte*>(data) + at * 4, 4);
      if (compute == Compute::tf32) value = round_tf32(value);
    }
    return static_cast<double>(value);
  }
};
struct PreferenceRecord {
  Reduction reductions = Reduction::any;
};

namespace {

constexpr Status kBad{7}, kUnsupported{15};
constexpr std::uintptr_t kAlignment = 256;

std::size_t workspace_bytes() {
  return scenario().value("cublaslt_workspace", std::size_t{64});
}

}  // namespace

extern "C" {

std::size_t cublasLtGetVersion() {
  return 130000;
}

const char* cublasLtGetStatusString(Status status) {
  return status == kUnsupported ? "CUBLAS_STATUS_NOT_SUPPORTED" : "CUBLAS_STATUS_FAKE";
}

Status cublasLtCreate(Handle* handle) {
  const Status status{scenario().value("cublaslt_create", 0)};
  if (status == Status::success) *handle = new HandleRecord;
  return status;
}

Status cublasLtDestroy(Handle handle) {
  delete handle;
  return Status::success;
}

Status cublasLtMatmulDescCreate(ProductDescriptor* product, Compute compute, DataType scale) {
  if (scale != DataType::f32) return kBad;
  *product = new ProductRecord{compute, {}};
  return Status::success;
}

Status cublasLtMatmulDescDestroy(ProductDescriptor product) {
  delete product;
  return Status::success;
}

Status cublasLtMatmulDescSetAttribute(ProductDescriptor product, ProductAttribute attribute,
                                      const void* value, std::size_t bytes) {
  if (bytes != sizeof(int)) return kBad;
  std::memcpy(&product->operations[attribute], value, bytes);
  return Status::success;
}

Status cublasLtMatrixLayoutCreate(Layout* layout, DataType type, std::uint64_t rows,
                                  std::uint64_t columns, std::int64_t stride) {
  *layout = new LayoutRecord{type, static_cast<std::int64_t>(rows),
                             static_cast<std::int64_t>(columns), stride};
  return Status::success;
}

Status cublasLtMatrixLayoutDestroy(Layout layout) {
  delete layout;
  return Status::success;
}

Status cublasLtMatmulPreferenceCreate(Preference* preference) {
  *preference = new PreferenceRecord;
  return Status::success;
}

Status cublasLtMatmulPreferenceDestroy(Preference preference) {
  delete preference;
  return Status::success;
}

Status cublasLtMatmulPreferenceSetAttribute(Preference preference, PreferenceAttribute attribute,
                                            const void* value, std::size_t bytes) {
  if (attribute == PreferenceAttribute::most_workspace)
    return bytes == sizeof(std::size_t) ? Status::success : kBad;
  if (bytes != sizeof preference->reductions) return kBad;
  std::memcpy(&preference->reductions, value, bytes);
  return Status::success;
}

Status cublasLtMatmulAlgoGetHeuristic(Handle, ProductDescriptor product, Layout a, Layout b,
                                      Layout c, Layout d, Preference preference, int most,
                                      Found* found, int* count) {
  if (preference->reductions != Reduction::none) return kBad;  // other bits each time
  const bool turned_a = product->operations[ProductAttribute::transpose_a] == 1,
             turned_b = product->operations[ProductAttribute::transpose_b] == 1;
  const std::int64_t rows = turned_a ? a->columns : a->rows,
                     inner = turned_a ? a->rows : a->columns,
                     columns = turned_b ? b->rows : b->columns;
  if (inner != (turned_b ? b->columns : b->rows) || d->rows != rows || d->columns != columns ||
      c != d || a->type != b->type)
    return kBad;
  *count = std::min(most, scenario().value("cublaslt_algorithms", 1));
  if (*count > 0) *found = Found{{}, workspace_bytes(), Status::success, 1, {}};
  return *count > 0 ? Status::success : kUnsupported;
}

Status cublasLtMatmulAlgoConfigGetAttribute(const Algorithm*, AlgorithmAttribute attribute,
                                            void* value, std::size_t bytes, std::size_t* written) {
  const int number = attribute == AlgorithmAttribute::id ? 66 : 20;
  if (bytes < sizeof number) return kBad;
  std::memcpy(value, &number, *written = sizeof number);
  return Status::success;
}

Status cublasLtMatmul(Handle, ProductDescriptor product, const void* alpha, const void* a,
                      Layout a_layout, const void* b, Layout b_layout, const void* beta,
                      const void* c, Layout, void* d, Layout d_layout, const Algorithm*,
                      void* workspace, std::size_t bytes, Stream stream) {
  if (const Status status{scenario().value("cublaslt_multiplies", 0)}; status != Status::success)
    return status;
  const float one = *static_cast<const float*>(alpha), none = *static_cast<const float*>(beta);
  if (one != 1 || none != 0 || c != d || bytes != workspace_bytes() || stream == nullptr)
    return kBad;
  for (const void* place : {a, b, c, static_cast<const void*>(workspace)}) {
    if (place == nullptr || reinterpret_cast<std::uintptr_t>(place) % kAlignment != 0) return kBad;
  }
  const Compute compute = product->compute;
  const bool turned_a = product->operations[ProductAttribute::transpose_a] == 1,
             turned_b = product->operations[ProductAttribute::transpose_b] == 1;
  enqueue([=, x = *a_layout, y = *b_layout, to = *d_layout] {
    std::memset(workspace, 0xff, bytes);
    const std::int64_t inner = turned_a ? x.rows : x.columns;
    for (std::int64_t column = 0; column < to.columns; ++column) {
      for (std::int64_t row = 0; row < to.rows; ++row) {
        double sum = 0;
        for (std::int64_t k = 0; k < inner; ++k) {
          sum += x.read(a, turned_a ? k : row, turned_a ? row : k, compute) *
                 y.read(b, turned_b ? column : k, turned_b ? k : column, compute);
        }
        static_cast<float*>(d)[row + column * to.stride] = static_cast<float>(sum);
      }
    }
  });
  return Status::success;
}

}  // extern "C"

}  // namespace treino::cuda::cublaslt
