// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

namespace treino::monitor {

using nvml::Device;
using nvml::Return;

namespace {

// As compiled by NVIDIA.
static_assert(sizeof(nvml::ProcessInfo1) == 16 && sizeof(nvml::ProcessInfo2) == 24);
static_assert(sizeof(nvml::ProcessInfo3) == 32 && sizeof(nvml::Memory1) == 24);
static_assert(sizeof(nvml::Memory2) == 40 && sizeof(nvml::Sample) == 16);
static_assert(sizeof(nvml::ProcessSample) == 32 && sizeof(nvml::ProcessSampleInfo) == 40);
static_assert(sizeof(nvml::ProcessesSamples) == 24 && sizeof(nvml::GpmMetric) == 40);

template <typename... Args>
using Call = int (*)(Args...);

// Calls a function that may be missing in an older library.
template <typename... Args, typename... Given>
Return call(Call<Args...> function, Given... given) {
  return function == nullptr ? nvml::function_not_found : static_cast<Return>(function(given...));
}

constexpr int kGpuUtilizationSamples = 1;
constexpr int kSmClock = 1;
constexpr std::uint32_t kGpmSm = 2, kGpmOccupancy = 3, kGpmDram = 10;

// Once for each version of the process list: asks again with more room while it grows.
template <typename Info>
Return list(Call<Device, unsigned*, Info*> function, Device device,
            std::vector<Nvml::Process>& out) {
  std::vector<Info> room(64);
  for (int attempt = 0; attempt < 4; ++attempt) {
    unsigned count = static_cast<unsigned>(room.size());
    const Return code = call(function, device, &count, room.data());
    if (code == nvml::insufficient_size) {
      room.resize(std::max<std::size_t>(count + std::size_t{64}, room.size() * 2));
      continue;
    }
    if (code != nvml::success) return code;
    for (unsigned i = 0; i < std::min<std::size_t>(count, room.size()); ++i) {
      const Nvml::Process process{room[i].pid, room[i].memory == ~std::uint64_t{0}
                                                   ? std::nullopt
                                                   : std::optional(room[i].memory)};
      const auto same = std::find_if(out.begin(), out.end(), [&](const Nvml::Process& other) {
        return other.pid == process.pid;
      });
      if (same == out.end()) {
        out.push_back(process);
      } else if (process.memory.value_or(0) > same->memory.value_or(0)) {
        same->memory =
            process.memory;  // in both lists: the driver tells the process's whole memory
      }
    }
    return code;
  }
  return nvml::insufficient_size;
}

}  // namespace

struct Nvml::Library {
  void* handle = nullptr;
  bool initialized = false;
  std::string symbols;

  Call<> init = nullptr, shutdown = nullptr;
  Call<unsigned*> count = nullptr;
  Call<unsigned, Device*> by_index = nullptr;
  Call<char*, unsigned> driver = nullptr;
  Call<Device, char*, unsigned> name = nullptr;
  Call<Device, unsigned*> minor = nullptr, power = nullptr;
  Call<Device, int*> display = nullptr;
  Call<Device, unsigned long long*> energy = nullptr, throttle = nullptr;
  Call<Device, int, unsigned*> clock = nullptr;

  struct Lists {
    Call<Device, unsigned*, nvml::ProcessInfo3*> longer = nullptr;
    Call<Device, unsigned*, nvml::ProcessInfo2*> newer = nullptr;  // v3 and v2
    Call<Device, unsigned*, nvml::ProcessInfo1*> oldest = nullptr;
    Return read(Device device, std::vector<Process>& out) const {
      if (longer != nullptr) return list(longer, device, out);
      return newer != nullptr ? list(newer, device, out) : list(oldest, device, out);
    }
  };
  Lists compute, graphics;
  Call<Device, nvml::Memory2*> memory2 = nullptr;
  Call<Device, nvml::Memory1*> memory1 = nullptr;
  Call<Device, nvml::ProcessesSamples*> utilization2 = nullptr;
  Call<Device, nvml::ProcessSample*, unsigned*, unsigned long long> utilization1 = nullptr;
  Call<Device, int, unsigned long long, int*, unsigned*, nvml::Sample*> samples = nullptr;

  Call<Device, unsigned*, unsigned*> mig_mode = nullptr;
  Call<Device, unsigned*> mig_most = nullptr, instance_id = nullptr;
  Call<Device, unsigned, Device*> mig_device = nullptr;

  Call<nvml::GpmMetrics*> gpm_metrics = nullptr;
  Call<nvml::GpmSample*> gpm_alloc = nullptr;
  Call<nvml::GpmSample> gpm_free = nullptr;
  Call<Device, nvml::GpmSample> gpm_sample = nullptr;
  Call<Device, unsigned, nvml::GpmSample> gpm_mig_sample = nullptr;
  Call<Device, nvml::GpmSupport*> gpm_support = nullptr;
  struct Pair {
    nvml::GpmSample before = nullptr, after = nullptr;
    bool filled = false;
  };
  std::map<std::pair<Device, int>, Pair> gpm;
  std::unique_ptr<nvml::GpmMetrics> gpm_room = std::make_unique<nvml::GpmMetrics>();

  template <typename Function>
  bool find(Function& function, const std::string& symbol) {
    function = reinterpret_cast<Function>(dlsym(handle, symbol.c_str()));
    return function != nullptr;
  }

  // The list function of the newest version there is. The bare name has the oldest layout: a
  // library keeps it so for programs built before there was a v2.
  const char* find_lists(Lists& lists, const std::string& symbol) {
    // R535 made the structure of v3 longer and took that back; between the two the library has this
    // pair of functions, one without the other.
    void* longer = dlsym(handle, "nvmlDeviceGetConfComputeMemSizeInfo");
    if (longer != nullptr && dlsym(handle, "nvmlDeviceGetRunningProcessDetailList") == nullptr &&
        find(lists.longer, symbol + "_v3")) {
      return "v3 of early R535";
    }
    if (find(lists.newer, symbol + "_v3")) return "v3";
    if (find(lists.newer, symbol + "_v2")) return "v2";
    return find(lists.oldest, symbol) ? "v1" : "none";
  }

  void find_all() {
    if (!find(init, "nvmlInit_v2")) find(init, "nvmlInit");
    find(shutdown, "nvmlShutdown");
    if (!find(count, "nvmlDeviceGetCount_v2")) find(count, "nvmlDeviceGetCount");
    if (!find(by_index, "nvmlDeviceGetHandleByIndex_v2"))
      find(by_index, "nvmlDeviceGetHandleByIndex");
    find(driver, "nvmlSystemGetDriverVersion");
    find(name, "nvmlDeviceGetName");
    find(minor, "nvmlDeviceGetMinorNumber");
    find(display, "nvmlDeviceGetDisplayActive");
    find(power, "nvmlDeviceGetPowerUsage");
    find(energy, "nvmlDeviceGetTotalEnergyConsumption");
    if (!find(throttle, "nvmlDeviceGetCurrentClocksEventReasons")) {
      find(throttle, "nvmlDeviceGetCurrentClocksThrottleReasons");
    }
    find(clock, "nvmlDeviceGetClockInfo");
    const char* processes = find_lists(compute, "nvmlDeviceGetComputeRunningProcesses");
    find_lists(graphics, "nvmlDeviceGetGraphicsRunningProcesses");
    const bool two = find(memory2, "nvmlDeviceGetMemoryInfo_v2");
    find(memory1, "nvmlDeviceGetMemoryInfo");
    find(utilization2, "nvmlDeviceGetProcessesUtilizationInfo");
    find(utilization1, "nvmlDeviceGetProcessUtilization");
    find(samples, "nvmlDeviceGetSamples");
    find(mig_mode, "nvmlDeviceGetMigMode");
    find(mig_most, "nvmlDeviceGetMaxMigDeviceCount");
    find(mig_device, "nvmlDeviceGetMigDeviceHandleByIndex");
    find(instance_id, "nvmlDeviceGetGpuInstanceId");
    find(gpm_metrics, "nvmlGpmMetricsGet");
    find(gpm_alloc, "nvmlGpmSampleAlloc");
    find(gpm_free, "nvmlGpmSampleFree");
    find(gpm_sample, "nvmlGpmSampleGet");
    find(gpm_mig_sample, "nvmlGpmMigSampleGet");
    find(gpm_support, "nvmlGpmQueryDeviceSupport");
    symbols = fmt::format("processes {}, memory {}", processes, two ? "v2" : "v1");
  }

  ~Library() {
    for (const auto& [key, pair] : gpm) {
      if (pair.before != nullptr) call(gpm_free, pair.before);
      if (pair.after != nullptr) call(gpm_free, pair.after);
    }
    if (initialized) call(shutdown);
    if (handle != nullptr) dlclose(handle);
  }
};

std::unique_ptr<Nvml> Nvml::load(std::string& why) {
  const char* chosen = std::getenv("TREINO_NVML");
  const bool other = chosen != nullptr && *chosen != '\0';
  auto library = std::make_unique<Library>();
  library->handle = dlopen(other ? chosen : "libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (library->handle == nullptr) {
    why = other ? fmt::format("TREINO_NVML={} cannot be loaded", chosen)
                : "no NVIDIA driver: libnvidia-ml.so.1 is not installed";
    return nullptr;
  }
  library->find_all();
  if (library->init == nullptr || library->count == nullptr || library->by_index == nullptr) {
    why = "the NVIDIA library has none of the functions known here";
    return nullptr;
  }
  const Return code = call(library->init);
  if (code != nvml::success) {
    why = nvml_reason(code);
    return nullptr;
  }
  library->initialized = true;
  return std::unique_ptr<Nvml>(new Nvml(std::move(library)));
}

Nvml::Nvml(std::unique_ptr<Library> library) : library_(std::move(library)) {}
Nvml::~Nvml() = default;

std::string Nvml::driver() const {
  char text[96] = "";
  return call(library_->driver, text, unsigned{sizeof text}) == nvml::success ? text : "unknown";
}

std::string Nvml::symbols() const {
  return library_->symbols;
}

std::vector<Device> Nvml::devices() const {
  std::vector<Device> out;
  unsigned count = 0;
  if (call(library_->count, &count) != nvml::success) return out;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    if (call(library_->by_index, i, &device) == nvml::success) out.push_back(device);
  }
  return out;
}

std::string Nvml::name(Device device) const {
  char text[96] = "";
  return call(library_->name, device, text, unsigned{sizeof text}) == nvml::success ? text
                                                                                    : "NVIDIA GPU";
}

std::optional<unsigned> Nvml::minor(Device device) const {
  unsigned number = 0;
  if (call(library_->minor, device, &number) != nvml::success) return std::nullopt;
  return number;
}

bool Nvml::display(Device device) const {
  int active = 0;
  return call(library_->display, device, &active) == nvml::success && active != 0;
}

Return Nvml::processes(Device device, std::vector<Process>& out) {
  out.clear();
  const Return compute = library_->compute.read(device, out);
  if (compute != nvml::success) return compute;
  // A device without graphics mode has no such list; what the first one says stands.
  library_->graphics.read(device, out);
  return nvml::success;
}

Return Nvml::memory(Device device, Memory& out) {
  nvml::Memory2 newer{};
  newer.version = nvml::version<nvml::Memory2>(2);
  if (call(library_->memory2, device, &newer) == nvml::success) {
    out = {newer.total, newer.used};
    return nvml::success;
  }
  nvml::Memory1 older{};
  const Return code = call(library_->memory1, device, &older);
  if (code == nvml::success) out = {older.total, older.used};
  return code;
}

Return Nvml::utilization(Device device, std::uint64_t last_seen, std::vector<Utilization>& out) {
  out.clear();
  std::vector<nvml::ProcessSampleInfo> infos(1024);
  nvml::ProcessesSamples ask{nvml::version<nvml::ProcessesSamples>(1),
                             static_cast<std::uint32_t>(infos.size()), last_seen, infos.data()};
  Return code = call(library_->utilization2, device, &ask);
  if (code == nvml::success) {
    for (unsigned i = 0; i < std::min<std::size_t>(ask.count, infos.size()); ++i) {
      out.push_back({infos[i].pid, infos[i].time, infos[i].sm});
    }
    return code;
  }
  if (code == nvml::not_found || code == nvml::gpu_is_lost || library_->utilization1 == nullptr) {
    return code;
  }
  std::vector<nvml::ProcessSample> samples(1024);
  for (int attempt = 0; attempt < 4; ++attempt) {
    unsigned count = static_cast<unsigned>(samples.size());
    code = call(library_->utilization1, device, samples.data(), &count,
                static_cast<unsigned long long>(last_seen));
    if (code != nvml::insufficient_size) {
      for (unsigned i = 0;
           code == nvml::success && i < std::min<std::size_t>(count, samples.size()); ++i) {
        out.push_back({samples[i].pid, samples[i].time, samples[i].sm});
      }
      break;
    }
    samples.resize(samples.size() * 2);
  }
  return code;
}

Return Nvml::samples(Device device, std::uint64_t last_seen, std::vector<nvml::Sample>& out) {
  out.resize(1024);  // the driver keeps some 100
  unsigned count = static_cast<unsigned>(out.size());
  int type = 0;
  const Return code = call(library_->samples, device, kGpuUtilizationSamples,
                           static_cast<unsigned long long>(last_seen), &type, &count, out.data());
  out.resize(code == nvml::success ? std::min<std::size_t>(count, out.size()) : 0);
  for (nvml::Sample& sample : out) sample.value &= 0xffffffffU;
  return code;
}

Return Nvml::power_mw(Device device, unsigned& out) {
  return call(library_->power, device, &out);
}
Return Nvml::energy_mj(Device device, unsigned long long& out) {
  return call(library_->energy, device, &out);
}
Return Nvml::sm_clock_mhz(Device device, unsigned& out) {
  return call(library_->clock, device, kSmClock, &out);
}
Return Nvml::throttle_reasons(Device device, unsigned long long& out) {
  return call(library_->throttle, device, &out);
}

bool Nvml::mig(Device device) {
  unsigned current = 0, pending = 0;
  return call(library_->mig_mode, device, &current, &pending) == nvml::success && current == 1;
}

std::vector<Nvml::Instance> Nvml::instances(Device device) {
  std::vector<Instance> out;
  unsigned most = 0;
  if (!mig(device) || call(library_->mig_most, device, &most) != nvml::success) return out;
  for (unsigned i = 0; i < most; ++i) {
    Instance instance;
    if (call(library_->mig_device, device, i, &instance.device) != nvml::success) continue;
    if (call(library_->instance_id, instance.device, &instance.gpu_instance) != nvml::success)
      continue;
    out.push_back(instance);
  }
  return out;
}

bool Nvml::has_gpm(Device device) {
  nvml::GpmSupport support{1, 0};
  return call(library_->gpm_support, device, &support) == nvml::success && support.supported != 0 &&
         library_->gpm_metrics != nullptr && library_->gpm_alloc != nullptr;
}

std::optional<Nvml::Gpm> Nvml::gpm(Device device, std::optional<unsigned> gpu_instance) {
  Library& library = *library_;
  Library::Pair& pair = library.gpm[{device, gpu_instance ? static_cast<int>(*gpu_instance) : -1}];
  for (nvml::GpmSample* sample : {&pair.before, &pair.after}) {
    if (*sample == nullptr && call(library.gpm_alloc, sample) != nvml::success) return std::nullopt;
  }
  const Return code = gpu_instance ? call(library.gpm_mig_sample, device, *gpu_instance, pair.after)
                                   : call(library.gpm_sample, device, pair.after);
  if (code != nvml::success) {
    pair.filled = false;
    return std::nullopt;
  }
  nvml::GpmMetrics& ask = *library.gpm_room;
  ask.version = 1;
  ask.count = 3;
  ask.before = pair.before;
  ask.after = pair.after;
  const std::uint32_t ids[] = {kGpmSm, kGpmOccupancy, kGpmDram};
  for (int i = 0; i < 3; ++i) ask.metrics[i] = {.id = ids[i]};
  const bool ready = pair.filled;
  std::swap(pair.before, pair.after);
  pair.filled = true;
  if (!ready || call(library.gpm_metrics, &ask) != nvml::success) return std::nullopt;
  for (int i = 0; i < 3; ++i) {
    const double value = ask.metrics[i].value;
    if (ask.metrics[i].result != nvml::success || !(value >= 0 && value <= 100))
      return std::nullopt;
  }
  return Gpm{ask.metrics[0].value, ask.metrics[1].value, ask.metrics[2].value};
}

const char* nvml_reason(Return code) {
  switch (code) {
    case nvml::success:
      return "";
    case nvml::not_supported:
      return "this GPU or driver does not tell it";
    case nvml::no_permission:
      return "the driver tells it to root only";
    case nvml::not_found:
      return "the driver has no samples";
    case nvml::driver_not_loaded:
      return "the NVIDIA kernel module is not loaded";
    case nvml::library_not_found:
      return "the NVIDIA library lacks a part of its own";
    case nvml::function_not_found:
      return "this driver has no such function";
    case nvml::gpu_is_lost:
      return "the GPU is lost (fallen off the bus)";
    case nvml::reset_required:
      return "the GPU has to be reset";
    case nvml::version_mismatch:
      return "NVIDIA library and kernel module differ in version";
    case nvml::insufficient_size:
      return "the driver's list does not stop growing";
    default:
      return "the NVIDIA driver reports an error";
  }
}

}  // namespace treino::monitor
