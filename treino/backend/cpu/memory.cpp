// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "treino/base/error.h"

namespace treino::cpu {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

Memory::Memory(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  if (bytes >= kHugePage) bytes_ = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* data = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    throw Error::work(
        fmt::format("there is no memory for {} MiB: use a smaller batch or network", bytes_ >> 20));
  }
  // Advice only: without huge pages the region works all the same.
  if (bytes_ >= kHugePage) madvise(data, bytes_, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(data);
}

Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace treino::cpu
