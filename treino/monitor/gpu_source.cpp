// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/gpu_source.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace treino::monitor {

const char* to_text(GpuState state) {
  switch (state) {
    case GpuState::ok:
      return "ok";
    case GpuState::idle:
      return "idle";
    case GpuState::inferred:
      return "inferred";
    case GpuState::pid_namespace:
      return "pid-namespace";
    case GpuState::no_permission:
      return "no-permission";
    case GpuState::lost:
      return "lost";
    case GpuState::unsupported:
      return "unsupported";
  }
  return "unsupported";
}

const std::vector<DeviceHolders::Held>& DeviceHolders::look(double t, std::span<const pid_t> pids,
                                                            std::span<const char* const> prefixes) {
  constexpr double kAgain = 1.0;  // seconds
  std::vector<Held> held;
  std::vector<std::pair<pid_t, double>> looked;
  for (const pid_t pid : pids) {
    const auto before = std::find_if(looked_.begin(), looked_.end(),
                                     [&](const auto& entry) { return entry.first == pid; });
    if (before != looked_.end() && t < before->second + kAgain) {
      looked.push_back(*before);
      const auto same = std::find_if(held_.begin(), held_.end(),
                                     [&](const Held& entry) { return entry.pid == pid; });
      if (same != held_.end()) held.push_back(*same);
      continue;
    }
    looked.emplace_back(pid, t);
    Held now = look_at(pid, prefixes);
    if (!now.devices.empty() || !now.readable) held.push_back(std::move(now));
  }
  held_ = std::move(held);
  looked_ = std::move(looked);
  return held_;
}

DeviceHolders::Held DeviceHolders::look_at(pid_t pid, std::span<const char* const> prefixes) const {
  Held held{.pid = pid};
  const std::string folder = fmt::format("{}/proc/{}/fd", root_, pid);
  DIR* files = opendir(folder.c_str());
  if (files == nullptr) {
    held.readable = errno != EACCES && errno != EPERM;
    return held;
  }
  char target[256];
  while (const dirent* entry = readdir(files)) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    const ssize_t size = readlinkat(dirfd(files), entry->d_name, target, sizeof target);
    if (size <= 0) continue;
    const std::string_view path(target, static_cast<std::size_t>(size));
    for (const char* prefix : prefixes) {
      if (!path.starts_with(prefix)) continue;
      held.devices.emplace_back(path);
      held.files.push_back(std::atoi(entry->d_name));
      break;
    }
  }
  closedir(files);
  return held;
}

}  // namespace treino::monitor
