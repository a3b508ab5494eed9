// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/libraries.h"

#include <fmt/format.h>

#include <cstdlib>

#include "treino/backend/cuda/device.h"
#include "treino/base/error.h"
#include "treino/runtime/kernel_choice.h"

namespace treino::cuda {

namespace {

std::string chosen(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : "";
}

}  // namespace

Libraries::Libraries(bool deterministic)
    : deterministic_(deterministic),
      always_(chosen("TREINO_CUDA_LIBRARIES") == "always"),
      cudnn_name_(chosen("TREINO_CUDNN")),
      cublaslt_name_(chosen("TREINO_CUBLASLT")) {}

std::shared_ptr<const LibraryCall> Libraries::convolution(const Step& step) {
  if (!cudnn_) cudnn_ = cudnn::Library::load(cudnn_name_, deterministic_);
  if (!*cudnn_) return nullptr;
  const auto [place, is_new] =
      calls_.try_emplace(std::string(name(step.op)) + " " + shape_key(step));
  if (is_new)
    place->second = (*cudnn_)->convolution(step.op, std::get<WindowAttributes>(step.attributes));
  return place->second;
}

std::shared_ptr<const LibraryCall> Libraries::product(const Step& step,
                                                      const cublaslt::Product& product) {
  if (!cublaslt_) cublaslt_ = cublaslt::Library::load(cublaslt_name_);
  if (!*cublaslt_) return nullptr;
  const auto [place, is_new] =
      calls_.try_emplace(std::string(name(step.op)) + " " + shape_key(step));
  if (is_new) place->second = (*cublaslt_)->product(product);
  return place->second;
}

std::string libraries_text() {
  const auto text = [](const char* name, const char* variable, const char* usual,
                       const char* version_symbol) {
    std::unique_ptr<SharedLibrary> library;
    try {
      library = SharedLibrary::open(variable, chosen(variable), usual);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    std::size_t (*version)() = nullptr;
    if (library) library->find(version, version_symbol);
    if (version != nullptr) return fmt::format("{} {}", name, version());
    return fmt::format("no {} ({} names one)", name, variable);
  };
  return text("cuDNN", "TREINO_CUDNN", "libcudnn.so.9", "cudnnGetVersion") + ", " +
         text("cuBLASLt", "TREINO_CUBLASLT", nullptr, "cublasLtGetVersion");
}

}  // namespace treino::cuda
