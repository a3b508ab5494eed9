// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace treino {

// Memory of tensors: what is not given a value is not touched (no zeros that a read overwrites at
// once), and large blocks are asked for in huge pages, since the first touches of so many 4 KiB
// pages take longer than reading a data set into them. Or memory that is there already, a mapped
// file's, for one vector of just its size: a copy of that vector, or what it grows into, is usual
// memory.
template <class T>
struct HostAllocator {
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  static constexpr std::size_t kHugePage = std::size_t{1} << 21;

  HostAllocator() = default;
  HostAllocator(const HostAllocator&) = default;  // and no move, which may not change what is moved
  HostAllocator& operator=(const HostAllocator&) = default;
  HostAllocator(std::shared_ptr<std::byte> given, std::size_t bytes)
      : given_(std::move(given)), given_bytes_(bytes) {}
  template <class U>
  HostAllocator(const HostAllocator<U>& other)  // NOLINT: allocators convert
      : given_(other.given_), given_bytes_(other.given_bytes_) {}
  HostAllocator select_on_container_copy_construction() const { return {}; }

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (given_ != nullptr && bytes == given_bytes_) return reinterpret_cast<T*>(given_.get());
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
  void deallocate(T* memory, std::size_t) {
    if (reinterpret_cast<std::byte*>(memory) != given_.get()) std::free(memory);
  }

  template <class U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }

  friend bool operator==(const HostAllocator& a, const HostAllocator& b) {
    return a.given_ == b.given_;
  }

 private:
  template <class U>
  friend struct HostAllocator;
  std::shared_ptr<std::byte> given_;
  std::size_t given_bytes_ = 0;
};

// HostBytes(n) and resize(n) leave new bytes as they come; HostBytes(n, std::byte{0}) sets them.
using HostBytes = std::vector<std::byte, HostAllocator<std::byte>>;

}  // namespace treino
