// SPDX-License-Identifier: Apache-2.0
// What a test sees and changes of the stand-in for the driver that its own process has loaded.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <stdexcept>

namespace treino::cuda::test {

class StandIn {
 public:
  StandIn() : handle_(dlopen(TREINO_FAKE_CUDA_LIBRARY, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw std::runtime_error(dlerror());
  }
  ~StandIn() {
    set("");
    dlclose(handle_);
  }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  // fake_driver.h says what a scenario holds.
  void set(const char* scenario) { find<void(const char*)>("treino_fake_scenario")(scenario); }
  // Calls of a function of the driver so far.
  std::int64_t calls(const char* symbol) const {
    return find<std::int64_t(const char*)>("treino_fake_calls")(symbol);
  }
  // Of the GPU's memory that are taken.
  std::int64_t bytes() const { return find<std::int64_t()>("treino_fake_bytes")(); }

 private:
  template <typename F>
  F* find(const char* symbol) const {
    return reinterpret_cast<F*>(dlsym(handle_, symbol));
  }
  void* handle_;
};

}  // namespace treino::cuda::test
