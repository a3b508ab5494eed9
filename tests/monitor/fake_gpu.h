// SPDX-License-Identifier: Apache-2.0
// A machine with GPUs that are not there: a fake root for /proc and /sys, a fake NVIDIA library.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "treino/monitor/gpu_source.h"

namespace treino::monitor {

using Json = nlohmann::json;

class FakeMachine {
 public:
  ~FakeMachine() {
    unsetenv("TREINO_NVML");
    unsetenv("TREINO_FAKE_NVML");
  }

  const std::string& root() const { return folder_.path(); }
  void write(const std::string& path, const std::string& text) { folder_.write(path, text); }

  // A process that holds these files open; descriptors from 3 on.
  void process(int pid, const std::vector<std::string>& files = {}) {
    const std::filesystem::path folder = folder_ / ("proc/" + std::to_string(pid)) + "/fd";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::filesystem::create_symlink(files[i], folder / std::to_string(i + 3));
    }
  }
  void computing(int pid) { process(pid, {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0"}); }

  // What the NVIDIA library says from now on.
  void nvidia(const Json& scenario, int version = 3) {
    setenv("TREINO_FAKE_NVML", folder_.write("nvml.json", scenario.dump()).c_str(), 1);
    setenv("TREINO_NVML",
           (std::string(TREINO_FAKE_NVML_FOLDER) + "/libtreino_fake_nvml_" +
            std::to_string(version) + ".so")
               .c_str(),
           1);
  }

  GpuSourceOptions options() {
    return {.root = root(), .driver_now = [this] { return now_us; }};
  }

  std::uint64_t now_us = 1'000'000'000;

 private:
  test::TemporaryFolder folder_;
};

// One idle 80 GiB device without processes.
inline Json one_device() {
  return {{"driver", "550.54"},
          {"devices",
           {{{"name", "Fake H100"},
             {"total_mib", 81920},
             {"used_mib", 600},
             {"reserved_mib", 500},
             {"power_mw", 100000},
             {"energy_mj", 5000000},
             {"clock_mhz", 1980},
             {"throttle", 0},
             {"processes", Json::array()},
             {"samples", Json::array()},
             {"device_samples", Json::array()}}}}};
}

}  // namespace treino::monitor
