// SPDX-License-Identifier: Apache-2.0
#include "tests/support/counted_allocations.h"

#include <sys/prctl.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {
std::atomic<long> calls{0};

[[maybe_unused]] bool counts_here() {
  char name[16] = "";
  return ::prctl(PR_GET_NAME, name) != 0 || std::strcmp(name, "treino-writer") != 0;
}
}  // namespace

namespace treino::test {
long allocations() {
  return calls.load(std::memory_order_relaxed);
}
}  // namespace treino::test

#ifndef TREINO_SANITIZED
void* operator new(std::size_t bytes) {
  if (counts_here()) calls.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) {
  return operator new(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif
