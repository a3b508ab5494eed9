# The CPU backend's kernels are compiled once for each instruction set; which copy runs is decided by
# CPUID. In the library itself they are compiled for the plainest processor.

file(GLOB kernel_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/treino/backend/cpu/kernels/*.cpp)
set(kernel_flags -ffp-contract=fast -fno-math-errno -fno-trapping-math)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns of its own intrinsics headers.
  list(APPEND kernel_flags -Wno-maybe-uninitialized -Wno-uninitialized)
endif()
set_source_files_properties(${kernel_sources} PROPERTIES COMPILE_OPTIONS "${kernel_flags}")

# treino_kernels(<name> <flag>...): the kernels in namespace <name>, compiled with these flags.
function(treino_kernels isa)
  set(target treino_kernels_${isa})
  add_library(${target} OBJECT ${kernel_sources})
  treino_compile_options(${target})
  target_compile_definitions(${target} PRIVATE TREINO_ISA=${isa})
  target_compile_options(${target} PRIVATE ${ARGN})
  target_sources(treino_backend_cpu PRIVATE $<TARGET_OBJECTS:${target}>)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  treino_kernels(avx2 -mavx2 -mfma)
  treino_kernels(avx512 -mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx2 -mfma -mprefer-vector-width=512)
  target_compile_definitions(treino_backend_cpu PRIVATE TREINO_X86_KERNELS)
endif()
