// SPDX-License-Identifier: Apache-2.0
// NVIDIA's management library, loaded at run time where a driver is. Its declarations are our own:
// the binary interface of the functions used, every version of them that is in use (drivers from
// 418 on have one or the other). Field order and sizes follow NVIDIA's documentation of nvml.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace treino::monitor {

namespace nvml {

enum Return : int {
  success = 0,
  uninitialized = 1,
  invalid_argument = 2,
  not_supported = 3,
  no_permission = 4,
  not_found = 6,
  insufficient_size = 7,
  driver_not_loaded = 9,
  library_not_found = 12,
  function_not_found = 13,
  gpu_is_lost = 15,
  reset_required = 16,
  version_mismatch = 18,  // of library and driver
  no_data = 21,
  unknown = 999,
};

using Device = struct OpaqueDevice*;
using GpmSample = struct OpaqueGpmSample*;

struct ProcessInfo1 {
  std::uint32_t pid;
  std::uint64_t memory;
};
struct ProcessInfo2 {
  std::uint32_t pid;
  std::uint64_t memory;  // ~0: the driver does not know (WDDM, WSL 2)
  std::uint32_t gpu_instance, compute_instance;
};
// What the v3 lists give in the first R535 drivers only.
struct ProcessInfo3 {
  std::uint32_t pid;
  std::uint64_t memory;
  std::uint32_t gpu_instance, compute_instance;
  std::uint64_t protected_memory;
};
struct Memory1 {
  std::uint64_t total, free, used;  // used contains what is reserved
};
struct Memory2 {
  std::uint32_t version;
  std::uint64_t total, reserved, free, used;
};
struct Sample {
  std::uint64_t time;   // microseconds
  std::uint64_t value;  // a union; unsigned int in its first bytes for what is asked here
};
struct ProcessSample {
  std::uint32_t pid;
  std::uint64_t time;
  std::uint32_t sm, memory, encoder, decoder;
};
struct ProcessSampleInfo {
  std::uint64_t time;
  std::uint32_t pid, sm, memory, encoder, decoder, jpeg, ofa;
};
struct ProcessesSamples {
  std::uint32_t version, count;
  std::uint64_t last_seen;
  ProcessSampleInfo* samples;
};
struct GpmMetric {
  std::uint32_t id;
  int result;
  double value;
  char *short_name, *long_name, *unit;
};
struct GpmMetrics {
  std::uint32_t version, count;
  GpmSample before, after;
  GpmMetric metrics[512];  // only the first `count` are touched
};
struct GpmSupport {
  std::uint32_t version, supported;
};

// A structure's version as the library wants it: size and number.
template <typename T>
constexpr std::uint32_t version(std::uint32_t number) {
  return static_cast<std::uint32_t>(sizeof(T)) | (number << 24);
}

}  // namespace nvml

// The library with its versions evened out. One thread.
class Nvml {
 public:
  // From TREINO_NVML, or libnvidia-ml.so.1. Null where there is none or no driver: `why` says why,
  // in a few words.
  static std::unique_ptr<Nvml> load(std::string& why);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::string driver() const;   // "550.54.14"
  std::string symbols() const;  // which versions are in use: "processes v3, memory v2"
  std::vector<nvml::Device> devices() const;
  std::string name(nvml::Device device) const;
  std::optional<unsigned> minor(nvml::Device device) const;  // N of /dev/nvidiaN
  bool display(nvml::Device device) const;                   // a screen hangs on it

  struct Process {
    std::uint32_t pid = 0;
    std::optional<std::uint64_t> memory;  // bytes; nothing: the driver does not know
  };
  // Compute and graphics processes, each once.
  nvml::Return processes(nvml::Device device, std::vector<Process>& out);

  struct Memory {
    std::uint64_t total = 0,
                  used = 0;  // without what the driver keeps for itself, where it says so
  };
  nvml::Return memory(nvml::Device device, Memory& out);

  struct Utilization {
    std::uint32_t pid = 0;
    std::uint64_t time = 0;
    std::uint32_t sm = 0;  // percent
  };
  // Samples newer than last_seen. Everything the driver gives, garbage included.
  nvml::Return utilization(nvml::Device device, std::uint64_t last_seen,
                           std::vector<Utilization>& out);
  // The device's own: share of time in which any kernel ran, percent.
  nvml::Return samples(nvml::Device device, std::uint64_t last_seen,
                       std::vector<nvml::Sample>& out);

  nvml::Return power_mw(nvml::Device device, unsigned& out);
  nvml::Return energy_mj(nvml::Device device,
                         unsigned long long& out);  // since the driver was loaded
  nvml::Return sm_clock_mhz(nvml::Device device, unsigned& out);
  nvml::Return throttle_reasons(nvml::Device device, unsigned long long& out);

  // Multi-instance mode: the instances, with the number GPM wants. Empty when it is off.
  struct Instance {
    nvml::Device device = nullptr;
    unsigned gpu_instance = 0;
  };
  bool mig(nvml::Device device);
  std::vector<Instance> instances(nvml::Device device);

  // Hopper's counters, between this call and the one before for the same device or instance.
  struct Gpm {
    double sm = 0, occupancy = 0, dram = 0;  // percent
  };
  bool has_gpm(nvml::Device device);
  std::optional<Gpm> gpm(nvml::Device device, std::optional<unsigned> gpu_instance);

 private:
  struct Library;
  explicit Nvml(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

// What a return code means in a few words, for status and doctor. A literal.
const char* nvml_reason(nvml::Return code);

}  // namespace treino::monitor
