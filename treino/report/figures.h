// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/chart/chart.h"
#include "treino/report/report.h"

namespace treino::report {

struct Figure {
  std::string id;       // unique in a page
  std::string section;  // runs, phases, seconds, first-minute, progress, learning
  std::string work;
  std::string caption;  // below the chart
  chart::Chart chart;
};

// Every chart of a report, in its order.
std::vector<Figure> figures_of(const Result& result);

}  // namespace treino::report
