// SPDX-License-Identifier: Apache-2.0
// What doctor says of GPUs.
#include <fmt/format.h>
#include <unistd.h>

#include "treino/monitor/gpu.h"
#include "treino/monitor/nvml.h"

namespace treino::monitor {

namespace {

Capability nvidia_processes(Nvml& nvml, const std::vector<nvml::Device>& devices) {
  Capability capability{.name = "NVIDIA: memory and use of each process"};
  std::vector<Nvml::Process> processes;
  const nvml::Return code = nvml.processes(devices.front(), processes);
  capability.ok = code == nvml::success;
  capability.reason =
      capability.ok ? fmt::format("the list can be read; {} process(es) now", processes.size())
                    : nvml_reason(code);
  if (!capability.ok) capability.remedy = "update the NVIDIA driver";
  if (code == nvml::no_permission) {
    capability.remedy = "run as root, or as admin: NVreg_RestrictProfilingToAdminUsers=0";
  }
  return capability;
}

}  // namespace

void gpu_capabilities(const std::string& root, std::vector<Capability>& out) {
  std::string why;
  Capability nvidia{.name = "NVIDIA GPU"};
  if (const auto nvml = Nvml::load(why)) {
    const std::vector<nvml::Device> devices = nvml->devices();
    nvidia.ok = !devices.empty();
    nvidia.reason = nvidia.ok
                        ? fmt::format("{} x {}, driver {}, {}", devices.size(),
                                      nvml->name(devices.front()), nvml->driver(), nvml->symbols())
                        : "the driver sees no GPU";
    out.push_back(nvidia);
    if (nvidia.ok) {
      out.push_back(nvidia_processes(*nvml, devices));
      const bool mig = nvml->mig(devices.front());
      const bool gpm = nvml->has_gpm(devices.front());
      out.push_back({.name = "NVIDIA: multiprocessors, occupancy, memory bandwidth (GPM)",
                     .ok = gpm,
                     .reason = gpm ? (mig ? "for each instance (MIG)" : "yes")
                                   : "only Hopper and later GPUs have these counters",
                     .remedy = gpm ? "" : "none for this GPU; the other columns do without"});
    }
  } else {
    nvidia.reason = why;
    nvidia.remedy = "look at nvidia-smi";
    if (why.find("not installed") != why.npos) {
      nvidia.remedy = access((root + "/dev/nvidiactl").c_str(), F_OK) == 0
                          ? "in a container: start it with --gpus all (NVIDIA Container Toolkit)"
                          : "with an NVIDIA GPU: install its driver (Debian: nvidia-driver)";
    } else if (why.find("differ in version") != why.npos) {
      nvidia.remedy = "reboot, or reload the nvidia modules, after a driver update";
    } else if (why.find("not loaded") != why.npos) {
      nvidia.remedy = "as root: modprobe nvidia";
    }
    out.push_back(nvidia);
  }
  std::string drm_why;
  const GpuSourceOptions options{.root = root, .driver_now = {}};
  const auto drm = make_drm_source(options, drm_why);
  out.push_back(
      {.name = "AMD or Intel GPU",
       .ok = drm != nullptr,
       .reason = drm != nullptr ? drm->method() : drm_why,
       .remedy = drm != nullptr ? "" : "with one: load its kernel driver (amdgpu, i915, xe)"});
}

}  // namespace treino::monitor
