// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "treino/base/error.h"

namespace treino::cuda {

std::unique_ptr<SharedLibrary> SharedLibrary::open(const std::string& variable,
                                                   const std::string& named, const char* usual) {
  if (named == "off" || (named.empty() && usual == nullptr)) return nullptr;
  void* handle = dlopen(named.empty() ? usual : named.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr)
    return std::unique_ptr<SharedLibrary>(new SharedLibrary(variable, named, handle));
  if (named.empty()) return nullptr;
  throw Error::work(fmt::format("{}={} cannot be loaded: {}", variable, named, dlerror()));
}

SharedLibrary::~SharedLibrary() {
  dlclose(handle_);
}

void* SharedLibrary::address(const char* symbol) {
  void* result = dlsym(handle_, symbol);
  if (result == nullptr && missing_ == nullptr) missing_ = symbol;
  return result;
}

void SharedLibrary::give_up(const std::string& problem) const {
  if (named_.empty()) return;
  throw Error::work(fmt::format("{}={} does not work: {}; {}=off trains without it", variable_,
                                named_, problem, variable_));
}

}  // namespace treino::cuda
