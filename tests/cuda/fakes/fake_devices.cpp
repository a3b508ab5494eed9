// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/cuda/fakes/fake_driver.h"

using Json = nlohmann::json;

namespace treino::cuda {

struct ContextHandle {};

namespace {

ContextHandle the_context;
thread_local Context current = nullptr;
bool initialized = false;

Json parsed(const char* text) {
  Json json = text == nullptr || *text == '\0' ? Json::object() : Json::parse(text);
  if (!json.contains("devices")) json["devices"] = Json::array({{{"name", "Fake GPU"}}});
  return json;
}

Json& the_scenario() {
  static Json json = parsed(std::getenv("TREINO_FAKE_CUDA"));
  return json;
}

std::map<std::string, std::int64_t> calls;

}  // namespace

const Json& scenario() {
  return the_scenario();
}

const Json& devices() {
  return scenario()["devices"];
}

Result begin(const char* symbol, bool needs_context) {
  ++calls[symbol];
  if (scenario().contains("fail")) {
    const int code = scenario()["fail"].value(symbol, 0);
    if (code != 0) return static_cast<Result>(code);
  }
  if (!initialized) return Result::not_initialized;
  return needs_context && current != &the_context ? Result::invalid_context : Result::success;
}

void set_current(Context context) {
  current = context;
}

extern "C" {

void treino_fake_scenario(const char* json) {
  the_scenario() = parsed(json);
}

std::int64_t treino_fake_calls(const char* symbol) {
  return calls[symbol];
}

Result cuInit(unsigned) {
  initialized = true;
  TREINO_FAKE(cuInit, false);
  return Result::success;
}

Result cuDriverGetVersion(int* version) {
  TREINO_FAKE(cuDriverGetVersion, false);
  *version = scenario().value("version", 13000);
  return Result::success;
}

Result cuGetErrorName(Result result, const char** name) {
  static const std::map<int, const char*> names{
      {2, "CUDA_ERROR_OUT_OF_MEMORY"},     {34, "CUDA_ERROR_STUB_LIBRARY"},
      {100, "CUDA_ERROR_NO_DEVICE"},       {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {719, "CUDA_ERROR_LAUNCH_FAILED"},
      {999, "CUDA_ERROR_UNKNOWN"}};
  const auto found = names.find(static_cast<int>(result));
  if (found == names.end()) return Result::invalid_value;
  *name = found->second;
  return Result::success;
}

Result cuDeviceGetCount(int* count) {
  TREINO_FAKE(cuDeviceGetCount, false);
  *count = static_cast<int>(devices().size());
  return Result::success;
}

Result cuDeviceGet(DeviceId* device, int ordinal) {
  TREINO_FAKE(cuDeviceGet, false);
  if (ordinal < 0 || ordinal >= static_cast<int>(devices().size())) return Result::invalid_device;
  *device = ordinal;
  return Result::success;
}

Result cuDeviceGetName(char* name, int room, DeviceId device) {
  TREINO_FAKE(cuDeviceGetName, false);
  const std::string text = devices()[static_cast<std::size_t>(device)].value("name", "Fake GPU");
  std::strncpy(name, text.c_str(), static_cast<std::size_t>(room) - 1);
  return Result::success;
}

Result cuDeviceGetAttribute(int* value, Attribute attribute, DeviceId device) {
  TREINO_FAKE(cuDeviceGetAttribute, false);
  const Json& json = devices()[static_cast<std::size_t>(device)];
  const std::vector<int> capability = json.value("capability", std::vector<int>{9, 0});
  switch (attribute) {
    case Attribute::multiprocessors:
      *value = json.value("multiprocessors", 132);
      return Result::success;
    case Attribute::shared_bytes_of_block:
      *value = 227 * 1024;
      return Result::success;
    case Attribute::capability_major:
      *value = capability[0];
      return Result::success;
    case Attribute::capability_minor:
      *value = capability[1];
      return Result::success;
    case Attribute::clock:
      *value = json.value("clock", 1'000'000);
      return Result::success;
    case Attribute::memory_clock:
      *value = json.value("memory_clock", 2'000'000);
      return Result::success;
    case Attribute::memory_width:
      *value = json.value("memory_width", 1024);
      return Result::success;
  }
  return Result::invalid_value;
}

Result cuDeviceTotalMem_v2(std::size_t* bytes, DeviceId device) {
  TREINO_FAKE(cuDeviceTotalMem_v2, false);
  *bytes = devices()[static_cast<std::size_t>(device)].value("bytes", std::size_t{1} << 33);
  return Result::success;
}

Result cuDevicePrimaryCtxRetain(Context* context, DeviceId) {
  TREINO_FAKE(cuDevicePrimaryCtxRetain, false);
  *context = &the_context;
  return Result::success;
}

Result cuDevicePrimaryCtxRelease_v2(DeviceId) {
  TREINO_FAKE(cuDevicePrimaryCtxRelease_v2, false);
  return Result::success;
}

Result cuCtxSetCurrent(Context context) {
  TREINO_FAKE(cuCtxSetCurrent, false);
  set_current(context);
  return Result::success;
}

}  // extern "C"

}  // namespace treino::cuda
