// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace treino::monitor {

namespace {

std::string_view word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t end = std::min(line.find(' ', begin), line.size());
  const std::string_view found = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return found;
}

template <typename Use>
void for_each_line(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const std::size_t end = std::min(options.find(','), options.size());
    if (options.substr(0, end) == wanted) return true;
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return false;
}

struct Mount {
  std::string at, inside, type, options;  // `inside`: the group that is mounted there
};

std::vector<Mount> cgroup_mounts(ProcReader& reader, const std::string& root) {
  std::vector<Mount> mounts;
  const auto text = reader.read(root + "/proc/self/mountinfo");
  if (!text) return mounts;
  for_each_line(*text, [&](std::string_view line) {
    // "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
    const std::size_t dash = line.find(" - ");
    if (dash == line.npos) return;
    std::string_view before = line.substr(0, dash), after = line.substr(dash + 3);
    Mount mount;
    for (int i = 0; i < 3; ++i) word(before);
    mount.inside = word(before);
    mount.at = word(before);
    mount.type = word(after);
    word(after);
    mount.options = word(after);
    if (mount.type == "cgroup" || mount.type == "cgroup2") mounts.push_back(std::move(mount));
  });
  return mounts;
}

bool readable(const std::string& path) {
  return ::access(path.c_str(), R_OK) == 0;
}

std::string parent_of(const std::string& folder) {
  return folder.substr(0, folder.rfind('/'));
}

}  // namespace

std::vector<CgroupPlace> cgroup_places(const std::string& root) {
  ProcReader reader;
  const std::vector<Mount> mounts = cgroup_mounts(reader, root);
  std::vector<CgroupPlace> places;
  const auto text = reader.read(root + "/proc/self/cgroup");
  if (!text) return places;
  for_each_line(*text, [&](std::string_view line) {
    // "0::/user.slice" (v2), "4:memory:/jobs/1" (v1)
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) return;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string_view group = line.substr(second + 1);
    const bool unified = line.starts_with("0::");
    for (const char* wanted : {"", "cpuacct", "memory"}) {
      if (unified != (*wanted == '\0') || (!unified && !has_option(controllers, wanted))) continue;
      for (const Mount& mount : mounts) {
        const bool fits = unified ? mount.type == "cgroup2"
                                  : mount.type == "cgroup" && has_option(mount.options, wanted);
        if (!fits) continue;
        // A container often sees its own group mounted as the root.
        std::string below(group);
        if (mount.inside != "/" && group.starts_with(mount.inside)) {
          below = group.substr(mount.inside.size());
        }
        if (below == "/") below.clear();
        places.push_back({wanted, root + mount.at + below, root + mount.at});
        break;
      }
    }
  });
  // v2 first: its list of members is always fresh, and it ends a whole tree at once.
  for (std::size_t i = 1; i < places.size(); ++i) {
    if (places[i].controller.empty()) std::swap(places.front(), places[i]);
  }
  return places;
}

bool Cgroup::adopt(const CgroupPlace& place, const std::string& folder) {
  bool used = false;
  const bool unified = place.controller.empty();
  const std::string cpu_file = folder + (unified ? "/cpu.stat" : "/cpuacct.usage");
  if (!cpu_ && (unified || place.controller == "cpuacct") && readable(cpu_file)) {
    cpu_ = open_read(cpu_file);
    unified_cpu_ = unified;
    cpu_members_ = folder + "/cgroup.procs";
    cpu_name_ = unified ? "cgroup v2 cpu.stat" : "cgroup v1 cpuacct.usage";
    used = true;
  }
  if (!memory_stat_ && (unified || place.controller == "memory") &&
      readable(folder + "/memory.stat")) {
    memory_stat_ = open_read(folder + "/memory.stat");
    unified_memory_ = unified;
    memory_members_ = folder + "/cgroup.procs";
    peak_ = folder + (unified ? "/memory.peak" : "/memory.max_usage_in_bytes");
    memory_name_ = unified ? "cgroup v2 memory" : "cgroup v1 memory";
    used = true;
  }
  if (used && members_.empty()) {
    members_ = folder + "/cgroup.procs";
    members_threads_ = folder + (unified ? "/cgroup.threads" : "/tasks");
    // A kept-open list of v1 answers from a cache; only v2's is read anew each time.
    if (unified) {
      procs_ = open_read(members_);
      tasks_ = open_read(members_threads_);
    }
  }
  if (used && unified && ::access((folder + "/cgroup.kill").c_str(), W_OK) == 0)
    kill_ = folder + "/cgroup.kill";
  return used;
}

std::unique_ptr<Cgroup> Cgroup::make(const std::string& root, std::string& why) {
  static std::atomic<int> count = 0;
  const std::string name = fmt::format("treino-{}-{}", ::getpid(), count++);
  std::unique_ptr<Cgroup> group(new Cgroup);
  const std::vector<CgroupPlace> places = cgroup_places(root);
  if (places.empty()) why = "no control groups are mounted";
  for (const CgroupPlace& place : places) {
    // Beside our own group first where that is v2: only a parent without processes hands out
    // memory.
    std::vector<std::string> parents = {place.folder};
    if (place.controller.empty() && place.folder.size() > place.mount.size()) {
      parents.insert(parents.begin(), parent_of(place.folder));
    }
    for (const std::string& parent : parents) {
      const std::string folder = parent + "/" + name;
      // Moving a process needs the right to write to the common ancestor's list too.
      if (::access((parent + "/cgroup.procs").c_str(), W_OK) != 0 ||
          ::mkdir(folder.c_str(), 0755) != 0) {
        why = fmt::format("{}: {}", parent, std::strerror(errno));
        continue;
      }
      if (::access((folder + "/cgroup.procs").c_str(), W_OK) == 0 && group->adopt(place, folder)) {
        group->folders_.push_back(folder);
        break;
      }
      ::rmdir(folder.c_str());
    }
  }
  if (!group->cpu_) {
    if (why.empty()) why = "no control group counts CPU time";
    return nullptr;
  }
  return group;
}

bool Cgroup::holds(pid_t pid) {
  const auto listed = [&](const std::string& file) {
    const auto text = reader_.read(file);
    bool found = false;
    if (text)
      for_each_line(*text,
                    [&](std::string_view line) { found = found || line == std::to_string(pid); });
    return found;
  };
  if (memory_stat_ && !listed(memory_members_)) {
    memory_stat_.reset();
    memory_name_.clear();
    peak_.clear();
  }
  return listed(cpu_members_);
}

Cgroup::~Cgroup() {
  for (const std::string& folder : folders_) ::rmdir(folder.c_str());
}

std::string Cgroup::method() const {
  return cpu_name_;
}

std::string Cgroup::memory_method() const {
  return memory_name_;
}

std::optional<double> Cgroup::cpu_s() const {
  const auto text = reader_.read(cpu_.get());
  if (!text) return std::nullopt;
  if (unified_cpu_) {
    const auto micros = number_after(*text, "usage_usec");
    if (!micros) return std::nullopt;
    return static_cast<double>(*micros) * 1e-6;
  }
  const auto nanos = number_after(*text, "");
  if (!nanos) return std::nullopt;
  return static_cast<double>(*nanos) * 1e-9;
}

std::vector<pid_t> Cgroup::pids() const {
  std::vector<pid_t> pids;
  const auto text = procs_ ? reader_.read(procs_.get()) : reader_.read(members_);
  if (!text) return pids;
  for_each_line(*text, [&](std::string_view line) {
    pid_t pid = 0;
    std::from_chars(line.data(), line.data() + line.size(), pid);
    if (pid > 0) pids.push_back(pid);  // 0: of another namespace
  });
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::optional<std::int64_t> Cgroup::threads() const {
  const auto text = tasks_ ? reader_.read(tasks_.get()) : reader_.read(members_threads_);
  if (!text) return std::nullopt;
  return std::count(text->begin(), text->end(), '\n');
}

std::optional<Cgroup::Memory> Cgroup::memory() const {
  if (!memory_stat_) return std::nullopt;
  const auto text = reader_.read(memory_stat_.get());
  if (!text) return std::nullopt;
  // v1 counts sub-groups in total_* only, and calls anonymous pages rss.
  const auto anon = number_after(*text, unified_memory_ ? "anon " : "total_rss ");
  const auto shmem = number_after(*text, unified_memory_ ? "shmem " : "total_shmem ");
  const auto mapped = number_after(*text, unified_memory_ ? "file_mapped " : "total_mapped_file ");
  if (!anon) return std::nullopt;
  return Memory{*anon, shmem.value_or(0), mapped.value_or(0)};
}

std::optional<std::int64_t> Cgroup::memory_peak() const {
  if (peak_.empty()) return std::nullopt;
  const auto text = reader_.read(peak_);
  return text ? number_after(*text, "") : std::nullopt;
}

bool Cgroup::kill() const {
  if (kill_.empty()) return false;
  const Descriptor file(::open(kill_.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), "1", 1) == 1;
}

CgroupAbility cgroup_ability(const std::string& root) {
  CgroupAbility ability;
  if (const auto group = Cgroup::make(root, ability.why)) {
    ability.cpu = group->method();
    ability.memory = group->memory_method();
  }
  return ability;
}

}  // namespace treino::monitor
