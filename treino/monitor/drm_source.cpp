// SPDX-License-Identifier: Apache-2.0
// AMD, Intel and others: what the kernel's graphics drivers say of each open device file, in
// /proc/PID/fdinfo (Linux: Documentation/gpu/drm-usage-stats.rst), and AMD's /sys/class/kfd for
// ROCm, whose memory does not appear there.
#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>

#include "treino/monitor/gpu_source.h"

namespace treino::monitor {

namespace {

constexpr double kMib = 1024.0 * 1024.0;
constexpr const char* kPrefixes[] = {"/dev/dri/", "/dev/kfd"};

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<double> read_number(const std::string& path) {
  const auto text = read_text(path);
  double value = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{}) {
    return std::nullopt;
  }
  return value;
}

// "123 KiB" in bytes, "123 ns" as it is.
double amount(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const double number = static_cast<double>(value);
  if (unit.starts_with(" KiB")) return number * 1024;
  if (unit.starts_with(" MiB")) return number * kMib;
  if (unit.starts_with(" GiB")) return number * kMib * 1024;
  return number;
}

// One open device file, as its driver tells it.
struct Client {
  std::string driver, device, id;
  std::map<std::string, double> busy_ns, cycles, total_cycles, capacity;  // by engine
  double memory = 0;                                                      // bytes
  bool has_memory = false, has_engines = false;
};

Client parse_fdinfo(const std::string& text) {
  Client client;
  double resident = -1;
  double total = -1;
  double old = -1;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with("drm-") || colon == line.npos) continue;
    const std::string key = line.substr(0, colon);
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    const std::string value = start == line.npos ? "" : line.substr(start);
    const auto after = [&](std::string_view prefix) { return key.substr(prefix.size()); };
    if (key == "drm-driver")
      client.driver = value;
    else if (key == "drm-pdev")
      client.device = value;
    else if (key == "drm-client-id")
      client.id = value;
    else if (key.starts_with("drm-engine-capacity-"))
      client.capacity[after("drm-engine-capacity-")] = amount(value);
    else if (key.starts_with("drm-engine-"))
      client.busy_ns[after("drm-engine-")] = amount(value);
    else if (key.starts_with("drm-total-cycles-"))
      client.total_cycles[after("drm-total-cycles-")] = amount(value);
    else if (key.starts_with("drm-cycles-"))
      client.cycles[after("drm-cycles-")] = amount(value);
    // Memory of the card: regions are called vram, vram0 or local0; system memory is not counted.
    else if (key.starts_with("drm-resident-vram") || key.starts_with("drm-resident-local"))
      resident = std::max(resident, 0.0) + amount(value);
    else if (key.starts_with("drm-total-vram") || key.starts_with("drm-total-local"))
      total = std::max(total, 0.0) + amount(value);
    else if (key == "drm-memory-vram")
      old = amount(value);
  }
  client.has_engines = !client.busy_ns.empty() || !client.cycles.empty();
  for (const double value : {resident, old, total}) {
    if (value < 0) continue;
    client.has_memory = true;
    client.memory = value;
    break;
  }
  return client;
}

struct Card {
  std::string folder;  // /sys/class/drm/card0/device
  std::string device;  // 0000:03:00.0
  std::string hwmon;   // folder, empty: none
  std::optional<double> energy;
};

class DrmSource : public GpuSource {
 public:
  explicit DrmSource(const GpuSourceOptions& options)
      : root_(options.root), holders_(options.root) {
    find_cards();
    kfd_ = read_text(root_ + "/sys/class/kfd/kfd/topology/generation_id").has_value() ||
           folder(root_ + "/sys/class/kfd/kfd/proc").has_value();
  }

  bool empty() const { return cards_.empty(); }

  std::string method() const override {
    return fmt::format("DRM fdinfo, {} GPU{}{}", cards_.size(), cards_.size() == 1 ? "" : "s",
                       kfd_ ? ", kfd" : "");
  }

  GpuPass pass(double t, std::span<const pid_t> pids) override {
    const double dt = last_t_ ? t - *last_t_ : 0;
    last_t_ = t;
    GpuPass out;
    out.news = true;
    std::map<std::pair<std::string, std::string>, Client> clients;  // by device and client
    bool denied = false;
    bool held = false;
    bool silent = false;  // a driver that tells nothing of its clients
    std::vector<pid_t> kfd_holders;
    for (const DeviceHolders::Held& holder : holders_.look(t, pids, kPrefixes)) {
      if (!holder.readable) {
        denied = true;
        continue;
      }
      for (std::size_t i = 0; i < holder.devices.size(); ++i) {
        if (holder.devices[i] == "/dev/kfd") {
          kfd_holders.push_back(holder.pid);
          continue;
        }
        const auto text =
            read_text(fmt::format("{}/proc/{}/fdinfo/{}", root_, holder.pid, holder.files[i]));
        if (!text) continue;
        Client client = parse_fdinfo(*text);
        if (client.driver.empty() || client.id.empty()) {
          silent = silent || client.driver != "nvidia-drm";
          continue;
        }
        held = true;
        // The same file, duplicated or inherited, is one client.
        clients.try_emplace({client.device, client.id}, std::move(client));
      }
    }
    held = held || !kfd_holders.empty();
    if (denied && !held) {
      out.state = GpuState::no_permission;
      out.why = "device files of the tree's processes cannot be looked at";
    } else if (!held && silent) {
      out.why = "this graphics driver tells nothing of its clients (old kernel)";
    } else {
      out.state = held ? GpuState::ok : GpuState::idle;
    }
    use(out, clients, dt, kfd_holders);
    memory(out, clients, kfd_holders);
    cards(out, clients, !kfd_holders.empty(), dt);
    return out;
  }

 private:
  static std::optional<std::vector<std::string>> folder(const std::string& path) {
    DIR* open = opendir(path.c_str());
    if (open == nullptr) return std::nullopt;
    std::vector<std::string> names;
    while (const dirent* entry = readdir(open)) {
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    }
    closedir(open);
    std::sort(names.begin(), names.end());
    return names;
  }

  void find_cards() {
    const std::string drm = root_ + "/sys/class/drm";
    for (const std::string& name : folder(drm).value_or(std::vector<std::string>{})) {
      if (!name.starts_with("card") || name.find('-') != name.npos) continue;  // card0-HDMI-A-1
      Card card{.folder = drm + "/" + name + "/device"};
      const auto uevent = read_text(card.folder + "/uevent");
      if (!uevent) continue;
      std::istringstream lines(*uevent);
      std::string driver;
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("PCI_SLOT_NAME=")) card.device = line.substr(14);
        if (line.starts_with("DRIVER=")) driver = line.substr(7);
      }
      // NVIDIA's driver has no such keys; a virtual screen computes nothing.
      if (card.device.empty() || driver == "nvidia" || driver == "bochs-drm" ||
          driver.starts_with("virtio") || driver == "simple-framebuffer") {
        continue;
      }
      const std::string monitors = card.folder + "/hwmon";
      const auto found = folder(monitors).value_or(std::vector<std::string>{});
      if (!found.empty()) card.hwmon = monitors + "/" + found.front();
      if (!card.hwmon.empty()) card.energy = read_number(card.hwmon + "/energy1_input");
      cards_.push_back(std::move(card));
    }
  }

  // The busiest engine of each device, as the tree used it.
  void use(GpuPass& out, const std::map<std::pair<std::string, std::string>, Client>& clients,
           double dt, const std::vector<pid_t>& kfd_holders) {
    std::map<std::pair<std::string, std::string>, double> share;  // by device and engine: 0 ... 1
    bool engines = false;
    for (const auto& [key, client] : clients) {
      engines = engines || client.has_engines;
      Client& before = before_.try_emplace(key, Client{}).first->second;
      for (const auto& [engine, now] : client.busy_ns) {
        // A client that is new began at zero; a counter that steps back keeps its larger value.
        double& seen = before.busy_ns[engine];
        const double grown = std::max(now - seen, 0.0);
        seen = std::max(seen, now);
        const auto capacity = client.capacity.find(engine);
        const double width =
            capacity == client.capacity.end() ? 1 : std::max(capacity->second, 1.0);
        if (dt > 0) share[{client.device, engine}] += grown * 1e-9 / dt / width;
      }
      for (const auto& [engine, now] : client.cycles) {
        const auto total = client.total_cycles.find(engine);
        if (total == client.total_cycles.end()) continue;
        double& seen = before.cycles[engine];
        double& total_seen = before.total_cycles[engine];
        const double all = total->second - total_seen;
        const double grown = std::max(now - seen, 0.0);
        const bool first = total_seen == 0;
        seen = std::max(seen, now);
        total_seen = total->second;
        const auto capacity = client.capacity.find(engine);
        const double width =
            capacity == client.capacity.end() ? 1 : std::max(capacity->second, 1.0);
        if (dt > 0 && all > 0 && !first) share[{client.device, engine}] += grown / all / width;
      }
    }
    for (auto entry = before_.begin(); entry != before_.end();) {
      entry = clients.contains(entry->first) ? std::next(entry) : before_.erase(entry);
    }
    std::map<std::string, double> busiest;
    for (const auto& [key, value] : share) {
      busiest[key.first] = std::max(busiest[key.first], value);
    }
    // A client found late brings what it used before: that belongs in the total, not in the rate.
    double sum = 0;
    double total = 0;
    for (const auto& [device, value] : busiest) {
      sum += std::min(value, 1.0);
      total += value;
    }
    if (out.state == GpuState::idle) {
      out.util_pct = Reading::of(0, "idle");
    } else if (out.state != GpuState::ok) {
      out.util_pct = Reading::absent(out.why);
      lost_count_ = out.why;
    } else if (!kfd_holders.empty() && !engines) {
      out.util_pct = Reading::absent("ROCm's computing is not told for a process");
      lost_count_ = out.util_pct.note;
    } else if (!engines) {
      out.util_pct = Reading::absent("this driver does not tell its engines' time");
      lost_count_ = out.util_pct.note;
    } else if (dt <= 0) {
      out.util_pct = Reading::absent("no time has passed");
    } else {
      out.util_pct = Reading::of(100 * sum);
      gpu_s_ += total * dt;
      if (!kfd_holders.empty()) {  // its computing comes on top, unseen
        out.util_pct = Reading::absent("ROCm's computing is not told for a process");
        lost_count_ = out.util_pct.note;
      }
    }
    out.gpu_s = lost_count_ != nullptr ? Reading::absent(lost_count_) : Reading::of(gpu_s_);
  }

  void memory(GpuPass& out, const std::map<std::pair<std::string, std::string>, Client>& clients,
              const std::vector<pid_t>& kfd_holders) {
    if (out.state != GpuState::ok) {
      out.mem_mib = out.mem_pct =
          out.state == GpuState::idle ? Reading::of(0, "idle") : Reading::absent(out.why);
      return;
    }
    double bytes = 0;
    const char* missing = nullptr;
    for (const auto& [key, client] : clients) {
      if (client.has_memory)
        bytes += client.memory;
      else
        missing = "this driver does not tell its clients' memory";
    }
    for (const pid_t pid : kfd_holders) {
      const std::string path = fmt::format("{}/sys/class/kfd/kfd/proc/{}", root_, pid);
      const auto names = folder(path);
      if (!names) {  // the kernel names them by its own pids
        out.state = GpuState::pid_namespace;
        out.why = "a process of the tree holds /dev/kfd, which speaks of other pids";
        missing = out.why;
        continue;
      }
      for (const std::string& name : *names) {
        if (name.starts_with("vram_")) bytes += read_number(path + "/" + name).value_or(0);
      }
    }
    for (const Card& card : cards_) {
      if (!uses(card, clients, !kfd_holders.empty())) continue;
      out.mem_total_mib += read_number(card.folder + "/mem_info_vram_total").value_or(0) / kMib;
    }
    if (missing != nullptr) {
      out.mem_mib = out.mem_pct = Reading::absent(missing);
      return;
    }
    out.mem_mib = Reading::of(bytes / kMib);
    out.mem_pct = out.mem_total_mib > 0
                      ? Reading::of(100 * bytes / kMib / out.mem_total_mib)
                      : Reading::absent("this driver does not tell the card's memory");
  }

  static bool uses(const Card& card,
                   const std::map<std::pair<std::string, std::string>, Client>& clients, bool kfd) {
    if (kfd && read_number(card.folder + "/mem_info_vram_total")) return true;
    return std::any_of(clients.begin(), clients.end(),
                       [&](const auto& entry) { return entry.first.first == card.device; });
  }

  // What the card tells of itself: load (AMD), power and energy (hwmon, in millionths).
  void cards(GpuPass& out, const std::map<std::pair<std::string, std::string>, Client>& clients,
             bool kfd, double dt) {
    constexpr const char* kUnused = "the tree uses no GPU";
    constexpr const char* kSilent = "this driver does not tell it";
    std::optional<double> busy, power;
    bool any = false;
    for (Card& card : cards_) {
      const auto energy =
          card.hwmon.empty() ? std::nullopt : read_number(card.hwmon + "/energy1_input");
      if (uses(card, clients, kfd)) {
        any = true;
        if (const auto value = read_number(card.folder + "/gpu_busy_percent")) {
          busy = busy.value_or(0) + *value;
        }
        std::optional<double> watt;
        for (const char* file : {"/power1_average", "/power1_input"}) {
          if (!watt && !card.hwmon.empty()) watt = read_number(card.hwmon + file);
        }
        if (energy && card.energy && *energy >= *card.energy) {
          const double joules = (*energy - *card.energy) * 1e-6;
          energy_ += joules;
          if (!watt && dt > 0) watt = joules / dt * 1e6;
        } else if (watt) {
          energy_ += *watt * 1e-6 * dt;
          summed_ = true;
        } else {
          energy_gap_ = kSilent;
        }
        if (watt) power = power.value_or(0) + *watt * 1e-6;
      }
      card.energy = energy;
    }
    const char* why = any ? kSilent : kUnused;
    out.device_util_pct = busy ? Reading::of(*busy) : Reading::absent(why);
    out.power_w = power ? Reading::of(*power) : Reading::absent(why);
    out.sm_mhz = out.sm_pct = out.occupancy_pct = out.dram_pct = Reading::absent(why);
    if (out.state == GpuState::no_permission || out.state == GpuState::unsupported) {
      energy_gap_ = out.why;
    }
    out.energy_j = energy_gap_ != nullptr ? Reading::absent(energy_gap_)
                                          : Reading::of(energy_, summed_ ? "power over time" : "");
    out.throttle = any ? "unknown" : "no GPU used";
  }

  std::string root_;
  DeviceHolders holders_;
  std::vector<Card> cards_;
  bool kfd_ = false;
  std::map<std::pair<std::string, std::string>, Client> before_;
  std::optional<double> last_t_;
  double gpu_s_ = 0, energy_ = 0;
  bool summed_ = false;
  const char* lost_count_ = nullptr;
  const char* energy_gap_ = nullptr;
};

}  // namespace

std::unique_ptr<GpuSource> make_drm_source(const GpuSourceOptions& options, std::string& why) {
  auto source = std::make_unique<DrmSource>(options);
  if (!source->empty()) return source;
  why = "no AMD or Intel GPU (nothing in /sys/class/drm)";
  return nullptr;
}

}  // namespace treino::monitor
