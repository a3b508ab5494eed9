// SPDX-License-Identifier: Apache-2.0
// What the report says in sentences.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "treino/report/report.h"

namespace treino::report {

// "1.234 s", with the decimals of its metric.
std::string value_text(const experiment::Metric& metric, double value);
// "1.234 s (1.230 to 1.240)": the median and its 95 % interval, where there is one.
std::string summary_text(const experiment::Summary& summary);

const experiment::Summary* find_summary(const Result& result, std::string_view contestant,
                                        std::string_view metric);

// Names of a work's contestants that ran, in order.
std::vector<const experiment::Contestant*> contestants_of(const Result& result,
                                                          std::string_view work);
std::vector<std::string> works_of(const Result& result);

// The page's title; it says so when different work is ranked.
std::string title_of(const Result& result);
std::string verdict_sentence(const experiment::Comparison& comparison);
// Why there is no ranking of this work, or nothing.
std::string refusal(const Result& result, std::string_view work);

// Metrics whose comparisons stand at the top, as sentences.
bool is_headline(std::string_view metric);

// "no difference in test accuracy ..." and the like: one line on each work, what was compared.
std::string work_line(const Result& result, std::string_view work);

}  // namespace treino::report
