// SPDX-License-Identifier: Apache-2.0
//   treino_bench_kernels [FAMILY...]     all families, or those named
#include "benchmarks/gpu/lab.h"

#include <cstring>

// A family of kernels a row.
#define TREINO_FAMILIES(F) \
  F(conv)                  \
  F(dense)                 \
  F(norm)

namespace treino::lab {

#define TREINO_FAMILY(name) void name();
TREINO_FAMILIES(TREINO_FAMILY)
#undef TREINO_FAMILY

double microseconds(const std::function<void(cudaStream_t)>& launch, int chain, int replays) {
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t ready;
  cudaEvent_t begin, end;
  check(cudaStreamCreate(&stream), "stream");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  for (int i = 0; i < chain; ++i) launch(stream);
  check(cudaStreamEndCapture(stream, &graph), "capture");
  check(cudaGraphInstantiate(&ready, graph, 0), "graph");
  check(cudaEventCreate(&begin), "event");
  check(cudaEventCreate(&end), "event");
  std::vector<double> each;
  for (int i = -2; i < replays; ++i) {  // the first warm caches and clocks
    check(cudaEventRecord(begin, stream), "event");
    check(cudaGraphLaunch(ready, stream), "graph");
    check(cudaEventRecord(end, stream), "event");
    check(cudaStreamSynchronize(stream), "graph");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "event");
    if (i >= 0) each.push_back(double{milliseconds} * 1000 / chain);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  cudaGraphExecDestroy(ready);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  std::sort(each.begin(), each.end());
  return each[each.size() / 2];
}

namespace {
__global__ void nothing() {}
}  // namespace

}  // namespace treino::lab

int main(int count, char** names) {
  using namespace treino::lab;
  cudaDeviceProp device;
  check(cudaGetDeviceProperties(&device, 0), "GPU");
  const auto empty = [](cudaStream_t stream) {
    nothing<<<132, treino::cuda::kThreads, 0, stream>>>();
  };
  for (int i = 0; i < 20; ++i) microseconds(empty);
  std::printf("%s, %d multiprocessors; us a launch in a chain, an empty one of 132 blocks %.2f\n",
              device.name, device.multiProcessorCount, microseconds(empty));
  const auto wanted = [&](const char* name) {
    return count < 2 || std::any_of(names + 1, names + count, [&](const char* other) {
             return std::strcmp(name, other) == 0;
           });
  };
#define TREINO_FAMILY(name) \
  if (wanted(#name)) treino::lab::name();
  TREINO_FAMILIES(TREINO_FAMILY)
}
