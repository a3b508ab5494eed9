// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/chart.h"
#include "treino/report/figures.h"

namespace treino::report {

std::string svg(const Result& result) {
  std::vector<chart::Chart> charts;
  for (Figure& figure : figures_of(result)) charts.push_back(std::move(figure.chart));
  return chart::svg(charts, {.id = "report"});
}

}  // namespace treino::report
