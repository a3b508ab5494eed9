// SPDX-License-Identifier: Apache-2.0
// Where the tests find what they read and run: where it was built, or, for test programs that were
// carried to another machine, where the environment says.
#pragma once

#include <cstdlib>
#include <string>

namespace treino::test {

inline std::string or_environment(const char* name, const char* built) {
  const char* said = std::getenv(name);
  return said != nullptr && *said != '\0' ? said : built;
}

#ifdef TREINO_SOURCE_DIR
inline std::string source_folder() {
  return or_environment("TREINO_TEST_SOURCES", TREINO_SOURCE_DIR);
}
#endif

#ifdef TREINO_BINARY
inline std::string program_path() {
  return or_environment("TREINO_TEST_PROGRAM", TREINO_BINARY);
}
#endif

#ifdef TREINO_FAKE_CUDA_LIBRARY
// TREINO_TEST_CUDA=real: the tests of the CUDA device run on this machine's driver and GPU with the
// kernels built in, and not on the stand-in.
inline bool on_real_gpu() {
  return or_environment("TREINO_TEST_CUDA", "") == "real";
}
// What TREINO_CUDA_DRIVER, TREINO_CUDA_IMAGE, TREINO_CUDNN or TREINO_CUBLASLT (`name`) is to be for
// them.
inline std::string cuda_under_test(const char* name) {
  return on_real_gpu() ? or_environment(name, "") : TREINO_FAKE_CUDA_LIBRARY;
}
#endif

}  // namespace treino::test
