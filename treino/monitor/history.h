// SPDX-License-Identifier: Apache-2.0
// The rows of a watch kept for drawing, in bounded memory whatever it lasts: when it is full,
// neighbours are joined and what they hid is remembered as a band.
#pragma once

#include <string>
#include <vector>

#include "treino/monitor/sampler.h"

namespace treino::monitor {

class History {
 public:
  // `most` rows are kept, an even number.
  explicit History(std::size_t most = 4096) : most_(most) {}

  void begin(const Header& header);
  void add(const Row& row);

  // One column over the time it was read at; gaps are NaN. `low` and `high` are the extremes of
  // what was joined.
  struct Track {
    std::vector<double> mean, low, high;
    bool known = false;    // there is at least one value
    const char* why = "";  // the last reason for there being none
    double newest = chart_unknown();
    double peak = chart_unknown();
    static double chart_unknown();
  };
  const std::vector<double>& times() const { return times_; }
  // Null when there is no such column.
  const Track* track(std::string_view column) const;
  std::string status(
      std::string_view column) const;  // text of a status column; "" when there is none

  struct Moment {
    double t = 0;
    std::string label;  // "epoch 2"
  };
  const std::vector<Moment>& events() const { return events_; }
  std::size_t events_left_out() const { return events_left_out_; }
  const Header& header() const { return header_; }
  double end() const { return end_; }

 private:
  void merge(std::size_t into, std::size_t from);
  void resize(std::size_t size);
  void join();

  std::size_t most_;
  Header header_;
  std::vector<double> times_;
  std::vector<double> weights_;  // seconds each kept row stands for
  std::size_t stride_ = 1;       // rows that one kept row is made of
  std::size_t in_last_ = 1;      // rows in the last kept one
  std::vector<Track> tracks_;
  std::vector<std::string> status_;
  std::vector<Moment> events_;
  std::size_t events_left_out_ = 0;
  double end_ = 0;
};

// "epoch 2", "eval test", or the event's own name.
std::string label_of(const Event& event);

}  // namespace treino::monitor
