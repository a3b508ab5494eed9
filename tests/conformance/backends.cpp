// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/backends.h"

#include "tests/support/environment.h"
#include "tests/support/places.h"
#include "treino/base/error.h"

namespace treino::conformance {

namespace {

constexpr int kThreads = 2;

// Adds the CPU device as the environment makes it; nothing where this machine or build lacks it.
void add_cpu(std::vector<Backend>& all, const std::string& isa, const std::string& algorithm,
             bool onednn) {
  const test::Environment set("TREINO_ISA", isa), convolution("TREINO_CONVOLUTION", algorithm);
  try {
    all.push_back({"cpu " + isa + (onednn ? "" : " without oneDNN") +
                       (algorithm.empty() ? "" : " " + algorithm),
                   algorithm, make_device("cpu", {.threads = kThreads, .onednn = onednn})});
  } catch (const Error&) {
  }
}

// The CUDA device on the stand-in for its driver, which runs the kernels on the host, or on a GPU.
Backend cuda(const std::string& more = "", const std::string& algorithm = "") {
  const test::Environment driver("TREINO_CUDA_DRIVER", test::cuda_under_test("TREINO_CUDA_DRIVER"));
  const test::Environment image("TREINO_CUDA_IMAGE", test::cuda_under_test("TREINO_CUDA_IMAGE"));
  return {(test::on_real_gpu() ? "cuda" : "cuda on the host") + more, algorithm,
          make_device("cuda")};
}

Backend cuda_with_libraries() {
  const test::Environment always("TREINO_CUDA_LIBRARIES", "always");
  const test::Environment cudnn("TREINO_CUDNN", test::cuda_under_test("TREINO_CUDNN"));
  const test::Environment cublaslt("TREINO_CUBLASLT", test::cuda_under_test("TREINO_CUBLASLT"));
  return cuda(" with libraries", "libraries");
}

}  // namespace

const std::vector<Backend>& all_backends() {
  static const std::vector<Backend> backends = [] {
    std::vector<Backend> all;
    if (test::on_real_gpu()) {  // where there is nothing to learn of the CPU device
      all.push_back(cuda());
      return all;
    }
    for (const char* isa : {"avx512", "avx2", "portable"}) {
      add_cpu(all, isa, "", true);
      add_cpu(all, isa, "", false);
      for (const char* algorithm : {"direct", "winograd", "onednn"})
        add_cpu(all, isa, algorithm, true);
    }
    all.push_back(cuda());
    return all;
  }();
  return backends;
}

std::vector<const Backend*> plain_backends() {
  std::vector<const Backend*> plain;
  for (const Backend& backend : all_backends()) {
    if (backend.algorithm.empty()) plain.push_back(&backend);
  }
  return plain;
}

std::vector<const Backend*> short_product_backends() {
  static const Backend with_libraries = cuda_with_libraries();
  std::vector<const Backend*> all = plain_backends();
  all.push_back(&with_libraries);
  return all;
}

Device& reference() {
  static const std::unique_ptr<Device> device = make_device("reference");
  return *device;
}

}  // namespace treino::conformance
