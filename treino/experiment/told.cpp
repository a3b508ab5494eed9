// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/told.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "treino/experiment/work_lines.h"

namespace treino::experiment {

using Json = nlohmann::json;  // keys sorted

std::string line_of(const Heard& heard) {
  Event event = Event::parse(heard.event.line(), "event");
  Json counters = Json::object();
  for (const auto& [name, value] : heard.counters) counters[name] = value;
  event.set("received", heard.received).set_json("counters", counters.dump());
  return event.line();
}

std::vector<Heard> read_heard(const std::string& path) {
  std::vector<Heard> all;
  for (Event& event : read_events(path)) {
    Heard heard{std::move(event)};
    heard.received = heard.event.number("received").value_or(0);
    if (const auto counters = heard.event.json("counters")) {
      const Json values = Json::parse(*counters);
      for (const auto& [name, value] : values.items()) {
        if (value.is_number()) heard.counters[name] = value.get<double>();
      }
    }
    all.push_back(std::move(heard));
  }
  return all;
}

namespace {

constexpr double kSlack = 0.05;   // seconds by which stamps may disagree
constexpr double kSameClock = 5;  // an own stamp this near to its receipt is of our clock
constexpr double kFresh = 0.02;   // counters read this soon after an event are the event's
constexpr double kLastEpoch = 1e9;

// Seconds may fall short of the distance of their own two stamps by this share; by this many
// seconds too, as a trainer can lose its core between two readings of the clock.
constexpr double kShortShare = 0.1, kShortSeconds = 0.02;

bool falls_short(double said, double apart) {
  return apart - said > std::max(kShortSeconds, kShortShare * apart);
}

class Listener {
 public:
  Listener(const std::vector<Heard>& heard, const Samples& samples, double start, double wall_s)
      : heard_(heard), samples_(samples), start_(start), wall_s_(wall_s) {}

  Told listen() {
    if (heard_.empty()) return std::move(told_);
    own_clock_ = std::ranges::all_of(heard_, [&](const Heard& one) {
      return std::abs(one.received - (one.event.t() - start_)) < kSameClock;
    });
    double before = -kSlack;
    int line = 0;
    for (const Heard& one : heard_) {
      ++line;
      const double now = time_of(one);
      if (one.event.t() - start_ < before_stamp_ - 1e-3) {
        trouble(line, fmt::format("{} says t = {:.3f}, {:.3f} s before the event above it",
                                  one.event.name(), one.event.t(),
                                  before_stamp_ - (one.event.t() - start_)));
      }
      before_stamp_ = one.event.t() - start_;
      if (now < before) continue;
      before = std::max(before, now - kSlack);
      take(one, now, line);
    }
    finish();
    return std::move(told_);
  }

 private:
  double time_of(const Heard& one) const {
    return own_clock_ ? std::clamp(one.event.t() - start_, 0.0, one.received) : one.received;
  }

  void trouble(int line, const std::string& text) {
    if (told_.trouble.empty()) told_.trouble = fmt::format("events.jsonl:{}: {}", line, text);
  }

  void take(const Heard& one, double now, int line) {
    const Event& event = one.event;
    const std::string name = event.name();
    if (name != "eval" && name != "epoch_start" && name != "epoch_stop")
      at_.try_emplace(name, now, &one);
    if (name == "runtime_ready") {
      told_.framework = event.text("framework").value_or("");
      told_.version = event.text("version").value_or("");
    } else if (name == "data_ready") {
      told_.work.train_samples = event.number("train");
      told_.work.test_samples = event.number("test");
      told_.work.data_sha256 = event.text("sha256").value_or("");
    } else if (name == "model_built") {
      told_.work.parameters = event.number("parameters");
      take_layers(event, line);
    } else if (name == "compile_done") {
      if (const auto seconds = event.number("seconds")) told_.metrics["compile_s"] = *seconds;
    } else if (name == "work") {
      take_work(event);
    } else if (name == "epoch_start") {
      open_epoch(event, now, line);
    } else if (name == "epoch_stop") {
      close_epoch(event, now, line);
    } else if (name == "train_stop") {
      stop_line_ = line;
      said_training_ = event.number("seconds");
    } else if (name == "eval" && event.text("split").value_or("test") == "test") {
      told_.test_loss = event.number("loss");
      told_.test_accuracy = event.number("accuracy");
      at_.insert_or_assign("eval", std::pair(now, &one));
      check_accuracy(told_.test_accuracy, line);
    }
  }

  void take_layers(const Event& event, int line) {
    const auto layers = event.json("layers");
    if (!layers) return;
    const auto read = layers_line(*layers);
    if (!read) {
      trouble(line, fmt::format("{} has layers that are no list of {{\"type\": text, \"output\": "
                                "shape, \"parameters\": number}}",
                                event.name()));
    }
    told_.work.layers = read.value_or("");
  }

  void take_work(const Event& event) {
    if (const auto optimizer = event.json("optimizer"))
      told_.work.optimizer = optimizer_line(*optimizer);
    told_.work.batch = event.number("batch");
    told_.work.samples_per_epoch = event.number("samples_per_epoch");
    told_.work.epochs = event.number("epochs");
    told_.work.precision = event.text("precision").value_or("");
    told_.work.loss = event.text("loss").value_or("");
    told_.work.device = event.text("device").value_or("");
    if (const auto shuffle = event.json("shuffle")) told_.work.shuffle = shuffles(*shuffle);
  }

  void check_accuracy(const Number& accuracy, int line) {
    if (accuracy && (*accuracy < 0 || *accuracy > 1)) {
      trouble(line, fmt::format("accuracy {} is no fraction from 0 to 1", *accuracy));
    }
  }

  int number_of_epoch(const Event& event, int wanted, int line) {
    const double number = event.number("epoch").value_or(wanted);
    if (number >= 0 && number <= kLastEpoch) return static_cast<int>(number);
    trouble(line,
            fmt::format("{} says epoch {}, which is no epoch's number", event.name(), number));
    return wanted;
  }

  void open_epoch(const Event& event, double now, int line) {
    const int wanted = static_cast<int>(told_.epochs.size()) + 1;
    const int number = number_of_epoch(event, wanted, line);
    if (opened_ >= 0)
      trouble(line, fmt::format("epoch {} starts before epoch {} has stopped", number, wanted));
    if (number != wanted)
      trouble(line, fmt::format("epoch {} starts where epoch {} should", number, wanted));
    opened_ = now;
    opened_stamp_ = event.t();
  }

  void close_epoch(const Event& event, double now, int line) {
    const int wanted = static_cast<int>(told_.epochs.size()) + 1;
    Epoch epoch;
    epoch.number = number_of_epoch(event, wanted, line);
    if (epoch.number != wanted) {
      trouble(line, fmt::format("epoch {} stops where epoch {} should: epochs are missing",
                                epoch.number, wanted));
    }
    if (opened_ < 0) trouble(line, fmt::format("epoch {} stops but never started", epoch.number));
    epoch.start = std::max(opened_, 0.0);
    epoch.stop = now;
    take_seconds(epoch, event, line);
    epoch.samples = event.number("samples");
    epoch.steps = event.number("steps");
    epoch.loss = event.number("loss");
    epoch.accuracy = event.number("accuracy");
    check_accuracy(epoch.accuracy, line);
    told_.epochs.push_back(epoch);
    opened_ = -1;
  }

  void take_seconds(Epoch& epoch, const Event& event, int line) {
    const double length = epoch.stop - epoch.start;
    const Number said = event.number("seconds");
    epoch.left_out = event.number("left_out");
    const double left_out = epoch.left_out.value_or(0);
    epoch.seconds = said.value_or(std::max(0.0, length - left_out));
    if (epoch.seconds < 0 || left_out < 0)
      trouble(line, fmt::format("epoch {} says a time below 0", epoch.number));
    if (opened_ < 0) return;
    const double all = epoch.seconds + left_out;
    const std::string told = fmt::format(
        "epoch {} says {:.3f} s{}", epoch.number, epoch.seconds,
        epoch.left_out ? fmt::format(" and {:.3f} s that it leaves out", left_out) : "");
    if (all > length + kSlack + 0.02 * all)
      trouble(line, fmt::format("{} but lies {:.3f} s after its start", told, length));
    if (!said) return;
    // Both stamps are the trainer's own, so this holds whatever its clock counts from.
    const double apart = event.t() - opened_stamp_;
    if (falls_short(all, apart)) {
      trouble(line, fmt::format("{} but lies {:.3f} s after its start; evaluation and saving in "
                                "between belong into left_out",
                                told, apart));
    }
    said_ += all;
    apart_ += apart;
  }

  std::optional<double> when(const char* name) const {
    const auto found = at_.find(name);
    return found == at_.end() ? std::nullopt : std::optional(found->second.first);
  }

  // A counter at an event: what was read on receipt when that was at once, else between the
  // samples.
  Number counter(const char* name, const char* event) const {
    if (event == nullptr) return std::nullopt;
    const auto found = at_.find(event);
    if (found == at_.end()) return std::nullopt;
    const auto& [now, heard] = found->second;
    const auto fresh = heard->counters.find(name);
    if (heard->received - now < kFresh && fresh != heard->counters.end()) return fresh->second;
    return samples_.counter_at(name, now);
  }

  void add_phase(const char* name, const char* from, const char* to) {
    const std::optional<double> begin = from == nullptr ? std::optional(0.0) : when(from);
    const std::optional<double> end = when(to);
    if (!begin || !end || *end < *begin) return;
    Phase phase{.name = name, .seconds = *end - *begin};
    const auto spent = [&](const char* column) -> Number {
      const Number after = counter(column, to);
      const Number before = from == nullptr ? Number(0) : counter(column, from);
      if (!after || !before) return std::nullopt;
      return std::max(0.0, *after - *before);
    };
    phase.cpu_s = spent("cpu_s");
    phase.gpu_s = spent("gpu_s");
    phase.gpu_energy_j = spent("gpu_energy_j");
    phase.peak_pss_mib = samples_.peak("pss_mib", *begin, *end);
    phase.peak_gpu_mem_mib = samples_.peak("gpu_mem_mib", *begin, *end);
    told_.phases.push_back(phase);
  }

  void finish() {
    add_phase("start-up", nullptr, "runtime_ready");
    add_phase("data", "runtime_ready", "data_ready");
    add_phase("compile", "data_ready", "train_start");
    add_phase("epochs", "train_start", "train_stop");
    add_phase("evaluation", "train_stop", "eval");
    for (const Phase& phase : told_.phases) {
      if (phase.name == "start-up") told_.metrics["startup_s"] = phase.seconds;
      if (phase.name == "data") told_.metrics["data_s"] = phase.seconds;
      if (phase.name == "evaluation") told_.metrics["eval_s"] = phase.seconds;
    }
    told_.train_start = when("train_start");
    told_.train_stop = when("train_stop");
    const double zero = told_.train_start.value_or(0);
    double total = 0;
    for (Epoch& epoch : told_.epochs) {
      epoch.start -= zero;
      epoch.stop -= zero;
      total += epoch.seconds;
    }
    check_whole(total);
    if (!told_.epochs.empty()) {
      told_.metrics["epoch_s"] = total / static_cast<double>(told_.epochs.size());
      told_.metrics["train_s"] = total;
    }
    if (told_.test_accuracy) told_.metrics["accuracy"] = *told_.test_accuracy;
  }

  void check_whole(double total) {
    const int last = static_cast<int>(heard_.size());
    const auto count = static_cast<double>(told_.epochs.size());
    if (opened_ >= 0) trouble(last, fmt::format("epoch {} never stops", count + 1));
    if (falls_short(said_, apart_)) {
      trouble(stop_line_ > 0 ? stop_line_ : last,
              fmt::format("epochs say {:.3f} s in all, their starts and stops lie {:.3f} s apart",
                          said_, apart_));
    }
    if (!told_.train_stop) {
      if (told_.train_start) trouble(last, "training starts but never stops");
      return;
    }
    if (told_.work.epochs && *told_.work.epochs != count) {
      trouble(stop_line_,
              fmt::format("{} epochs were promised and {} came", *told_.work.epochs, count));
    }
    if (said_training_ && std::abs(*said_training_ - total) > kSlack + 0.02 * total) {
      trouble(stop_line_, fmt::format("train_stop says {:.3f} s, its epochs sum to {:.3f} s",
                                      *said_training_, total));
    }
    if (total > wall_s_ + kSlack) {
      trouble(stop_line_, fmt::format("{:.3f} s of training in a run of {:.3f} s", total, wall_s_));
    }
  }

  const std::vector<Heard>& heard_;
  const Samples& samples_;
  double start_, wall_s_;
  bool own_clock_ = true;
  double before_stamp_ = -1e300;
  double opened_ = -1;  // when the epoch that runs began; below 0: none runs
  double opened_stamp_ = 0;
  double said_ = 0, apart_ = 0;  // by epochs that say their seconds, and between their stamps
  Number said_training_;         // by train_stop
  int stop_line_ = 0;
  std::map<std::string, std::pair<double, const Heard*>> at_;
  Told told_;
};

}  // namespace

Told understand(const std::vector<Heard>& heard, const Samples& samples, double start,
                double wall_s) {
  return Listener(heard, samples, start, wall_s).listen();
}

}  // namespace treino::experiment
