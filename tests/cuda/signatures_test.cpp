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
template <typename Result, typename... Ours, typename TheirResult, typename... Theirs>
requires(
    sizeof...(Ours) ==
    sizeof...(Theirs)) constexpr bool kSameCall<Result (*)(Ours...), TheirResult (*)(Theirs...)> =
    kAlike<Result, TheirResult> && (kAlike<Ours, Theirs> && ...);

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
  EXPECT_EQ(static_cast<int>(Attribute::memory_width), CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
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

// The same of cuBLASLt.
#if __has_include(<cublasLt.h>) && __has_include(<cuda.h>)
#include <cublasLt.h>

#include "treino/backend/cuda/cublaslt.h"

namespace treino::cuda::cublaslt {
namespace {

using Ours = Functions;
#define TREINO_CUBLASLT(member, symbol, ...) \
  static_assert(kSameCall<decltype(Ours::member), decltype(&::symbol)>, #symbol);
#include "treino/backend/cuda/cublaslt.def"
#undef TREINO_CUBLASLT

TEST(CublasltSignatures, NumbersAreTheHeaders) {
  EXPECT_EQ(static_cast<int>(DataType::f32), CUDA_R_32F);
  EXPECT_EQ(static_cast<int>(DataType::bf16), CUDA_R_16BF);
  EXPECT_EQ(static_cast<int>(Compute::f32), CUBLAS_COMPUTE_32F);
  EXPECT_EQ(static_cast<int>(Compute::tf32), CUBLAS_COMPUTE_32F_FAST_TF32);
  EXPECT_EQ(static_cast<int>(ProductAttribute::transpose_a), CUBLASLT_MATMUL_DESC_TRANSA);
  EXPECT_EQ(static_cast<int>(ProductAttribute::transpose_b), CUBLASLT_MATMUL_DESC_TRANSB);
  EXPECT_EQ(static_cast<int>(PreferenceAttribute::most_workspace),
            CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
  EXPECT_EQ(static_cast<int>(PreferenceAttribute::reductions),
            CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
  EXPECT_EQ(static_cast<int>(Reduction::none), CUBLASLT_REDUCTION_SCHEME_NONE);
  EXPECT_EQ(static_cast<int>(Reduction::any), CUBLASLT_REDUCTION_SCHEME_MASK);
  EXPECT_EQ(static_cast<int>(AlgorithmAttribute::id), CUBLASLT_ALGO_CONFIG_ID);
  EXPECT_EQ(static_cast<int>(AlgorithmAttribute::tile), CUBLASLT_ALGO_CONFIG_TILE_ID);
  EXPECT_EQ(CUBLAS_OP_T, 1);
  EXPECT_EQ(sizeof(Found), sizeof(cublasLtMatmulHeuristicResult_t));
  EXPECT_EQ(offsetof(Found, workspace), offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
  EXPECT_EQ(offsetof(Found, status), offsetof(cublasLtMatmulHeuristicResult_t, state));
}

}  // namespace
}  // namespace treino::cuda::cublaslt
#endif

// The same of cuDNN, which is packaged apart: -DCMAKE_CXX_FLAGS=-I... says where its header is.
#if __has_include(<cudnn_graph.h>) && __has_include(<cuda.h>)
#include <cudnn_graph.h>

#include "treino/backend/cuda/cudnn.h"

namespace treino::cuda::cudnn {
namespace {

using Ours = Functions;
#define TREINO_CUDNN(member, symbol, ...) \
  static_assert(kSameCall<decltype(Ours::member), decltype(&::symbol)>, #symbol);
#include "treino/backend/cuda/cudnn.def"
#undef TREINO_CUDNN

// Every number by its name there.
#define SAME(ours, theirs) static_assert(static_cast<int>(ours) == static_cast<int>(theirs))
SAME(Type::convolution, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
SAME(Type::engine, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
SAME(Type::engine_config, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
SAME(Type::heuristics, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
SAME(Type::plan, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
SAME(Type::forward, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
SAME(Type::backward_filter, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
SAME(Type::backward_data, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
SAME(Type::graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
SAME(Type::variant_pack, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
SAME(Type::tensor, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
SAME(Kind::handle, CUDNN_TYPE_HANDLE);
SAME(Kind::data_type, CUDNN_TYPE_DATA_TYPE);
SAME(Kind::int64, CUDNN_TYPE_INT64);
SAME(Kind::f32, CUDNN_TYPE_FLOAT);
SAME(Kind::pointer, CUDNN_TYPE_VOID_PTR);
SAME(Kind::convolution_mode, CUDNN_TYPE_CONVOLUTION_MODE);
SAME(Kind::heuristics_mode, CUDNN_TYPE_HEUR_MODE);
SAME(Kind::numerical_note, CUDNN_TYPE_NUMERICAL_NOTE);
SAME(Kind::descriptor, CUDNN_TYPE_BACKEND_DESCRIPTOR);
SAME(Attribute::convolution_computes_in, CUDNN_ATTR_CONVOLUTION_COMP_TYPE);
SAME(Attribute::convolution_mode, CUDNN_ATTR_CONVOLUTION_CONV_MODE);
SAME(Attribute::convolution_dilations, CUDNN_ATTR_CONVOLUTION_DILATIONS);
SAME(Attribute::convolution_strides, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
SAME(Attribute::convolution_pad_after, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
SAME(Attribute::convolution_pad_before, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
SAME(Attribute::convolution_axes, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS);
SAME(Attribute::heuristics_mode, CUDNN_ATTR_ENGINEHEUR_MODE);
SAME(Attribute::heuristics_graph, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
SAME(Attribute::heuristics_results, CUDNN_ATTR_ENGINEHEUR_RESULTS);
SAME(Attribute::config_engine, CUDNN_ATTR_ENGINECFG_ENGINE);
SAME(Attribute::plan_handle, CUDNN_ATTR_EXECUTION_PLAN_HANDLE);
SAME(Attribute::plan_config, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
SAME(Attribute::plan_workspace, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
SAME(Attribute::forward_alpha, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA);
SAME(Attribute::forward_beta, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA);
SAME(Attribute::forward_convolution, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
SAME(Attribute::forward_w, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W);
SAME(Attribute::forward_x, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X);
SAME(Attribute::forward_y, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y);
SAME(Attribute::backward_data_alpha, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA);
SAME(Attribute::backward_data_beta, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
SAME(Attribute::backward_data_convolution, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC);
SAME(Attribute::backward_data_w, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W);
SAME(Attribute::backward_data_dx, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX);
SAME(Attribute::backward_data_dy, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY);
SAME(Attribute::backward_filter_alpha, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA);
SAME(Attribute::backward_filter_beta, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
SAME(Attribute::backward_filter_convolution, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC);
SAME(Attribute::backward_filter_dw, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW);
SAME(Attribute::backward_filter_x, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X);
SAME(Attribute::backward_filter_dy, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY);
SAME(Attribute::graph_handle, CUDNN_ATTR_OPERATIONGRAPH_HANDLE);
SAME(Attribute::graph_operations, CUDNN_ATTR_OPERATIONGRAPH_OPS);
SAME(Attribute::tensor_alignment, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
SAME(Attribute::tensor_data_type, CUDNN_ATTR_TENSOR_DATA_TYPE);
SAME(Attribute::tensor_extents, CUDNN_ATTR_TENSOR_DIMENSIONS);
SAME(Attribute::tensor_strides, CUDNN_ATTR_TENSOR_STRIDES);
SAME(Attribute::tensor_id, CUDNN_ATTR_TENSOR_UNIQUE_ID);
SAME(Attribute::pack_ids, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
SAME(Attribute::pack_pointers, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
SAME(Attribute::pack_workspace, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
SAME(Attribute::engine_index, CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
SAME(Attribute::engine_numerical_notes, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
SAME(DataType::f32, CUDNN_DATA_FLOAT);
SAME(DataType::bf16, CUDNN_DATA_BFLOAT16);
SAME(ConvolutionMode::cross_correlation, CUDNN_CROSS_CORRELATION);
SAME(HeuristicsMode::a, CUDNN_HEUR_MODE_A);
SAME(NumericalNote::tensor_core, CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
SAME(NumericalNote::reduced_precision_sums, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION);
SAME(NumericalNote::fft, CUDNN_NUMERICAL_NOTE_FFT);
SAME(NumericalNote::nondeterministic, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
SAME(NumericalNote::winograd, CUDNN_NUMERICAL_NOTE_WINOGRAD);
SAME(NumericalNote::last, CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
#undef SAME

}  // namespace
}  // namespace treino::cuda::cudnn
#endif
