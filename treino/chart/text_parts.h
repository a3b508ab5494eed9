// SPDX-License-Identifier: Apache-2.0
// The two ways a chart becomes text.
#pragma once

#include <string>

#include "treino/chart/chart.h"

namespace treino::chart {

// Bars as rows: name, bar, value and interval.
std::string text_bars(const Chart& chart, const TextOptions& options);
// Lines, bands and dots on a canvas of dots, with axes, events and legend.
std::string text_plot(const Chart& chart, const TextOptions& options);

std::string padded(const std::string& text, std::size_t columns, bool right);
std::string axis_name(const Axis& axis);  // "CPU (cores)"
std::string colored(const std::string& text, int color, bool wanted);

}  // namespace treino::chart
