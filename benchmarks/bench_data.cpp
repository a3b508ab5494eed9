// SPDX-License-Identifier: Apache-2.0
// How long a set takes until it is in memory. Prints one JSON object a line:
//   bench_data ready NAME        loads a set without the index, then from it
//   bench_data decode FOLDER     decodes every picture of a class-per-folder set, pixels kept
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/data/load.h"
#include "treino/data/parallel.h"

namespace {

using namespace treino;

// Of the whole process, user and system: what a busy machine leaves unchanged.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void ready(const std::string& name) {
  for (const bool index : {false, true}) {
    double best = 1e9, least_cpu = 1e9;
    for (int i = 0; i < 9; ++i) {  // the first one with the index writes it
      const double begin = monotonic_seconds(), cpu = cpu_seconds();
      const data::Dataset dataset = data::load(name, {.download = false, .index = index});
      best = std::min(best, monotonic_seconds() - begin);
      least_cpu = std::min(least_cpu, cpu_seconds() - cpu);
    }
    fmt::print("{{\"set\":\"{}\",\"index\":{},\"seconds\":{:.4f},\"cpu_seconds\":{:.4f}}}\n", name,
               index, best, least_cpu);
  }
}

void decode(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::vector<std::int64_t> sums(files.size());
  const double begin = monotonic_seconds(), cpu = cpu_seconds();
  data::parallel_for(files.size(), [&](std::size_t i) {
    const HostTensor image = data::read_image(files[i], 3);
    sums[i] = image.as<std::uint8_t>()[0];
  });
  fmt::print("{{\"pictures\":{},\"seconds\":{:.4f},\"cpu_seconds\":{:.4f}}}\n", files.size(),
             monotonic_seconds() - begin, cpu_seconds() - cpu);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 3 ? argv[1] : "";
  try {
    if (what == "ready") {
      ready(argv[2]);
    } else if (what == "decode") {
      decode(argv[2]);
    } else {
      fmt::print(stderr, "usage: bench_data ready NAME | bench_data decode FOLDER\n");
      return 2;
    }
  } catch (const Error& error) {
    fmt::print(stderr, "bench_data: {}\n", error.what());
    return 1;
  }
  return 0;
}
