// SPDX-License-Identifier: Apache-2.0
// The report's tables as data; HTML and Markdown draw the same ones.
#pragma once

#include <string>
#include <vector>

#include "treino/report/report.h"

namespace treino::report {

struct Table {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // the first cell names the row
  std::vector<int> numbers;                    // columns set right
};

Table machine_table(const Result& result);
Table settings_table(const Result& result);
Table headline_table(const Result& result, const std::string& work);   // the thesis's Table 1
Table variation_table(const Result& result, const std::string& work);  // its "variation"
Table phase_table(const Result& result, const std::string& work);
Table comparison_table(const Result& result, const std::string& work);   // every metric and pair
Table certificate_table(const Result& result, const std::string& work);  // differences
Table effort_table(const Result& result);
Table power_table(const Result& result);
Table trouble_table(const Result& result);  // runs that are not plainly good

// Median seconds of a phase over a contestant's good runs; absent when none has it.
experiment::Number phase_median(const Result& result, const std::string& contestant,
                                const std::string& phase,
                                experiment::Number experiment::Phase::*quantity);
experiment::Number phase_seconds(const Result& result, const std::string& contestant,
                                 const std::string& phase);
inline constexpr const char* kPhases[] = {"start-up", "data", "compile", "epochs", "evaluation"};

}  // namespace treino::report
