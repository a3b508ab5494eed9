// SPDX-License-Identifier: Apache-2.0
// NVIDIA. What the driver says of processes has to be checked against what can be seen of them: in
// a container its lists speak of other pids, its samples repeat or are garbage, and "no samples"
// means idle only where the list of processes could be read.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "treino/monitor/gpu_source.h"
#include "treino/monitor/nvml_use.h"

namespace treino::monitor {

using nvml::Return;

namespace {

constexpr double kMib = 1024.0 * 1024.0;
constexpr const char* kPrefixes[] = {"/dev/nvidia"};

std::uint64_t microseconds_now() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

// Bits of the throttle reasons that slow a GPU down; idle and chosen clocks do not count.
struct ThrottleWord {
  unsigned long long bit;
  const char* word;
};
constexpr ThrottleWord kThrottle[] = {
    {0x40, "heat (hardware)"},   {0x20, "heat (software)"}, {0x80, "power brake"},
    {0x08, "hardware slowdown"}, {0x04, "power cap"},
};

class NvmlSource : public GpuSource {
 public:
  NvmlSource(std::unique_ptr<Nvml> nvml, const GpuSourceOptions& options)
      : nvml_(std::move(nvml)),
        holders_(options.root),
        driver_now_(options.driver_now ? options.driver_now : microseconds_now) {
    tree_.root = options.root;
    const std::uint64_t now = driver_now_();
    for (const nvml::Device device : nvml_->devices()) {
      NvmlBoard board{
          .device = device, .minor = nvml_->minor(device), .seen = now, .device_seen = now};
      board.gpm = nvml_->has_gpm(device);
      board.mig = nvml_->mig(device);
      for (const Nvml::Instance& instance : nvml_->instances(device)) {
        NvmlPart part{.device = instance.device, .instance = instance.gpu_instance};
        Nvml::Memory memory;
        if (nvml_->memory(instance.device, memory) == nvml::success) part.before = memory.used;
        board.parts.push_back(std::move(part));
      }
      if (!board.mig) {
        NvmlPart part{.device = device};
        Nvml::Memory memory;
        if (nvml_->memory(device, memory) == nvml::success) part.before = memory.used;
        board.parts.push_back(std::move(part));
      }
      unsigned long long energy = 0;
      if (nvml_->energy_mj(device, energy) == nvml::success) board.energy = energy;
      boards_.push_back(std::move(board));
    }
  }

  bool empty() const { return boards_.empty(); }

  std::string method() const override {
    return fmt::format("NVML, driver {}, {} ({}); kept open, which keeps the driver awake",
                       nvml_->driver(), nvml_->name(boards_.front().device), nvml_->symbols());
  }

  GpuPass pass(double t, std::span<const pid_t> pids) override {
    tree_.pids = pids;
    GpuPass out;
    const double dt = last_t_ ? t - *last_t_ : 0;
    last_t_ = t;
    read_lists();
    decide(t);
    out.state = state_;
    out.why = why_;
    memory(out);
    use(out);
    boards(out, dt);
    return out;
  }

 private:
  void read_lists() {
    for (NvmlBoard& board : boards_) {
      for (NvmlPart& part : board.parts) part.list = nvml_->processes(part.device, part.processes);
    }
  }

  // What can be known at this pass: the state, and which parts the tree uses.
  void decide(double t) {
    why_ = "";
    tree_.mapped.reset();
    delta_ = false;
    Return worst = nvml::success;
    bool listed = false;
    std::vector<std::uint32_t> foreign;  // listed pids that our namespace does not have
    bool others = false;                 // listed pids that are here, but not ours
    for (NvmlBoard& board : boards_) {
      board.used = board.held = false;
      if (board.parts.empty()) worst = nvml::not_supported;  // divided, into what is not said
      for (NvmlPart& part : board.parts) {
        part.used = false;
        if (part.list != nvml::success) worst = part.list;
        for (const Nvml::Process& process : part.processes) {
          if (tree_.has(process.pid)) {
            part.used = board.used = listed = true;
          } else if (tree_.seen_here(process.pid)) {
            others = true;
          } else if (std::find(foreign.begin(), foreign.end(), process.pid) == foreign.end()) {
            foreign.push_back(process.pid);
          }
        }
      }
    }
    if (listed) {
      state_ = GpuState::ok;
      return;
    }
    const std::vector<pid_t> holders = find_holders(t);
    if (worst != nvml::success) {
      state_ = worst == nvml::gpu_is_lost || worst == nvml::reset_required ? GpuState::lost
               : worst == nvml::no_permission                              ? GpuState::no_permission
                                                                           : GpuState::unsupported;
      why_ = nvml_reason(worst);
      return;
    }
    if (holders.empty()) {
      state_ = blind_ && !foreign.empty() ? GpuState::no_permission : GpuState::idle;
      if (state_ == GpuState::no_permission) {
        why_ =
            "the driver lists processes of another namespace, and whether the tree holds the GPU "
            "cannot be seen";
      }
      return;
    }
    // A member computes on a GPU, but the driver lists no pid of ours.
    if (foreign.size() == 1 && holders.size() == 1) {
      tree_.mapped = {foreign[0], static_cast<std::uint32_t>(holders[0])};
      state_ = GpuState::inferred;
      why_ = "the one listed process that is not in this namespace is the one holder in the tree";
      for (NvmlBoard& board : boards_) {
        for (NvmlPart& part : board.parts) {
          for (const Nvml::Process& process : part.processes) {
            if (process.pid == foreign[0]) part.used = board.used = true;
          }
        }
      }
      return;
    }
    bool display = false;
    for (NvmlBoard& board : boards_)
      display = display || (board.held && nvml_->display(board.device));
    // Several lists of other namespaces cannot be told apart, but an empty one means that nobody
    // else is there.
    if (!others && foreign.empty() && !display && !blind_) {
      delta_ = true;
      state_ = GpuState::inferred;
      why_ = "what the whole device uses since the start; nobody else uses it";
      for (NvmlBoard& board : boards_) {
        board.used = board.held;
        for (NvmlPart& part : board.parts) part.used = board.held;
      }
      return;
    }
    state_ = GpuState::pid_namespace;
    why_ = "a process of the tree holds the GPU, but the driver lists other pids";
  }

  // Members that have a GPU open for computing: CUDA always opens nvidia-uvm and its devices.
  std::vector<pid_t> find_holders(double t) {
    std::vector<pid_t> out;
    blind_ = false;
    for (const DeviceHolders::Held& held : holders_.look(t, tree_.pids, kPrefixes)) {
      if (!held.readable) {
        blind_ = true;
        continue;
      }
      const auto has = [&](const std::string& path) {
        return std::find(held.devices.begin(), held.devices.end(), path) != held.devices.end();
      };
      if (!has("/dev/nvidia-uvm")) continue;
      bool any = false;
      for (NvmlBoard& board : boards_) {
        if (!board.minor || !has(fmt::format("/dev/nvidia{}", *board.minor))) continue;
        board.held = any = true;
      }
      if (any) out.push_back(held.pid);
    }
    return out;
  }

  void memory(GpuPass& out) {
    if (state_ != GpuState::ok && state_ != GpuState::inferred) {
      out.mem_mib = out.mem_pct = state_ == GpuState::idle ? Reading::of(0, "idle") : unknown();
      return;
    }
    double used = 0;
    double total = 0;
    const char* missing = nullptr;
    for (NvmlBoard& board : boards_) {
      for (NvmlPart& part : board.parts) {
        if (!part.used) continue;
        Nvml::Memory memory;
        const Return code = nvml_->memory(part.device, memory);
        if (code == nvml::success) total += static_cast<double>(memory.total) / kMib;
        if (delta_) {
          if (code != nvml::success) missing = nvml_reason(code);
          used += static_cast<double>(memory.used - std::min(memory.used, part.before)) / kMib;
          continue;
        }
        for (const Nvml::Process& process : part.processes) {
          if (!tree_.has(process.pid)) continue;
          // A context takes hundreds of MiB: no bytes at all means that the driver looked up
          // another namespace's pid (before R565).
          if (!process.memory)
            missing = "the driver does not know a process's memory (WDDM, WSL 2)";
          else if (*process.memory == 0)
            missing = "the driver lists the process without its memory";
          else
            used += static_cast<double>(*process.memory) / kMib;
        }
      }
    }
    out.mem_total_mib = total;
    if (missing != nullptr) {
      out.mem_mib = out.mem_pct = Reading::absent(missing);
      return;
    }
    const char* note = state_ == GpuState::inferred ? "inferred" : "";
    out.mem_mib = Reading::of(used, note);
    out.mem_pct = total > 0 ? Reading::of(100 * used / total, note)
                            : Reading::absent("the driver does not tell the GPU's memory");
  }

  Reading unknown() const { return Reading::absent(why_); }

  // How busy the tree kept the GPUs, and the total of it.
  void use(GpuPass& out) {
    const std::uint64_t now = driver_now_();
    constexpr const char* kNoNews = "the driver has no new sample yet";
    double sum = 0;
    double device_sum = 0;
    bool device_known = false;
    bool any = false;
    const char* note = state_ == GpuState::inferred ? "inferred" : "";
    const char* missing = nullptr;
    for (NvmlBoard& board : boards_) {
      const NvmlUse whole = device_use(*nvml_, board);
      out.news = out.news || whole.seconds > 0;
      if (board.used && whole.known) {
        device_sum += whole.pct;
        device_known = true;
      }
      if (state_ == GpuState::idle) {
        board.seen = std::max(board.seen, board.device_seen);
        continue;
      }
      if (!board.used) continue;
      const NvmlUse used = board.mig ? instance_use(*nvml_, board, tree_, now)
                           : delta_  ? whole
                                     : process_use(*nvml_, board, tree_, now);
      if (used.known) {
        sum += used.pct;
        any = true;
        gpu_s_ += used.pct / 100 * used.seconds;
        if (*used.note != '\0') note = used.note;
      } else if (used.why != nullptr) {
        missing = used.why;
      }
    }
    out.device_util_pct = device_known ? Reading::of(device_sum) : Reading::absent(kNoNews);
    if (state_ == GpuState::idle) {
      out.util_pct = Reading::of(0, "idle");
    } else if (state_ != GpuState::ok && state_ != GpuState::inferred) {
      out.util_pct = unknown();
      lost_count_ = why_;  // from here on the total misses something
    } else if (missing != nullptr) {
      out.util_pct = Reading::absent(missing);
      lost_count_ = missing;
    } else {
      out.util_pct = any ? Reading::of(sum, note) : Reading::absent(kNoNews);
    }
    inferred_ = inferred_ || state_ == GpuState::inferred || *note != '\0';
    out.gpu_s = lost_count_ != nullptr ? Reading::absent(lost_count_)
                                       : Reading::of(gpu_s_, inferred_ ? "inferred" : "");
  }

  // Power, clocks and energy of the devices the tree uses.
  void boards(GpuPass& out, double dt) {
    constexpr const char* kUnused = "the tree uses no GPU";
    double power = 0, clock = 0, sm = 0, occupancy = 0, dram = 0;
    int count = 0, gpm_count = 0;
    unsigned long long reasons = 0;
    Return power_code = nvml::success, clock_code = nvml::success, throttle_code = nvml::success;
    for (NvmlBoard& board : boards_) {
      unsigned long long energy = 0;
      const Return energy_code = nvml_->energy_mj(board.device, energy);
      const bool used = board.used || board.held;
      if (used) {
        ++count;
        unsigned value = 0;
        if (const Return code = nvml_->power_mw(board.device, value); code != nvml::success) {
          power_code = code;
        } else {
          power += value * 1e-3;
        }
        if (energy_code == nvml::success && board.energy && energy >= *board.energy) {
          energy_ += static_cast<double>(energy - *board.energy) * 1e-3;
        } else if (power_code == nvml::success) {
          energy_ += value * 1e-3 * dt;  // no counter: power over the true time between passes
          summed_ = true;
        } else {
          energy_gap_ = nvml_reason(energy_code == nvml::success ? power_code : energy_code);
        }
        if (const Return code = nvml_->sm_clock_mhz(board.device, value); code != nvml::success) {
          clock_code = code;
        } else {
          clock = std::max(clock, static_cast<double>(value));
        }
        unsigned long long bits = 0;
        if (const Return code = nvml_->throttle_reasons(board.device, bits);
            code != nvml::success) {
          throttle_code = code;
        }
        reasons |= bits;
        if (board.gpm && !board.mig) {
          if (const auto gpm = nvml_->gpm(board.device, std::nullopt)) {
            sm += gpm->sm;
            occupancy += gpm->occupancy;
            dram += gpm->dram;
            ++gpm_count;
          }
        }
      }
      if (energy_code == nvml::success)
        board.energy = energy;
      else
        board.energy.reset();
    }
    const auto reading = [&](Return code, double value) {
      if (count == 0) return state_ == GpuState::idle ? Reading::absent(kUnused) : unknown();
      return code == nvml::success ? Reading::of(value) : Reading::absent(nvml_reason(code));
    };
    out.power_w = reading(power_code, power);
    out.sm_mhz = reading(clock_code, clock);
    if (count > 0 && !boards_.front().gpm) {
      out.sm_pct = out.occupancy_pct = out.dram_pct =
          Reading::absent("only Hopper and later GPUs have these counters");
    } else {
      const Reading no = count == 0 ? reading(nvml::success, 0) : Reading::absent("not read yet");
      out.sm_pct = gpm_count > 0 ? Reading::of(sm / gpm_count) : no;
      out.occupancy_pct = gpm_count > 0 ? Reading::of(occupancy / gpm_count) : no;
      out.dram_pct = gpm_count > 0 ? Reading::of(dram / gpm_count) : no;
    }
    out.energy_j = energy();
    out.throttle = count == 0 ? "no GPU used" : throttle_code != nvml::success ? "unknown" : "none";
    for (const ThrottleWord& word : kThrottle) {
      if (count == 0 || (reasons & word.bit) == 0) continue;
      out.throttle = word.word;
      out.slowed = true;
      break;
    }
  }

  Reading energy() {
    // Whether the tree used a GPU is not known: neither is what that took.
    if (state_ != GpuState::ok && state_ != GpuState::idle && state_ != GpuState::inferred &&
        state_ != GpuState::pid_namespace) {
      energy_gap_ = why_;
    }
    if (energy_gap_ != nullptr) return Reading::absent(energy_gap_);
    return Reading::of(energy_, summed_ ? "power over time" : "");
  }

  std::unique_ptr<Nvml> nvml_;
  DeviceHolders holders_;
  std::function<std::uint64_t()> driver_now_;
  std::vector<NvmlBoard> boards_;
  TreePids tree_;
  std::optional<double> last_t_;

  GpuState state_ = GpuState::unsupported;
  const char* why_ = "";
  bool blind_ = false;  // a member could not be looked at
  bool delta_ = false;  // readings are those of the whole device

  double gpu_s_ = 0, energy_ = 0;
  bool inferred_ = false, summed_ = false;
  const char* lost_count_ = nullptr;  // why the total is not known any more
  const char* energy_gap_ = nullptr;
};

}  // namespace

std::unique_ptr<GpuSource> make_nvml_source(const GpuSourceOptions& options, std::string& why) {
  std::unique_ptr<Nvml> nvml = Nvml::load(why);
  if (nvml == nullptr) return nullptr;
  auto source = std::make_unique<NvmlSource>(std::move(nvml), options);
  if (source->empty()) {
    why = "the NVIDIA driver sees no GPU";
    return nullptr;
  }
  return source;
}

}  // namespace treino::monitor
