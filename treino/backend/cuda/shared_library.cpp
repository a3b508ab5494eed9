// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

#include "treino/base/error.h"

namespace treino::cuda {

std::string said_by(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : "";
}

std::unique_ptr<SharedLibrary> SharedLibrary::open(const LibraryNames& names,
                                                   const std::string& named) {
  if (names.optional && named == "off") return nullptr;
  if (named.empty() && names.usual == nullptr) return nullptr;
  void* handle = dlopen(named.empty() ? names.usual : named.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr)
    return std::unique_ptr<SharedLibrary>(new SharedLibrary(names, named, handle));
  if (named.empty()) return nullptr;
  throw Error::work(fmt::format("{}={} cannot be loaded: {}", names.variable, named, dlerror()));
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
  throw Error::work(fmt::format("{}={} does not work: {}; {}=off trains without it",
                                names_.variable, named_, problem, names_.variable));
}

}  // namespace treino::cuda
