// SPDX-License-Identifier: Apache-2.0
// An experiment's result drawn for people and for machines. Pure functions: the same result gives
// the same bytes. To add a format: its file, and a row in formats.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "treino/experiment/result.h"

namespace treino::report {

using experiment::Result;

struct Format {
  std::string_view name;     // also the option: --md
  std::string_view summary;  // for --help
  std::string (*write)(const Result& result);
};

// html, md, csv, svg, json.
std::span<const Format> formats();

std::string html(const Result& result);  // one page that opens offline
std::string markdown(const Result& result);
std::string csv(const Result& result);   // one row a run and metric
std::string svg(const Result& result);   // every chart under each other
std::string json(const Result& result);  // the comparisons

}  // namespace treino::report
