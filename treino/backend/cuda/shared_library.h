// SPDX-License-Identifier: Apache-2.0
// A library of NVIDIA's, opened while the program runs.
#pragma once

#include <memory>
#include <string>

namespace treino::cuda {

struct LibraryNames {
  const char* variable;  // of the environment, names another file
  const char* usual;     // null: none
  bool optional;         // "off" in the variable is none
};

// What a variable of the environment says; empty where it says nothing.
std::string said_by(const char* variable);

class SharedLibrary {
 public:
  // The one that the variable named, `named`, or the usual one where that is empty. Nothing where
  // that is not there. Throws Error::work where the named one cannot be loaded.
  static std::unique_ptr<SharedLibrary> open(const LibraryNames& names, const std::string& named);
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;

  template <typename Function>
  void find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(address(symbol));
  }
  // The first symbol that was not found; null: none.
  const char* missing() const { return missing_; }

  // Whether all functions were found and api.create() makes the handle. Throws Error::work where
  // not and somebody asked for this library by name.
  template <typename Functions, typename Handle>
  bool starts(const Functions& api, Handle& handle) const {
    if (missing_ != nullptr) {
      give_up(std::string("it has no ") + missing_);
      return false;
    }
    const auto status = api.create(&handle);
    if (status == decltype(status)::success) return true;
    handle = nullptr;
    give_up(api.status_text(status));
    return false;
  }

 private:
  SharedLibrary(const LibraryNames& names, std::string named, void* handle)
      : names_(names), named_(std::move(named)), handle_(handle) {}
  void* address(const char* symbol);
  void give_up(const std::string& problem) const;

  LibraryNames names_;
  std::string named_;
  void* handle_;
  const char* missing_ = nullptr;
};

}  // namespace treino::cuda
