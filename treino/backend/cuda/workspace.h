// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "treino/backend/cuda/gpu.h"

namespace treino::cuda {

// Memory of the GPU that means something only while a step runs: tensors that are no variables, and
// what a launch's blocks leave for one another. Programs of one device run in turn, so they share
// it: training, its last batch and evaluation take the room of the largest.
class Workspace {
 public:
  explicit Workspace(std::shared_ptr<Gpu> gpu) : gpu_(std::move(gpu)) {}

  // At least so many bytes; where the GPU has not as many, false, and none at all: whoever had room
  // asks again before its next step. From then on there are never less than `least`, so that a
  // program that was loaded can run.
  bool reserve(std::int64_t bytes, std::int64_t least) {
    bytes = std::max(bytes, least_);
    if (!block_ || bytes > bytes_) {
      release();  // before there is more
      block_ = Block(gpu_, bytes);
      bytes_ = bytes;
    }
    if (block_) least_ = std::max(least_, least);
    return static_cast<bool>(block_);
  }
  void release() {
    block_ = Block();
    ++version_;
  }
  Address address() const { return block_.address(); }
  std::int64_t least() const { return least_; }
  std::int64_t version() const { return version_; }  // changes when the address does

 private:
  std::shared_ptr<Gpu> gpu_;
  Block block_;
  std::int64_t bytes_ = 0, least_ = 0, version_ = 0;
};

}  // namespace treino::cuda
