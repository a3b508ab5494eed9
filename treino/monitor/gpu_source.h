// SPDX-License-Identifier: Apache-2.0
// Where GPU readings come from: one source a kind of driver, all with the same passes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "treino/monitor/probe.h"

namespace treino::monitor {

// What is known of the tree's use of GPUs, the best first. The words of the column gpu_status.
enum class GpuState {
  ok,             // read from the driver for the tree's own processes
  idle,           // the tree uses no GPU (the driver's list was read and nothing speaks against it)
  inferred,       // worked out: one process left over on both sides, or a device nobody else uses
  pid_namespace,  // a process holds the GPU, but the driver speaks of other pids
  no_permission,
  lost,
  unsupported,  // no GPU, no driver, or one that cannot tell
};
const char* to_text(GpuState state);  // "pid-namespace"

// What one pass found. Percent are of one GPU: two busy ones make 200.
struct GpuPass {
  GpuState state = GpuState::unsupported;
  const char* why = "";  // of every state but ok and idle, for people

  // Of the tree. Mean since the last pass with news from the driver; absent when there is none.
  Reading util_pct, mem_mib, mem_pct;
  // Totals since the source was made.
  Reading gpu_s, energy_j;
  // Of the devices the tree uses, other processes included.
  Reading device_util_pct, power_w, sm_mhz;
  Reading sm_pct, occupancy_pct, dram_pct;  // Hopper and later: GPM
  const char* throttle = "not read";        // "none", "power cap", ...
  bool slowed = false;                      // by heat or power

  double mem_total_mib = 0;  // of those devices; 0: unknown
  bool news = false;         // the driver had new samples: worth asking again as soon
};

class GpuSource {
 public:
  virtual ~GpuSource() = default;
  // `t`: seconds, CLOCK_MONOTONIC. `pids`: alive in the tree now.
  virtual GpuPass pass(double t, std::span<const pid_t> pids) = 0;
  virtual std::string method() const = 0;
};

struct GpuSourceOptions {
  std::string root;  // put before /proc, /sys and /dev
  // The driver's clock of samples, in microseconds since 1970. For tests.
  std::function<std::uint64_t()> driver_now;
};

// Null where there is no such driver or device: `why` says why.
std::unique_ptr<GpuSource> make_nvml_source(const GpuSourceOptions& options, std::string& why);
std::unique_ptr<GpuSource> make_drm_source(const GpuSourceOptions& options, std::string& why);

// Finds out which processes hold device files, at most once a second for a process that holds none.
class DeviceHolders {
 public:
  explicit DeviceHolders(std::string root) : root_(std::move(root)) {}

  struct Held {
    pid_t pid = 0;
    std::vector<std::string> devices;  // "/dev/nvidia0", each once
    std::vector<int> files;            // descriptors, beside `devices`
    bool readable = true;              // false: no permission to look
  };
  // Those of `pids` that hold a file under one of the prefixes, or could not be looked at.
  const std::vector<Held>& look(double t, std::span<const pid_t> pids,
                                std::span<const char* const> prefixes);

 private:
  Held look_at(pid_t pid, std::span<const char* const> prefixes) const;

  std::string root_;
  std::vector<Held> held_;
  std::vector<std::pair<pid_t, double>> looked_;  // at those that held nothing, when
};

}  // namespace treino::monitor
