// SPDX-License-Identifier: Apache-2.0
// A library of NVIDIA's beside the driver, opened while the program runs.
#pragma once

#include <memory>
#include <string>
#include <type_traits>

namespace treino::cuda {

class SharedLibrary {
 public:
  // The one that `variable` of the environment names, `named`, or `usual` (null: none) where that
  // is empty. Nothing where `named` is "off" or there is no `usual`. Throws Error::work where the
  // named one cannot be loaded.
  static std::unique_ptr<SharedLibrary> open(const std::string& variable, const std::string& named,
                                             const char* usual);
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;

  template <typename Function>
  void find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(address(symbol));
  }
  // The first symbol that was not found; null: none.
  const char* missing() const { return missing_; }
  // Of one that does not work: nothing where nobody asked for it, else Error::work.
  void give_up(const std::string& problem) const;

 private:
  SharedLibrary(std::string variable, std::string named, void* handle)
      : variable_(std::move(variable)), named_(std::move(named)), handle_(handle) {}
  void* address(const char* symbol);

  std::string variable_, named_;
  void* handle_;
  const char* missing_ = nullptr;
};

}  // namespace treino::cuda
