// SPDX-License-Identifier: Apache-2.0
#include "treino/report/report.h"

namespace treino::report {

namespace {

constexpr Format kFormats[] = {
    {"html", "one page that opens offline", html},
    {"md", "Markdown: verdicts, tables, warnings", markdown},
    {"csv", "one row a run and metric", csv},
    {"svg", "every chart in one image", svg},
    {"json", "the comparisons, for programs", json},
};

}  // namespace

std::span<const Format> formats() {
  return kFormats;
}

}  // namespace treino::report
