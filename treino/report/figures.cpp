// SPDX-License-Identifier: Apache-2.0
#include "treino/report/figures.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/report/tables.h"
#include "treino/report/words.h"

namespace treino::report {

using experiment::Contestant;
using experiment::Curve;
using experiment::Summary;

namespace {

struct Quantity {
  const char* name;  // column of the samples
  const char* label;
  const char* unit;
  bool in_thesis;  // among the resources of its figures 9-20
};

constexpr Quantity kQuantities[] = {
    {"cpu_cores", "CPU", "cores", true},           {"pss_mib", "memory (PSS)", "MiB", true},
    {"rss_mib", "memory (RSS sum)", "MiB", false}, {"gpu_util_pct", "GPU in use", "%", true},
    {"gpu_mem_mib", "GPU memory", "MiB", true},    {"gpu_power_w", "GPU power", "W", false},
};

constexpr double kFirstMinute = 60;  // the thesis's window

class Maker {
 public:
  explicit Maker(const Result& result) : result_(result) {}

  std::vector<Figure> make() {
    for (const std::string& work : works_of(result_)) {
      contestants_ = contestants_of(result_, work);
      if (contestants_.empty()) continue;
      work_ = work;
      for (const char* metric :
           {"train_s", "wall_s", "cpu_s", "peak_pss_mib", "peak_gpu_mem_mib", "accuracy"})
        add_runs(metric);
      add_phases("seconds", "s", [&](const std::string& id, const char* phase) {
        return phase_seconds(result_, id, phase);
      });
      add_phases("CPU time", "s", [&](const std::string& id, const char* phase) {
        return phase_median(result_, id, phase, &experiment::Phase::cpu_s);
      });
      add_phases("GPU energy", "J", [&](const std::string& id, const char* phase) {
        return phase_median(result_, id, phase, &experiment::Phase::gpu_energy_j);
      });
      for (const Quantity& quantity : kQuantities) {
        add_seconds(quantity, false);
        add_seconds(quantity, true);
        add_progress(quantity);
      }
      add_learning("loss", "training loss", "");
      add_learning("accuracy", "training accuracy, running", "");
    }
    return std::move(figures_);
  }

 private:
  Figure& add(const char* section, std::string caption) {
    Figure& figure = figures_.emplace_back();
    figure.id = fmt::format("f{}", figures_.size());
    figure.section = section;
    figure.work = work_;
    figure.caption = std::move(caption);
    return figure;
  }

  int place_of(const std::string& id) const {
    const auto found = std::ranges::find(contestants_, id, &Contestant::id);
    return static_cast<int>(found - contestants_.begin());
  }

  // A dot a run, a bar through the interval of the median.
  void add_runs(const char* name) {
    const experiment::Metric& metric = *experiment::find_metric(name);
    chart::Chart chart;
    chart.title = fmt::format("{}: {}, every run", work_, metric.label);
    chart.x = {.label = std::string(metric.label),
               .unit = std::string(metric.unit),
               .from_zero = metric.name != "accuracy"};
    for (const Contestant* one : contestants_) {
      const Summary* summary = find_summary(result_, one->id, name);
      if (summary == nullptr) continue;
      const auto row = static_cast<double>(chart.y.categories.size());
      chart.y.categories.push_back(one->name);
      chart::Series dots{
          .kind = chart::Kind::dots, .x = summary->values, .place = place_of(one->id)};
      dots.y.assign(summary->values.size(), row);
      for (std::size_t i = 0; i < summary->values.size(); ++i) {
        const bool outlier =
            std::ranges::find(summary->outliers, static_cast<int>(i)) != summary->outliers.end();
        dots.notes.push_back(
            fmt::format("block {}{}", summary->blocks[i], outlier ? ", outlier" : ""));
      }
      chart.series.push_back(std::move(dots));
    }
    if (chart.series.empty()) return;
    add("runs", "Every run is a dot; outliers are shown, never dropped.").chart = std::move(chart);
  }

  template <typename Read>
  void add_phases(const char* what, const char* unit, Read&& read) {
    chart::Chart chart;
    chart.title = fmt::format("{}: {} by phase", work_, what);
    chart.x = {.label = fmt::format("{}, median of the runs", what), .unit = unit};
    for (const char* phase : kPhases) chart.y.categories.emplace_back(phase);
    for (const Contestant* one : contestants_) {
      chart::Series bars{.kind = chart::Kind::bars, .name = one->name, .place = place_of(one->id)};
      for (std::size_t i = 0; i < std::size(kPhases); ++i) {
        if (const experiment::Number value = read(one->id, kPhases[i])) {
          bars.x.push_back(*value);
          bars.y.push_back(static_cast<double>(i));
        }
      }
      if (!bars.x.empty()) chart.series.push_back(std::move(bars));
    }
    if (chart.series.empty()) return;
    add("phases",
        "Phases end at the contestants' own events; a contestant that says none is not here.")
        .chart = std::move(chart);
  }

  chart::Chart curves(const std::string& quantity, const std::string& axis, double until) const {
    chart::Chart chart;
    for (const Curve& curve : result_.curves) {
      const int place = place_of(curve.contestant);
      if (curve.quantity != quantity || curve.axis != axis ||
          place >= static_cast<int>(contestants_.size()))
        continue;
      chart::Series line{.name = contestants_[static_cast<std::size_t>(place)]->name,
                         .place = place};
      for (std::size_t i = 0; i < curve.x.size() && curve.x[i] <= until; ++i) {
        line.x.push_back(curve.x[i]);
        line.y.push_back(curve.middle[i]);
        line.low.push_back(curve.low[i]);
        line.high.push_back(curve.high[i]);
      }
      if (!line.x.empty()) chart.series.push_back(std::move(line));
    }
    return chart;
  }

  double longest(const std::string& quantity) const {
    double most = 0;
    for (const Curve& curve : result_.curves) {
      if (curve.quantity == quantity && curve.axis == "seconds" &&
          place_of(curve.contestant) < static_cast<int>(contestants_.size())) {
        most = std::max(most, curve.x.back());
      }
    }
    return most;
  }

  std::string caption(const Quantity& quantity, const std::string& rest) const {
    return fmt::format("Median of the runs and the band of their 10-90 %, {}.{}", rest,
                       quantity.in_thesis ? " Counterpart of the thesis's figures 9-20." : "");
  }

  void add_seconds(const Quantity& quantity, bool first_minute) {
    if (first_minute && longest(quantity.name) <= kFirstMinute) return;  // the same picture again
    chart::Chart chart = curves(quantity.name, "seconds", first_minute ? kFirstMinute : 1e300);
    if (chart.series.empty()) return;
    chart.title =
        fmt::format("{}: {}{}", work_, quantity.label, first_minute ? ", the first 60 s" : "");
    chart.x = {.label = "since training started", .unit = "s", .low = 0};
    chart.y.label = quantity.label;
    chart.y.unit = quantity.unit;
    add(first_minute ? "first-minute" : "seconds",
        caption(quantity, first_minute ? "in the thesis's own window of 60 s"
                                       : "until half of the runs have ended"))
        .chart = std::move(chart);
  }

  void add_progress(const Quantity& quantity) {
    chart::Chart chart = curves(quantity.name, "progress", 1e300);
    if (chart.series.empty()) return;
    chart.title = fmt::format("{}: {} against progress", work_, quantity.label);
    chart.x = {.label = "epochs done", .low = 0};
    chart.y.label = quantity.label;
    chart.y.unit = quantity.unit;
    add("progress", caption(quantity, "every epoch laid on the same length")).chart =
        std::move(chart);
  }

  void add_learning(const char* quantity, const char* label, const char* unit) {
    chart::Chart chart = curves(quantity, "progress", 1e300);
    if (chart.series.empty()) return;
    chart.title = fmt::format("{}: {}", work_, label);
    chart.x = {.label = "epoch"};
    chart.y = {.label = label, .unit = unit};
    add("learning",
        "Means over an epoch while it trains, dropout on; test accuracy stands in the tables.")
        .chart = std::move(chart);
  }

  const Result& result_;
  std::vector<const Contestant*> contestants_;
  std::string work_;
  std::vector<Figure> figures_;
};

}  // namespace

std::vector<Figure> figures_of(const Result& result) {
  return Maker(result).make();
}

}  // namespace treino::report
