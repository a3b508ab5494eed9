// SPDX-License-Identifier: Apache-2.0
// A launch that is another library's, such as a convolution of cuDNN's.
#pragma once

#include <cstdint>
#include <string>

#include "treino/backend/cuda/driver.h"

namespace treino::cuda {

class LibraryCall {
 public:
  // Of the GPU's memory: a convolution's picture, kernel and result are x, w and y, whichever of
  // them it makes.
  struct Operands {
    Address x, w, y, workspace;
  };

  virtual ~LibraryCall() = default;

  // Library, version and algorithm: the same name gives the same bits on the same GPU.
  virtual const std::string& name() const = 0;
  virtual std::int64_t workspace_bytes() const = 0;
  // Throws Error::work.
  virtual void enqueue(Stream stream, const Operands& operands) const = 0;
};

}  // namespace treino::cuda
