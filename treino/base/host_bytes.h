// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace treino {

// Memory of tensors: what is not given a value is not touched (no zeros that a read overwrites at
// once), and large blocks are asked for in huge pages, since the first touches of so many 4 KiB
// pages take longer than reading a data set into them.
template <class T>
struct HostAllocator {
  using value_type = T;
  static constexpr std::size_t kHugePage = std::size_t{1} << 21;

  HostAllocator() = default;
  template <class U>
  HostAllocator(const HostAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* memory = nullptr;
    if (bytes >= 2 * kHugePage) {
      const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
      memory = std::aligned_alloc(kHugePage, whole);
      if (memory != nullptr) madvise(memory, whole, MADV_HUGEPAGE);
    } else {
      memory = std::malloc(bytes > 0 ? bytes : 1);
    }
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) { std::free(memory); }

  template <class U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }

  friend bool operator==(const HostAllocator&, const HostAllocator&) { return true; }
};

// HostBytes(n) and resize(n) leave new bytes as they come; HostBytes(n, std::byte{0}) sets them.
using HostBytes = std::vector<std::byte, HostAllocator<std::byte>>;

}  // namespace treino
