// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "treino/backend/cuda/cublaslt.h"
#include "treino/backend/cuda/cudnn.h"
#include "treino/runtime/program.h"

namespace treino::cuda {

// What other libraries do for programs of a device; opened when the first op is worth it.
class Libraries {
 public:
  // `deterministic`: only what gives the same bits again.
  explicit Libraries(bool deterministic);

  // Whether they shall do all that they can, however small; TREINO_CUDA_LIBRARIES=always.
  bool always() const { return always_; }
  // A convolution of tensor cores or one of its gradients (cudnn.h), a matrix product (cublaslt.h);
  // nothing where no library has it. The same again for the same shape.
  std::shared_ptr<const LibraryCall> convolution(const Step& step);
  std::shared_ptr<const LibraryCall> product(const Step& step, const cublaslt::Product& product);

 private:
  // The one of such a step before, or what make() makes of it.
  template <typename Make>
  std::shared_ptr<const LibraryCall> call(const Step& step, Make&& make);

  bool deterministic_, always_;
  std::string cudnn_name_, cublaslt_name_;  // TREINO_CUDNN, TREINO_CUBLASLT
  // Empty: not opened yet; null: there is none.
  std::optional<std::shared_ptr<const cudnn::Library>> cudnn_;
  std::optional<std::shared_ptr<const cublaslt::Library>> cublaslt_;
  std::map<std::string, std::shared_ptr<const LibraryCall>> calls_;
};

}  // namespace treino::cuda
