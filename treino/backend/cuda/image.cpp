// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "treino/backend/cuda/gpu.h"
#include "treino/base/error.h"

#ifdef TREINO_CUDA_FATBIN
// The file that nvcc made (cmake/cuda.cmake), as it is.
asm(".section .rodata\n"
    ".balign 16\n"
    "treino_cuda_image: .incbin \"" TREINO_CUDA_FATBIN
    "\"\n"
    "treino_cuda_image_end: .byte 0\n"
    ".previous\n");
extern "C" const char treino_cuda_image[], treino_cuda_image_end[];
#endif

namespace treino::cuda {

std::string kernel_image() {
  const char* chosen = std::getenv("TREINO_CUDA_IMAGE");
  if (chosen != nullptr && *chosen != '\0') {
    std::ifstream file(chosen, std::ios::binary);
    std::string image((std::istreambuf_iterator<char>(file)), {});
    if (image.empty())
      throw Error::work("TREINO_CUDA_IMAGE=" + std::string(chosen) + " cannot be read");
    return image;
  }
#ifdef TREINO_CUDA_FATBIN
  return {treino_cuda_image, treino_cuda_image_end};
#else
  throw Error::work(
      "this build has no kernels for GPUs: it was made without the CUDA toolkit; build where nvcc "
      "is (-DTREINO_CUDA=ON), or train with --device cpu");
#endif
}

}  // namespace treino::cuda
