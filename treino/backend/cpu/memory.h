// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

namespace treino::cpu {

// Tensors, and the scratch of steps and workers, begin at whole cache lines.
template <typename Bytes>
constexpr Bytes whole_lines(Bytes bytes) {
  return (bytes + 63) / 64 * 64;
}

// Zeroed memory of the process, aligned to a page; regions of megabytes ask for huge pages, which
// spare the optimiser's long passes most of their address translation.
class Memory {
 public:
  Memory() = default;
  // Throws Error::work when there is not enough.
  explicit Memory(std::size_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept { *this = std::move(other); }
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace treino::cpu
