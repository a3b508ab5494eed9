// SPDX-License-Identifier: Apache-2.0
// The driver's functions as driver.def writes them down, held against NVIDIA's header where a
// toolkit is: as many parameters, each of the same size and kind. It compiles or it does not.
#include <gtest/gtest.h>

#include "treino/backend/cuda/driver.h"

#if __has_include(<cuda.h>)
#include <cuda.h>

namespace treino::cuda {
namespace {

template <typename Ours, typename Theirs>
constexpr bool kAlike =
    sizeof(Ours) == sizeof(Theirs) && std::is_pointer_v<Ours> == std::is_pointer_v<Theirs> &&
    alignof(Ours) == alignof(Theirs);

template <typename Ours, typename Theirs>
constexpr bool kSameCall = false;
template <typename... Ours, typename... Theirs>
requires(sizeof...(Ours) ==
         sizeof...(Theirs)) constexpr bool kSameCall<Result (*)(Ours...), CUresult (*)(Theirs...)> =
    (kAlike<Ours, Theirs> && ...);

using Ours = Functions;
#define TREINO_CUDA(member, symbol, ...) \
  static_assert(kSameCall<decltype(Ours::member), decltype(&::symbol)>, #symbol);
#include "treino/backend/cuda/driver.def"
#undef TREINO_CUDA

TEST(CudaSignatures, NumbersAreTheHeaders) {
  EXPECT_EQ(static_cast<int>(Result::out_of_memory), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(static_cast<int>(Result::stub_library), CUDA_ERROR_STUB_LIBRARY);
  EXPECT_EQ(static_cast<int>(Result::device_unavailable), CUDA_ERROR_DEVICE_UNAVAILABLE);
  EXPECT_EQ(static_cast<int>(Result::no_device), CUDA_ERROR_NO_DEVICE);
  EXPECT_EQ(static_cast<int>(Result::no_binary_for_gpu), CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_EQ(static_cast<int>(Result::ecc_uncorrectable), CUDA_ERROR_ECC_UNCORRECTABLE);
  EXPECT_EQ(static_cast<int>(Result::invalid_ptx), CUDA_ERROR_INVALID_PTX);
  EXPECT_EQ(static_cast<int>(Result::unsupported_ptx_version), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
  EXPECT_EQ(static_cast<int>(Result::not_found), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(static_cast<int>(Result::illegal_address), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(static_cast<int>(Result::launch_out_of_resources), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  EXPECT_EQ(static_cast<int>(Result::launch_timeout), CUDA_ERROR_LAUNCH_TIMEOUT);
  EXPECT_EQ(static_cast<int>(Result::illegal_instruction), CUDA_ERROR_ILLEGAL_INSTRUCTION);
  EXPECT_EQ(static_cast<int>(Result::misaligned_address), CUDA_ERROR_MISALIGNED_ADDRESS);
  EXPECT_EQ(static_cast<int>(Result::launch_failed), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_EQ(static_cast<int>(Result::contained), CUDA_ERROR_CONTAINED);
  EXPECT_EQ(static_cast<int>(Result::system_not_ready), CUDA_ERROR_SYSTEM_NOT_READY);
  EXPECT_EQ(static_cast<int>(Result::system_driver_mismatch), CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
  EXPECT_EQ(static_cast<int>(Result::compat_not_supported),
            CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE);
  EXPECT_EQ(static_cast<int>(Attribute::multiprocessors), CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  EXPECT_EQ(static_cast<int>(Attribute::shared_bytes_of_block),
            CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  EXPECT_EQ(static_cast<int>(FunctionAttribute::shared_bytes),
            CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  EXPECT_EQ(static_cast<int>(Attribute::clock), CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
  EXPECT_EQ(static_cast<int>(Attribute::memory_clock), CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
  EXPECT_EQ(static_cast<int>(Attribute::memory_width),
            CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
  EXPECT_EQ(static_cast<int>(Attribute::capability_major),
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_EQ(static_cast<int>(Attribute::capability_minor),
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_EQ(sizeof(KernelNode), sizeof(CUDA_KERNEL_NODE_PARAMS));
  EXPECT_EQ(offsetof(KernelNode, parameters), offsetof(CUDA_KERNEL_NODE_PARAMS, kernelParams));
  EXPECT_EQ(offsetof(KernelNode, context), offsetof(CUDA_KERNEL_NODE_PARAMS, ctx));
  EXPECT_EQ(sizeof(GraphEdge), sizeof(CUgraphEdgeData));
  EXPECT_EQ(offsetof(GraphEdge, type), offsetof(CUgraphEdgeData, type));
  EXPECT_EQ(kEarlyEdge.from, CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC);
  EXPECT_EQ(kFullEdge.type, CU_GRAPH_DEPENDENCY_TYPE_DEFAULT);
  EXPECT_EQ(kEarlyEdge.type, CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC);
  EXPECT_EQ(kNonBlockingStream, unsigned{CU_STREAM_NON_BLOCKING});
}

}  // namespace
}  // namespace treino::cuda
#endif
