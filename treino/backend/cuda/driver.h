// SPDX-License-Identifier: Apache-2.0
// The NVIDIA driver, opened while the program runs: nothing of CUDA is linked, and no header of
// NVIDIA's is needed to build this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "treino/backend/cuda/shared_library.h"

namespace treino::cuda {

// The driver's types under names of our own; handles are pointers to what only the driver knows.
using DeviceId = int;
using Address = std::uint64_t;  // in the GPU's memory
using Context = struct ContextHandle*;
using Module = struct ModuleHandle*;
using Function = struct FunctionHandle*;
using Stream = struct StreamHandle*;
using Graph = struct GraphHandle*;
using GraphNode = struct GraphNodeHandle*;
using GraphExec = struct GraphExecHandle*;
using Event = struct EventHandle*;

// Bytes with those that keep what follows them as aligned as a piece of memory of its own is.
constexpr std::int64_t padded(std::int64_t bytes) {
  constexpr std::int64_t kAlignment = 256;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// What calls return, as far as it is told apart. Source: CUDA driver API, CUresult.
enum class Result : int {
  success = 0,
  invalid_value = 1,
  out_of_memory = 2,
  not_initialized = 3,
  stub_library = 34,
  device_unavailable = 46,
  no_device = 100,
  invalid_device = 101,
  invalid_context = 201,
  no_binary_for_gpu = 209,
  ecc_uncorrectable = 214,
  invalid_ptx = 218,
  unsupported_ptx_version = 222,
  contained = 226,
  not_found = 500,
  illegal_address = 700,
  launch_out_of_resources = 701,
  launch_timeout = 702,
  illegal_instruction = 715,
  misaligned_address = 716,
  launch_failed = 719,

  system_not_ready = 802,
  system_driver_mismatch = 803,
  compat_not_supported = 804,
  unknown = 999,
};

// CUdevice_attribute, CUfunction_attribute.
enum class Attribute : int {
  multiprocessors = 16,
  clock = 13,         // kHz, at most
  memory_clock = 36,  // kHz
  memory_width = 37,  // bits
  capability_major = 75,
  capability_minor = 76,
  shared_bytes_of_block = 97,  // the most there may be
};
enum class FunctionAttribute : int { shared_bytes = 8 };

// CUDA_KERNEL_NODE_PARAMS_v2.
struct KernelNode {
  Function function;
  unsigned grid[3], block[3];
  unsigned shared_bytes;
  void** parameters;
  void** extra;
  void* kernel;
  Context context;
};

// CUgraphEdgeData.
struct GraphEdge {
  unsigned char from = 0, to = 0, type = 0;
  unsigned char reserved[5] = {};
};
// The one begins when the other has ended; or before, and waits itself (on_device.h):
// CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC, CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC.
inline constexpr GraphEdge kFullEdge{}, kEarlyEdge{.from = 1, .type = 1};
inline constexpr int kLeastCapabilityOfEarlyBegin = 9;  // compute

// CUstreamCaptureMode: what the thread does elsewhere is not the capture's.
enum class CaptureMode : int { relaxed = 2 };

inline constexpr unsigned kNonBlockingStream = 1;  // CU_STREAM_NON_BLOCKING

// The oldest driver that can load this build's kernels: CUDA 13.0, driver 580.
inline constexpr int kLeastVersion = 13000;

struct Functions {
#define TREINO_CUDA(member, symbol, ...) Result (*member)(__VA_ARGS__) = nullptr;
#include "treino/backend/cuda/driver.def"
#undef TREINO_CUDA
};

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::int64_t bytes = 0;
  int clock = 0, memory_clock = 0, memory_width = 0;  // kHz, kHz, bits; 0 where it does not say
};

class Driver {
 public:
  // Opens libcuda.so.1, or the library TREINO_CUDA_DRIVER names, and starts it. Throws Error::work
  // that says why there is none to be used: not installed, too old, no GPU.
  static std::shared_ptr<const Driver> load();
  Driver(const Driver&) = delete;

  const Functions* operator->() const { return &functions_; }
  // Throws Error::work for anything but success: what was tried, why it failed, what to do.
  void check(Result result, const std::string& action) const;

  int version() const { return version_; }  // 13000: CUDA 13.0
  std::vector<DeviceInfo> devices() const;

 private:
  Driver() = default;
  void find_functions(const std::string& library);

  std::unique_ptr<SharedLibrary> library_;
  Functions functions_;
  int version_ = 0;
};

// "13.0"
std::string version_text(int version);

}  // namespace treino::cuda
