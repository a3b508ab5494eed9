// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "treino/graph/graph.h"

namespace treino {

// What the compiler may ask of the device a program is made for.
class Target {
 public:
  virtual ~Target() = default;

  // Bytes of one element on the device (the reference device holds f32 as double: 8).
  virtual int bytes(DType dtype) const = 0;
  virtual std::int64_t alignment() const { return 64; }
  // Results of up to so many bytes share memory with no other: where steps run side by side none
  // waits for a place.
  virtual std::int64_t apart_up_to() const { return 0; }

  // Whether elementwise chains become `fused` nodes.
  virtual bool fuses_elementwise() const { return false; }
  // Whether `heavy` (matmul, conv2d) takes a bias, or applies this activation, in its own epilogue.
  virtual bool fuses_bias(const Node& heavy) const {
    (void)heavy;
    return false;
  }
  virtual bool fuses_activation(const Node& heavy, Op activation) const {
    (void)heavy, (void)activation;
    return false;
  }
  // Whether `product` rounds its operands by itself, as its attributes say; else the compiler puts
  // an op before it that does.
  virtual bool rounds_operands(const Node& product) const {
    (void)product;
    return false;
  }
  // Whether the first output of `heavy` may be written over this input of its size, where it is the
  // last to read it. Elementwise ops always may.
  virtual bool overwrites(const Node& heavy, std::size_t input) const {
    (void)heavy, (void)input;
    return false;
  }
  // Whether max_pool takes a scale and a shift of what it pools, one a channel.
  virtual bool fuses_pool_affine(const Node& pool) const {
    (void)pool;
    return false;
  }
  // Whether max_pool may run inside the run of the convolution it reads, piece by piece: what the
  // convolution reads must then last until the pooling is done.
  virtual bool pools_as_it_convolves(const Node& convolution, const Node& pool) const {
    (void)convolution, (void)pool;
    return false;
  }
  // Whether max_pool of batch_norm, `pool`, becomes one op, and its gradients another.
  virtual bool fuses_norm_pool(const Node& pool) const {
    (void)pool;
    return false;
  }
};

}  // namespace treino
