// SPDX-License-Identifier: Apache-2.0
// How busy a tree kept an NVIDIA GPU, from what its driver says. Samples repeat, are garbage, speak
// of other pids: each case stands here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "treino/monitor/nvml.h"

namespace treino::monitor {

// The tree as the driver's pids have to be compared with it.
struct TreePids {
  std::string root;             // before /proc
  std::span<const pid_t> pids;  // alive in the tree now
  // A driver's pid of another namespace and ours, where that was worked out.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> mapped;

  bool has(std::uint32_t pid) const;
  // Whether our /proc has such a process at all.
  bool seen_here(std::uint32_t pid) const;
};

// What has a list of processes and memory of its own: a device, or an instance of a divided one.
struct NvmlPart {
  nvml::Device device = nullptr;
  std::optional<unsigned> instance;
  std::uint64_t before = 0;  // bytes in use when the watch began
  nvml::Return list = nvml::success;
  std::vector<Nvml::Process> processes;
  bool used = false;  // by the tree
};
struct NvmlBoard {
  nvml::Device device = nullptr;
  std::optional<unsigned> minor;
  std::uint64_t seen = 0, device_seen = 0;  // newest accepted sample, microseconds
  bool gpm = false, mig = false;
  std::vector<NvmlPart> parts;
  std::optional<unsigned long long> energy;  // mJ at the last pass
  bool held = false;                         // a member has it open for computing
  bool used = false;
};

struct NvmlUse {
  bool known = false;
  double pct = 0;
  double seconds = 0;  // that the new samples stand for
  const char* note = "";
  const char* why = nullptr;  // unknown for a reason, not just nothing new
};

// All processes': mean of the device's new samples, each for the time since the one before.
NvmlUse device_use(Nvml& nvml, NvmlBoard& board);
// The tree's, where the process list could be read. `now`: the driver's clock.
NvmlUse process_use(Nvml& nvml, NvmlBoard& board, const TreePids& tree, std::uint64_t now);
// The tree's on a divided GPU, which has no samples of processes: its instances' own counters where
// the tree is alone in them.
NvmlUse instance_use(Nvml& nvml, NvmlBoard& board, const TreePids& tree, std::uint64_t now);

}  // namespace treino::monitor
