// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/chart/chart.h"

namespace treino::monitor {

namespace {

constexpr std::size_t kMostEvents = 1000;

// The mean of two values by their weights; one alone where the other is unknown.
double mean(double a, double weight_a, double b, double weight_b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  const double weight = weight_a + weight_b;
  return weight > 0 ? (a * weight_a + b * weight_b) / weight : (a + b) / 2;
}

}  // namespace

double History::Track::chart_unknown() {
  return chart::kUnknown;
}

void History::begin(const Header& header) {
  header_ = header;
  tracks_.assign(header.columns.size(), {});
  status_.assign(header.columns.size(), {});
}

void History::add(const Row& row) {
  end_ = row.t;
  times_.push_back(row.t);
  weights_.push_back(row.dt);
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    Track& track = tracks_[i];
    const Reading& cell = row.cells[i];
    if (header_.columns[i].kind == Kind::status) {
      status_[i] = cell_text(header_.columns[i], cell);
      continue;
    }
    for (std::vector<double>* values : {&track.mean, &track.low, &track.high}) {
      values->push_back(cell.value);
    }
    if (cell.known()) {
      track.known = true;
      track.newest = cell.value;
      track.peak = std::isnan(track.peak) ? cell.value : std::max(track.peak, cell.value);
    } else {
      track.why = cell.note;
    }
  }
  for (const Mark& mark : row.marks) {
    if (events_.size() < kMostEvents)
      events_.push_back({mark.t, label_of(mark.event)});
    else
      ++events_left_out_;
  }
  if (times_.size() > 1 && in_last_ < stride_) {
    merge(times_.size() - 2, times_.size() - 1);
    resize(times_.size() - 1);
    ++in_last_;
  } else {
    in_last_ = 1;
  }
  if (times_.size() >= most_ && in_last_ == stride_) join();
}

const History::Track* History::track(std::string_view column) const {
  const auto place = header_.find(column);
  return place ? &tracks_[*place] : nullptr;
}

std::string History::status(std::string_view column) const {
  const auto place = header_.find(column);
  return place ? status_[*place] : std::string();
}

// The kept row `from` goes into the one at `into`, which comes before it.
void History::merge(std::size_t into, std::size_t from) {
  for (Track& track : tracks_) {
    if (track.mean.empty()) continue;
    track.mean[into] = mean(track.mean[into], weights_[into], track.mean[from], weights_[from]);
    track.low[into] =
        std::fmin(track.low[into], track.low[from]);  // of NaN and a number: the number
    track.high[into] = std::fmax(track.high[into], track.high[from]);
  }
  times_[into] = times_[from];
  weights_[into] += weights_[from];
}

void History::resize(std::size_t size) {
  times_.resize(size);
  weights_.resize(size);
  for (Track& track : tracks_) {
    if (track.mean.empty()) continue;
    for (std::vector<double>* values : {&track.mean, &track.low, &track.high}) values->resize(size);
  }
}

// Every kept row from now on stands for twice as many.
void History::join() {
  const std::size_t half = times_.size() / 2;
  for (std::size_t k = 0; k < half; ++k) {
    merge(2 * k, 2 * k + 1);
    times_[k] = times_[2 * k];
    weights_[k] = weights_[2 * k];
    for (Track& track : tracks_) {
      if (track.mean.empty()) continue;
      for (std::vector<double>* values : {&track.mean, &track.low, &track.high}) {
        (*values)[k] = (*values)[2 * k];
      }
    }
  }
  resize(half);
  stride_ *= 2;
  in_last_ = stride_;
}

std::string label_of(const Event& event) {
  const std::string name = event.name();
  const auto epoch = event.number("epoch");
  if (name == "epoch_start" && epoch) return fmt::format("epoch {:.0f}", *epoch);
  if (name == "epoch_stop" && epoch) return fmt::format("epoch {:.0f} done", *epoch);
  if (name == "eval") return "eval " + event.text("split").value_or("");
  std::string words = name;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

}  // namespace treino::monitor
