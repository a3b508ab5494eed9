# The CUDA backend's kernels: compiled by nvcc where it is found and kept inside the library. Nothing
# of CUDA is linked. TREINO_CUDA: AUTO (where nvcc is), ON (or fail), OFF.

set(TREINO_CUDA AUTO CACHE STRING "Kernels for NVIDIA GPUs: AUTO, ON or OFF")
if(NOT TREINO_CUDA STREQUAL "OFF")
  find_program(TREINO_NVCC nvcc PATHS /usr/local/cuda/bin)
  if(TREINO_NVCC)
    set(fatbin ${PROJECT_BINARY_DIR}/treino_cuda.fatbin)
    file(GLOB cuda_kernel_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/treino/backend/cuda/kernels/*.h
         ${PROJECT_SOURCE_DIR}/treino/backend/cuda/kernels/*.def)
    set(cuda_folder ${PROJECT_SOURCE_DIR}/treino/backend/cuda)
    add_custom_command(
      OUTPUT ${fatbin} BYPRODUCTS ${fatbin}.report
      COMMAND ${CMAKE_COMMAND} -DREPORT=${fatbin}.report -P ${PROJECT_SOURCE_DIR}/cmake/compile_kernels.cmake --
              ${TREINO_NVCC} -fatbin -std=c++20 -O3 --expt-relaxed-constexpr -diag-suppress 186 -Xptxas -v -I${PROJECT_SOURCE_DIR}
              -gencode arch=compute_80,code=sm_80 -gencode "arch=compute_90,code=[sm_90,compute_90]"
              -o ${fatbin} ${cuda_folder}/kernels.cu
      DEPENDS ${PROJECT_SOURCE_DIR}/cmake/compile_kernels.cmake
              ${cuda_folder}/kernels.cu ${cuda_folder}/kernels.h ${cuda_folder}/kernels.def ${cuda_kernel_headers}
              ${PROJECT_SOURCE_DIR}/treino/runtime/augment.h ${PROJECT_SOURCE_DIR}/treino/base/rng.h
              ${PROJECT_SOURCE_DIR}/treino/base/device_code.h ${PROJECT_SOURCE_DIR}/treino/base/round_mantissa.h
              ${PROJECT_SOURCE_DIR}/treino/graph/ops.def ${PROJECT_SOURCE_DIR}/treino/graph/attributes.h
      COMMENT "Compiling the kernels for GPUs" VERBATIM)
    set_source_files_properties(${cuda_folder}/image.cpp PROPERTIES OBJECT_DEPENDS ${fatbin}
                                COMPILE_DEFINITIONS "TREINO_CUDA_FATBIN=\"${fatbin}\"")
    target_sources(treino_backend_cuda PRIVATE ${fatbin})
  elseif(TREINO_CUDA STREQUAL "ON")
    message(FATAL_ERROR "TREINO_CUDA=ON, but nvcc is not found")
  endif()
endif()
