// SPDX-License-Identifier: Apache-2.0
// All that is known of oneDNN: its two API generations (2.x, 3.x) and its thread pool stay in the
// .cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "treino/backend/cpu/kernels.h"
#include "treino/graph/attributes.h"

namespace treino::cpu::onednn {

// Whether this build has oneDNN.
bool available();

// "2.6.3", or empty without it.
std::string version();

// Once on each thread that runs or makes primitives: they stay on that thread.
void prepare_worker();

enum class Direction { forward, grad_input, grad_kernel };

// One direction of a convolution, by slices of the batch: each slice is a one-thread primitive of
// its own, so that slices run side by side. Images are NHWC, kernels HWIO outside and whatever
// oneDNN likes best ("inner") inside.
class Convolution {
 public:
  virtual ~Convolution() = default;

  virtual const std::string& implementation() const = 0;  // "jit:avx512_core"
  // Floats of a kernel in oneDNN's own layout.
  virtual Index inner_floats() const = 0;
  virtual Index scratch_bytes() const = 0;  // of each worker

  virtual void to_inner(const float* hwio, float* inner) = 0;
  virtual void from_inner(const float* inner, float* hwio) = 0;

  // forward: (x, kernel, y); grad_input: (dy, kernel, dx); grad_kernel: (x, dy, dkernel), kernels
  // inner, images at the slice's first sample. Each slice is run by one thread at a time.
  virtual void run(Index slice, const float* a, const float* b, const float* bias, float* out,
                   void* scratch) = 0;
};

// Null where oneDNN has nothing but its reference implementation, or is not there.
std::unique_ptr<Convolution> make_convolution(Direction direction, const WindowAttributes& window,
                                              bool bias, Index slices);

}  // namespace treino::cpu::onednn
