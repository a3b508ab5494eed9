// SPDX-License-Identifier: Apache-2.0
// The charts of a watch: afterwards as a file, and while it runs as what the live view shows.
#pragma once

#include <string>
#include <vector>

#include "treino/chart/chart.h"
#include "treino/monitor/history.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {

// One chart a resource of which anything is known: CPU, memory, GPU, GPU memory, power, storage;
// events as marks.
std::vector<chart::Chart> charts_of(const History& history);

// The page of a watch: charts, totals, how each thing was measured, what is unknown and why. One
// file, nothing from elsewhere.
std::string html_of(const History& history, const Summary& summary);

// Writes FILE.svg or FILE.html when the watch ends.
class PlotOutput : public Output {
 public:
  // Throws Error::mistake for another ending and for a folder that cannot be written to.
  explicit PlotOutput(std::string path);

  void begin(const Header& header) override { history_.begin(header); }
  void row(const Row& row) override { history_.add(row); }
  void end(const Summary& summary) override;

 private:
  std::string path_;
  History history_;
};

}  // namespace treino::monitor
