// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "treino/base/system_file.h"
#include "treino/base/thread_team.h"
#include "treino/experiment/process.h"
#include "treino/experiment/result_json.h"

namespace treino::experiment {

namespace {

std::optional<std::string> line_of_file(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.empty()) return std::nullopt;
  return line;
}

std::string system_name() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("PRETTY_NAME=\"", 0) == 0) return line.substr(13, line.size() - 14);
  }
  return {};
}

std::string mib_of(const std::string& kib) {
  return fmt::format("{} MiB", std::atoll(kib.c_str()) / 1024);
}

}  // namespace

Facts machine_facts() {
  Facts facts;
  const auto add = [&](const char* name, const std::optional<std::string>& value) {
    if (value && !value->empty()) facts.emplace_back(name, *value);
  };
  const auto cpu = [](const char* key) { return value_in("/proc/cpuinfo", key); };
  const auto memory = [](const char* key) { return value_in("/proc/meminfo", key); };
  add("processor", cpu_model());
  add("cores",
      fmt::format("{} usable of {}", allowed_cpus().size(), sysconf(_SC_NPROCESSORS_ONLN)));
  add("clock now", cpu("cpu MHz").empty() ? "" : cpu("cpu MHz") + " MHz");
  add("governor", line_of_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  const auto no_turbo = line_of_file("/sys/devices/system/cpu/intel_pstate/no_turbo");
  add("turbo",
      no_turbo ? std::optional<std::string>(*no_turbo == "0" ? "on" : "off") : std::nullopt);
  add("hyper-threading", line_of_file("/sys/devices/system/cpu/smt/control"));
  add("virtual machine", cpu("flags").find(" hypervisor") != std::string::npos ? "yes" : "no");
  add("memory", mib_of(memory("MemTotal")));
  add("swap in use",
      !memory("SwapTotal").empty()
          ? fmt::format("{} of {}",
                        mib_of(std::to_string(std::atoll(memory("SwapTotal").c_str()) -
                                              std::atoll(memory("SwapFree").c_str()))),
                        mib_of(memory("SwapTotal")))
          : "");
  utsname kernel{};
  if (uname(&kernel) == 0) add("kernel", fmt::format("{} {}", kernel.sysname, kernel.release));
  add("system", system_name());
  add("transparent huge pages", line_of_file("/sys/kernel/mm/transparent_hugepage/enabled"));
  if (!find_program("nvidia-smi").empty()) {
    add("GPU",
        first_line_of({"nvidia-smi",
                       "--query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm",
                       "--format=csv,noheader"}));
  } else {
    add("GPU", "none seen");
  }
  return facts;
}

std::string commit_of(const std::string& folder) {
  const auto commit = first_line_of({"git", "-C", folder, "rev-parse", "--short=12", "HEAD"});
  if (!commit) return {};
  const auto changes =
      first_line_of({"git", "-C", folder, "status", "--porcelain", "--untracked-files=no"});
  return *commit + (changes && !changes->empty() ? "+changes" : "");
}

std::string machine_name() {
  const std::string model = cpu_model();
  std::string name;
  for (const char c : model) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      name += static_cast<char>(std::tolower(c));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (name.ends_with('-')) name.pop_back();
  const std::string id = line_of_file("/etc/machine-id").value_or("");
  return fmt::format("{}-{}cores-{}", name.substr(0, 40), allowed_cpus().size(),
                     sha256(id + model).substr(0, 6));
}

}  // namespace treino::experiment
