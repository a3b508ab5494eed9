// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/driver.h"

#include <fmt/format.h>

#include "treino/base/error.h"

namespace treino::cuda {

namespace {

constexpr const char* kOtherwise = "or train with --device cpu";

struct Reason {
  Result result;
  const char* text;
  const char* remedy;
};

constexpr Reason kReasons[] = {
    {Result::out_of_memory, "the GPU's memory is full",
     "end other programs on it, or train with a smaller train.batch"},
    {Result::stub_library, "libcuda.so.1 is the toolkit's stand-in and no driver",
     "take its folder out of LD_LIBRARY_PATH and install the NVIDIA driver"},
    {Result::device_unavailable, "another program has the GPU for itself",
     "end that program (nvidia-smi names it)"},
    {Result::no_device, "the driver finds no GPU",
     "look at nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, pass the device in"},
    {Result::no_binary_for_gpu, "this build has no kernels for this GPU",
     "a GPU of compute capability 8.0 (Ampere) or newer is needed"},
    {Result::unsupported_ptx_version, "the driver is older than the compiler of the kernels",
     "install a newer driver"},
    {Result::system_not_ready, "the GPU's system services are not up",
     "start nvidia-fabricmanager"},
    {Result::system_driver_mismatch, "the driver's library and its kernel module differ in version",
     "restart the machine"},
    {Result::compat_not_supported, "CUDA's compatibility library does not work with this GPU",
     "install a newer driver instead"},
    // After these nothing works in this process any more.
    {Result::ecc_uncorrectable, "the GPU's memory has an error that cannot be corrected",
     "reset the GPU and go on with --resume"},
    {Result::contained, "the GPU's memory has an error", "go on with --resume"},
    {Result::launch_timeout, "a kernel ran longer than the display allows",
     "use a GPU without a display, and go on with --resume"},
    {Result::illegal_address, "a kernel touched memory that is not its own: a fault of Treino",
     "please report it; meanwhile --device cpu"},
    {Result::illegal_instruction, "a kernel failed: a fault of Treino or of the GPU",
     "please report it; meanwhile --device cpu"},
    {Result::launch_failed, "a kernel failed: a fault of Treino or of the GPU",
     "please report it; meanwhile --device cpu"},
    {Result::unknown, "the GPU does not answer any more",
     "look for \"Xid\" in dmesg, and go on with --resume"},
};

constexpr LibraryNames kNames{"TREINO_CUDA_DRIVER", "libcuda.so.1", false};

}  // namespace

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::shared_ptr<const Driver> Driver::load() {
  const std::string named = said_by(kNames.variable);
  std::shared_ptr<Driver> driver(new Driver);
  driver->library_ = SharedLibrary::open(kNames, named);
  if (!driver->library_) {
    throw Error::work(fmt::format(
        "there is no NVIDIA driver here (libcuda.so.1 is not found); install it, {}", kOtherwise));
  }
  driver->find_functions(named.empty() ? kNames.usual : named);
  driver->check(driver->functions_.init(0), "starting the NVIDIA driver");
  driver->check(driver->functions_.driver_version(&driver->version_),
                "asking the driver's version");
  if (driver->version_ < kLeastVersion) {
    throw Error::work(fmt::format(
        "the NVIDIA driver is for CUDA {} and too old for this build's kernels; install one for "
        "CUDA {} (driver 580) or newer, {}",
        version_text(driver->version_), version_text(kLeastVersion), kOtherwise));
  }
  int count = 0;
  driver->check(driver->functions_.device_count(&count), "counting GPUs");
  if (count == 0) driver->check(Result::no_device, "counting GPUs");
  return driver;
}

void Driver::find_functions(const std::string& library) {
#define TREINO_CUDA(member, symbol, ...) library_->find(functions_.member, #symbol);
#include "treino/backend/cuda/driver.def"
#undef TREINO_CUDA
  if (library_->missing() == nullptr) return;
  throw Error::work(fmt::format(
      "the NVIDIA driver ({}) is too old: it has no {}; install one for CUDA {} (driver 580) or "
      "newer, {}",
      library, library_->missing(), version_text(kLeastVersion), kOtherwise));
}

void Driver::check(Result result, const std::string& action) const {
  if (result == Result::success) return;
  const char* name = nullptr;
  if (functions_.error_name == nullptr || functions_.error_name(result, &name) != Result::success ||
      name == nullptr) {
    name = "an error it has no name for";
  }
  for (const Reason& reason : kReasons) {
    if (reason.result != result) continue;
    throw Error::work(fmt::format("{}: {} ({}); {}", action, reason.text, name, reason.remedy));
  }
  throw Error::work(fmt::format("{}: the NVIDIA driver says {} ({}); please report it, {}", action,
                                name, static_cast<int>(result), kOtherwise));
}

std::vector<DeviceInfo> Driver::devices() const {
  int count = 0;
  check(functions_.device_count(&count), "counting GPUs");
  std::vector<DeviceInfo> all;
  for (int i = 0; i < count; ++i) {
    DeviceId id = 0;
    DeviceInfo info;
    char name[256] = "";
    std::size_t bytes = 0;
    check(functions_.device_get(&id, i), "asking for a GPU");
    check(functions_.device_name(name, sizeof name, id), "asking a GPU's name");
    check(functions_.device_memory(&bytes, id), "asking a GPU's memory");
    const auto attribute = [&](int& value, Attribute which) {
      check(functions_.device_attribute(&value, which, id), "asking a GPU's attributes");
    };
    attribute(info.major, Attribute::capability_major);
    attribute(info.minor, Attribute::capability_minor);
    attribute(info.multiprocessors, Attribute::multiprocessors);
    const auto known = [&](int& value, Attribute which) {
      if (functions_.device_attribute(&value, which, id) != Result::success) value = 0;
    };
    known(info.clock, Attribute::clock);
    known(info.memory_clock, Attribute::memory_clock);
    known(info.memory_width, Attribute::memory_width);
    info.name = name;
    info.bytes = static_cast<std::int64_t>(bytes);
    all.push_back(std::move(info));
  }
  return all;
}

}  // namespace treino::cuda
