// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/libraries.h"

#include <fmt/format.h>

#include "treino/backend/cuda/device.h"
#include "treino/base/error.h"
#include "treino/runtime/kernel_choice.h"

namespace treino::cuda {

Libraries::Libraries(bool deterministic)
    : deterministic_(deterministic),
      always_(said_by("TREINO_CUDA_LIBRARIES") == "always"),
      cudnn_name_(said_by(cudnn::kNames.variable)),
      cublaslt_name_(said_by(cublaslt::kNames.variable)) {}

template <typename Make>
std::shared_ptr<const LibraryCall> Libraries::call(const Step& step, Make&& make) {
  const auto [place, is_new] =
      calls_.try_emplace(std::string(name(step.op)) + " " + shape_key(step));
  if (is_new) place->second = make();
  return place->second;
}

std::shared_ptr<const LibraryCall> Libraries::convolution(const Step& step) {
  if (!cudnn_) cudnn_ = cudnn::Library::load(cudnn_name_, deterministic_);
  if (!*cudnn_) return nullptr;
  return call(step, [&] {
    return (*cudnn_)->convolution(step.op, std::get<WindowAttributes>(step.attributes));
  });
}

std::shared_ptr<const LibraryCall> Libraries::product(const Step& step,
                                                      const cublaslt::Product& product) {
  if (!cublaslt_) cublaslt_ = cublaslt::Library::load(cublaslt_name_);
  if (!*cublaslt_) return nullptr;
  return call(step, [&] { return (*cublaslt_)->product(product); });
}

LibrariesFound libraries_found() {
  LibrariesFound found;
  const auto add = [&](const char* name, const LibraryNames& names, const char* version_symbol) {
    if (!found.text.empty()) found.text += ", ";
    std::unique_ptr<SharedLibrary> library;
    try {
      library = SharedLibrary::open(names, said_by(names.variable));
    } catch (const Error& error) {
      found.text += error.what();
      found.sound = false;
      return;
    }
    std::size_t (*version)() = nullptr;
    if (library) library->find(version, version_symbol);
    found.text += version != nullptr ? fmt::format("{} {}", name, version())
                                     : fmt::format("no {} ({} names one)", name, names.variable);
  };
  add("cuDNN", cudnn::kNames, "cudnnGetVersion");
  add("cuBLASLt", cublaslt::kNames, "cublasLtGetVersion");
  return found;
}

}  // namespace treino::cuda
