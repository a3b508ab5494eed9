// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml that replays what drivers were seen to say. The JSON file named by
// TREINO_FAKE_NVML is read anew at every call, so that a test moves time by writing it. Built in
// several versions: FAKE_NVML_VERSION 1, 2, 3 and 535 (the first R535 drivers' longer structure).
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "treino/monitor/nvml.h"

using namespace treino::monitor;
using Json = nlohmann::json;
using nvml::Device;

namespace {

Json scenario() {
  const char* path = std::getenv("TREINO_FAKE_NVML");
  if (path == nullptr) return Json::object();
  std::ifstream file(path);
  return Json::parse(file);
}

// Handles: 1 + index; instances 1000 * (1 + index of the device) + index.
std::size_t handle(Device device) {
  return reinterpret_cast<std::size_t>(device);
}
Device make_handle(std::size_t value) {
  return reinterpret_cast<Device>(value);
}

// The object of a device or instance; null where there is none.
Json find(Device device) {
  const Json all = scenario();
  const std::size_t value = handle(device);
  if (value >= 1000) return all["devices"][value / 1000 - 1]["instances"][value % 1000];
  return all["devices"][value - 1];
}

int code(const Json& object, const char* key, int otherwise) {
  if (object.value("lost", false)) return nvml::gpu_is_lost;
  return object.value(key, otherwise);
}

template <typename T>
int number(Device device, const char* key, T* out) {
  const Json object = find(device);
  const int result = code(object, (std::string(key) + "_code").c_str(), 0);
  if (result != 0) return result;
  if (!object.contains(key)) return nvml::not_supported;
  *out = object[key].get<T>();
  return nvml::success;
}

template <typename Info>
int processes(Device device, const char* key, unsigned* count, Info* out) {
  const Json object = find(device);
  const int result = code(object, "list_code", 0);
  if (result != 0) return result;
  const Json list = object.value(key, Json::array());
  if (list.size() > *count) {
    *count = static_cast<unsigned>(list.size());
    return nvml::insufficient_size;
  }
  *count = static_cast<unsigned>(list.size());
  std::memset(static_cast<void*>(out), 0xee, sizeof(Info) * list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    out[i].pid = list[i]["pid"];
    out[i].memory =
        list[i].contains("mib") ? list[i]["mib"].get<std::uint64_t>() << 20 : ~std::uint64_t{0};
  }
  return nvml::success;
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
  return scenario().value("init", 0);
}
int nvmlShutdown() {
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(scenario().value("devices", Json::array()).size());
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* out) {
  *out = make_handle(index + 1);
  return 0;
}
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  std::strncpy(text, scenario().value("driver", std::string("999.99")).c_str(), size);
  return 0;
}
int nvmlDeviceGetName(Device device, char* text, unsigned size) {
  std::strncpy(text, find(device).value("name", std::string("Fake GPU")).c_str(), size);
  return 0;
}
int nvmlDeviceGetMinorNumber(Device device, unsigned* out) {
  *out = find(device).value("minor", static_cast<unsigned>(handle(device) - 1));
  return 0;
}
int nvmlDeviceGetDisplayActive(Device device, int* out) {
  *out = find(device).value("display", 0);
  return 0;
}
int nvmlDeviceGetPowerUsage(Device device, unsigned* out) {
  return number(device, "power_mw", out);
}
int nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long* out) {
  return number(device, "energy_mj", out);
}
int nvmlDeviceGetClockInfo(Device device, int, unsigned* out) {
  return number(device, "clock_mhz", out);
}
int nvmlDeviceGetCurrentClocksThrottleReasons(Device device, unsigned long long* out) {
  return number(device, "throttle", out);
}

int nvmlDeviceGetComputeRunningProcesses(Device device, unsigned* count, nvml::ProcessInfo1* out) {
  return processes(device, "processes", count, out);
}
int nvmlDeviceGetGraphicsRunningProcesses(Device device, unsigned* count, nvml::ProcessInfo1* out) {
  return processes(device, "graphics", count, out);
}
int nvmlDeviceGetMemoryInfo(Device device, nvml::Memory1* out) {
  const Json object = find(device);
  const int result = code(object, "memory_code", object.contains("total_mib") ? 0 : 3);
  if (result != 0) return result;
  out->total = object["total_mib"].get<std::uint64_t>() << 20;
  out->used = (object.value("used_mib", 0ULL) + object.value("reserved_mib", 0ULL)) << 20;
  out->free = out->total - out->used;
  return 0;
}
// Samples newer than last_seen; with "stale" the whole buffer, as some drivers do.
int nvmlDeviceGetProcessUtilization(Device device, nvml::ProcessSample* out, unsigned* count,
                                    unsigned long long last_seen) {
  const Json object = find(device);
  const int result = code(object, "utilization_code", 0);
  if (result != 0) return result;
  unsigned written = 0;
  for (const Json& sample : object.value("samples", Json::array())) {
    if (!object.value("stale", false) && sample["time"] <= last_seen) continue;
    if (written == *count) return nvml::insufficient_size;
    out[written++] = {sample["pid"], sample["time"], sample["sm"], 0, 0, 0};
  }
  *count = written;
  return written == 0 ? nvml::not_found : nvml::success;
}
int nvmlDeviceGetSamples(Device device, int, unsigned long long last_seen, int* type,
                         unsigned* count, nvml::Sample* out) {
  const Json object = find(device);
  const int result = code(object, "device_samples_code", 0);
  if (result != 0) return result;
  unsigned written = 0;
  *type = 1;
  for (const Json& sample : object.value("device_samples", Json::array())) {
    if (sample["time"] <= last_seen || written == *count) continue;
    // The upper half of the union is not written by the driver.
    out[written++] = {sample["time"], 0xdddddddd00000000ULL | sample["value"].get<unsigned>()};
  }
  *count = written;
  return written == 0 ? nvml::not_found : nvml::success;
}

#if FAKE_NVML_VERSION >= 2
int nvmlDeviceGetComputeRunningProcesses_v2(Device device, unsigned* count,
                                            nvml::ProcessInfo2* out) {
  return processes(device, "processes", count, out);
}
int nvmlDeviceGetGraphicsRunningProcesses_v2(Device device, unsigned* count,
                                             nvml::ProcessInfo2* out) {
  return processes(device, "graphics", count, out);
}
#endif

#if FAKE_NVML_VERSION == 535
int nvmlDeviceGetConfComputeMemSizeInfo(Device, void*) {
  return nvml::not_supported;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned* count,
                                            nvml::ProcessInfo3* out) {
  return processes(device, "processes", count, out);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(Device device, unsigned* count,
                                             nvml::ProcessInfo3* out) {
  return processes(device, "graphics", count, out);
}
#elif FAKE_NVML_VERSION >= 3
int nvmlDeviceGetConfComputeMemSizeInfo(Device, void*) {
  return nvml::not_supported;
}
int nvmlDeviceGetRunningProcessDetailList(Device, void*) {
  return nvml::not_supported;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned* count,
                                            nvml::ProcessInfo2* out) {
  return processes(device, "processes", count, out);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(Device device, unsigned* count,
                                             nvml::ProcessInfo2* out) {
  return processes(device, "graphics", count, out);
}
int nvmlDeviceGetMemoryInfo_v2(Device device, nvml::Memory2* out) {
  if (out->version != nvml::version<nvml::Memory2>(2)) return 25;
  const Json object = find(device);
  const int result = code(object, "memory_code", object.contains("total_mib") ? 0 : 3);
  if (result != 0) return result;
  out->total = object["total_mib"].get<std::uint64_t>() << 20;
  out->reserved = object.value("reserved_mib", 0ULL) << 20;
  out->used = object.value("used_mib", 0ULL) << 20;
  out->free = out->total - out->used - out->reserved;
  return 0;
}
int nvmlDeviceGetProcessesUtilizationInfo(Device device, nvml::ProcessesSamples* ask) {
  if (ask->version != nvml::version<nvml::ProcessesSamples>(1)) return 25;
  const Json object = find(device);
  const int result = code(object, "utilization_code", 0);
  if (result != 0) return result;
  unsigned written = 0;
  for (const Json& sample : object.value("samples", Json::array())) {
    if (!object.value("stale", false) && sample["time"] <= ask->last_seen) continue;
    if (written == ask->count) return nvml::insufficient_size;
    ask->samples[written++] = {sample["time"], sample["pid"], sample["sm"], 0, 0, 0, 0, 0};
  }
  ask->count = written;
  return written == 0 ? nvml::not_found : nvml::success;
}
int nvmlDeviceGetMigMode(Device device, unsigned* current, unsigned* pending) {
  *current = *pending = find(device).contains("instances") ? 1 : 0;
  return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(Device, unsigned* count) {
  *count = 7;
  return 0;
}
int nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device* out) {
  if (index >= find(device)["instances"].size()) return nvml::not_found;
  *out = make_handle(1000 * handle(device) + index);
  return 0;
}
int nvmlDeviceGetGpuInstanceId(Device device, unsigned* out) {
  return number(device, "gpu_instance", out);
}
int nvmlGpmQueryDeviceSupport(Device device, nvml::GpmSupport* out) {
  const Json object = find(device);
  out->supported = object.contains("gpm") || object.contains("instances") ? 1 : 0;
  return 0;
}
int nvmlGpmSampleAlloc(nvml::GpmSample* out) {
  *out = static_cast<nvml::GpmSample>(std::calloc(1, 64));
  return 0;
}
int nvmlGpmSampleFree(nvml::GpmSample sample) {
  std::free(sample);
  return 0;
}
// A sample remembers whom it is of: device, and 1 + instance.
int nvmlGpmSampleGet(Device device, nvml::GpmSample out) {
  std::size_t whom[2] = {handle(device), 0};
  std::memcpy(static_cast<void*>(out), whom, sizeof whom);
  return find(device).contains("gpm") ? nvml::success : nvml::not_supported;
}
int nvmlGpmMigSampleGet(Device device, unsigned instance, nvml::GpmSample out) {
  std::size_t whom[2] = {handle(device), instance + std::size_t{1}};
  std::memcpy(static_cast<void*>(out), whom, sizeof whom);
  return 0;
}
int nvmlGpmMetricsGet(nvml::GpmMetrics* ask) {
  std::size_t before[2];
  std::size_t after[2];
  std::memcpy(before, static_cast<void*>(ask->before), sizeof before);
  std::memcpy(after, static_cast<void*>(ask->after), sizeof after);
  if (before[0] != after[0] || before[1] != after[1] || after[0] == 0)
    return nvml::invalid_argument;
  Json object = find(make_handle(after[0]));
  if (after[1] != 0) {
    const Json instances = object["instances"];
    for (const Json& instance : instances) {
      if (instance["gpu_instance"] == after[1] - 1) object = instance;
    }
  }
  const Json values = object["gpm"];
  for (unsigned i = 0; i < ask->count; ++i) {
    nvml::GpmMetric& metric = ask->metrics[i];
    metric.result = nvml::success;
    metric.value = values.value(std::to_string(metric.id), -1.0);
  }
  return 0;
}
#endif

}  // extern "C"
