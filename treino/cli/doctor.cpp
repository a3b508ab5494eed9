// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "treino/backend/cpu/kernels.h"
#include "treino/backend/cpu/onednn_bridge.h"
#include "treino/backend/cuda/device.h"
#include "treino/backend/cuda/driver.h"
#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/system_file.h"
#include "treino/base/thread_team.h"
#include "treino/base/version.h"
#include "treino/cli/commands.h"
#include "treino/cli/gpu_trial.h"
#include "treino/data/load.h"
#include "treino/data/locate.h"
#include "treino/monitor/probe.h"
#include "treino/nn/recipe.h"

namespace treino::cli {

namespace {

struct Finding {
  std::string subject;
  bool good = true;
  std::string text;
  std::string remedy;  // where it is not good
};

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Finding processor() {
  std::string sets;
  for (const cpu::Kernels* set : cpu::available_kernels()) {
    sets += (sets.empty() ? "" : ", ") + std::string(set->name);
  }
  const std::string model = cpu_model();
  return {"processor", true,
          fmt::format("{}; kernels: {}", model.empty() ? "unknown" : model, sets), ""};
}

Finding threads() {
  const int usable = usable_threads();
  const auto online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  Finding finding{"threads", true, fmt::format("{} of {} cores may be used", usable, online), ""};
  if (usable < online) {
    finding.text += " (affinity mask or control group quota)";
  }
  return finding;
}

Finding memory() {
  const double total = std::atof(value_in("/proc/meminfo", "MemTotal").c_str()) / (1 << 20);
  const double free = std::atof(value_in("/proc/meminfo", "MemAvailable").c_str()) / (1 << 20);
  Finding finding{"memory", true, fmt::format("{:.1f} of {:.1f} GiB available", free, total), ""};
  if (free < 0.5) {
    finding.good = false;
    finding.remedy = "end other programs: less than 512 MiB are free";
  }
  return finding;
}

Finding huge_pages() {
  const std::string mode = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
  if (mode.find("[never]") != mode.npos) {
    return {"huge pages", false, "switched off",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled (as root); optional"};
  }
  return {"huge pages", true, mode.empty() ? "unknown" : mode, ""};
}

Finding onednn() {
  if (cpu::onednn::available()) return {"oneDNN", true, cpu::onednn::version(), ""};
  return {"oneDNN", false, "not in this build; own kernels serve every op",
          "install libdnnl-dev and build again; optional"};
}

// Whatever is missing is said by the error that --device cuda would give.
Finding gpu() {
  std::string text;
  try {
    const auto driver = cuda::Driver::load();
    for (const cuda::DeviceInfo& device : driver->devices()) {
      text += fmt::format("{} (compute {}.{}, {} multiprocessors, {:.1f} GiB), ", device.name,
                          device.major, device.minor, device.multiprocessors,
                          static_cast<double>(device.bytes) / (1 << 30));
    }
    text += fmt::format("driver for CUDA {}; {}", cuda::version_text(driver->version()),
                        cuda::kStanding);
    return {"NVIDIA GPU", true, text, ""};
  } catch (const Error& error) {
    text = error.what();
  }
  const std::size_t remedy = text.rfind("; ");  // an Error ends with what to do
  return {"NVIDIA GPU", false, text.substr(0, remedy),
          remedy == text.npos ? "train with --device cpu" : text.substr(remedy + 2)};
}

// Own kernels serve without them.
Finding gpu_libraries() {
  const cuda::LibrariesFound found = cuda::libraries_found();
  return {"GPU libraries", found.sound, found.text,
          found.sound ? "" : "name a file that can be loaded, or leave the variable out"};
}

// Only where there is a GPU: one kernel and one product, held against the host.
Finding gpu_trial() {
  Finding finding{"GPU trial", true, "a kernel and a matrix product agree with the host", ""};
  try {
    const std::string wrong = try_out(*cuda::make_cuda_device({}));
    if (wrong.empty()) return finding;
    finding.text = wrong;
    finding.remedy = "please report it; meanwhile train with --device cpu";
  } catch (const Error& error) {
    const std::string text = error.what();
    const std::size_t remedy = text.rfind("; ");
    finding.text = text.substr(0, remedy);
    finding.remedy = remedy == text.npos ? "train with --device cpu" : text.substr(remedy + 2);
  }
  finding.good = false;
  return finding;
}

Finding recipes() {
  const std::vector<std::string> names = nn::recipe_names();
  if (!names.empty()) {
    return {"recipes", true, fmt::format("{} in {}", names.size(), nn::recipe_folders().front()),
            ""};
  }
  return {"recipes", false, "none near the program or in ./recipes",
          "give a path: treino train my.toml"};
}

Finding data_sets() {
  std::string here;
  for (const data::Entry& entry : data::list()) {
    if (!entry.folder.empty()) here += (here.empty() ? "" : ", ") + entry.name;
  }
  if (!here.empty()) return {"data sets", true, here + " on this machine", ""};
  return {"data sets", false, "none on this machine",
          "treino data get mnist, or set TREINO_DATA to a folder with one subfolder a set"};
}

Finding writable(const std::string& subject, const std::string& folder) {
  try {
    make_folders(folder);
    check_writable(folder);
  } catch (const Error& error) {
    return {subject, false, error.what(), "make it writable, or choose another place"};
  }
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) return {subject, true, folder, ""};
  const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  Finding finding{subject, true, fmt::format("{}, {:.1f} GiB free", folder, free / (1 << 30)), ""};
  if (free < 512.0 * (1 << 20)) {
    finding.good = false;
    finding.remedy = "make room: data sets and runs take up to 500 MiB";
  }
  return finding;
}

std::vector<Finding> examine_monitor() {
  std::vector<Finding> findings;
  for (const monitor::Capability& capability : monitor::capabilities()) {
    findings.push_back({capability.name, capability.ok, capability.reason,
                        capability.ok ? "" : capability.remedy});
  }
  return findings;
}

std::vector<Finding> examine() {
  std::vector<Finding> findings{{"treino", true, kVersion, ""},
                                processor(),
                                threads(),
                                memory(),
                                huge_pages(),
                                onednn(),
                                gpu()};
  if (findings.back().good) {
    findings.push_back(gpu_libraries());
    findings.push_back(gpu_trial());
  }
  for (Finding& each :
       std::vector<Finding>{recipes(), data_sets(), writable("cache", data::cache_folder("")),
                            writable("this folder", ".")})
    findings.push_back(std::move(each));
  return findings;
}

// "ok", "missing" with its remedy, or "absent" where nothing can be done about it.
void print(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& f : findings) width = std::max(width, f.subject.size());
  for (const Finding& f : findings) {
    fmt::print("{:<8}{:<{}}  {}\n",
               f.good             ? "ok"
               : f.remedy.empty() ? "absent"
                                  : "missing",
               f.subject, width, f.text);
    if (!f.remedy.empty()) fmt::print("{:<{}}  -> {}\n", "", width + 8, f.remedy);
  }
}

nlohmann::ordered_json json_of(const std::vector<Finding>& findings) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Finding& f : findings) {
    json.push_back(
        {{"subject", f.subject}, {"ok", f.good}, {"text", f.text}, {"remedy", f.remedy}});
  }
  return json;
}

int report(bool as_json) {
  if (as_json) {
    const nlohmann::ordered_json json{{"trainer", json_of(examine())},
                                      {"monitor", json_of(examine_monitor())}};
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  print(examine());
  fmt::print("\nwhat the monitor can read here\n");
  print(examine_monitor());
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json,
               "JSON: for trainer and monitor an array of {subject, ok, text, remedy}");
  app.footer("Example:\n  treino doctor");
  app.callback([json, &action] { action = [json] { return report(*json); }; });
}

}  // namespace treino::cli
