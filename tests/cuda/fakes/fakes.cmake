# Stand-ins for NVIDIA's driver: one, and one that lacks what old drivers lack.
treino_tests(cuda LINKS treino_train treino_backend)
target_sources(treino_test_cuda PRIVATE support/program.cpp train/support.cpp)
add_dependencies(treino_test_cuda treino_cli)
function(treino_fake_cuda target)  # the CUDA device among the backends of these tests
  add_dependencies(${target} treino_fake_cuda)
  target_compile_definitions(${target} PRIVATE TREINO_FAKE_CUDA_LIBRARY="$<TARGET_FILE:treino_fake_cuda>")
endfunction()

file(GLOB fake_cuda_sources CONFIGURE_DEPENDS cuda/fakes/*.cpp)
foreach(name fake_cuda fake_old_cuda)
  add_library(treino_${name} MODULE ${fake_cuda_sources})
  treino_compile_options(treino_${name})
  target_link_libraries(treino_${name} PRIVATE treino_runtime nlohmann_json::nlohmann_json)
  add_dependencies(treino_test_cuda treino_${name})
endforeach()
target_compile_definitions(treino_fake_old_cuda PRIVATE FAKE_CUDA_OLD)
target_compile_definitions(treino_test_cuda PRIVATE
                           TREINO_FAKE_CUDA_LIBRARY="$<TARGET_FILE:treino_fake_cuda>"
                           TREINO_FAKE_OLD_CUDA_LIBRARY="$<TARGET_FILE:treino_fake_old_cuda>")
# The signatures test reads NVIDIA's header where there is one.
find_path(TREINO_CUDA_HEADERS cuda.h PATHS /usr/local/cuda/include NO_CACHE)
if(TREINO_CUDA_HEADERS)
  target_include_directories(treino_test_cuda SYSTEM PRIVATE ${TREINO_CUDA_HEADERS})
endif()
