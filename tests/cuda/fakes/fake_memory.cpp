// SPDX-License-Identifier: Apache-2.0
// The GPU's memory is the host's, a block an allocation, so that a sanitizer sees a kernel that
// leaves its own.
#include <cstdlib>
#include <cstring>
#include <map>

#include "tests/cuda/fakes/fake_driver.h"

namespace treino::cuda {

namespace {

std::map<Address, std::size_t> blocks;
std::size_t beside = 0;

std::size_t total() {
  return devices()[0].value("bytes", std::size_t{1} << 33);
}

std::size_t used() {
  std::size_t sum = beside;
  for (const auto& [address, bytes] : blocks) sum += bytes;
  return sum;
}

bool is_inside(Address address, std::size_t bytes) {
  auto block = blocks.upper_bound(address);
  if (block == blocks.begin()) return false;
  --block;
  return address + bytes <= block->first + block->second;
}

std::byte* pointer(Address address) {
  return reinterpret_cast<std::byte*>(address);
}

}  // namespace

bool take_bytes(std::size_t bytes) {
  if (bytes > total() - used()) return false;
  beside += bytes;
  return true;
}

void give_bytes(std::size_t bytes) {
  beside -= bytes;
}

extern "C" {

std::int64_t treino_fake_bytes() {
  return static_cast<std::int64_t>(used());
}

Result cuMemGetInfo_v2(std::size_t* free, std::size_t* whole) {
  TREINO_FAKE(cuMemGetInfo_v2, true);
  *free = total() - used();
  *whole = total();
  return Result::success;
}

Result cuMemAlloc_v2(Address* address, std::size_t bytes) {
  TREINO_FAKE(cuMemAlloc_v2, true);
  if (bytes == 0) return Result::invalid_value;
  if (bytes > total() - used()) return Result::out_of_memory;
  void* memory = std::aligned_alloc(512, (bytes + 511) / 512 * 512);
  if (memory == nullptr) return Result::out_of_memory;
  std::memset(memory, 0xff, bytes);  // NaN as float and double, -1 as a whole number
  *address = reinterpret_cast<Address>(memory);
  blocks[*address] = bytes;
  return Result::success;
}

Result cuMemFree_v2(Address address) {
  TREINO_FAKE(cuMemFree_v2, true);
  if (blocks.erase(address) == 0) return Result::invalid_value;
  std::free(pointer(address));
  return Result::success;
}

Result cuMemsetD8Async(Address address, unsigned char value, std::size_t bytes, Stream) {
  TREINO_FAKE(cuMemsetD8Async, true);
  if (!is_inside(address, bytes)) return Result::invalid_value;
  std::memset(pointer(address), value, bytes);
  return Result::success;
}

Result cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t bytes, Stream) {
  TREINO_FAKE(cuMemcpyHtoDAsync_v2, true);
  if (!is_inside(to, bytes)) return Result::invalid_value;
  std::memcpy(pointer(to), from, bytes);
  return Result::success;
}

Result cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t bytes, Stream) {
  TREINO_FAKE(cuMemcpyDtoHAsync_v2, true);
  if (!is_inside(from, bytes)) return Result::invalid_value;
  std::memcpy(to, pointer(from), bytes);
  return Result::success;
}

}  // extern "C"

}  // namespace treino::cuda
