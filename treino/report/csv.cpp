// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "treino/report/report.h"

namespace treino::report {

namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == text.npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string_view status_name(experiment::RunStatus status) {
  constexpr std::string_view names[] = {"ok", "failed", "timed out", "broken events", "disturbed"};
  return names[static_cast<std::size_t>(status)];
}

}  // namespace

std::string csv(const Result& result) {
  std::string out = "block,position,contestant,work,status,metric,value\n";
  for (const experiment::Run& run : result.runs) {
    std::string work;
    for (const experiment::Contestant& one : result.contestants) {
      if (one.id == run.contestant) work = one.work;
    }
    for (const auto& [metric, value] : run.metrics) {
      out +=
          fmt::format("{},{},{},{},{},{},{:.9g}\n", run.block, run.position, quoted(run.contestant),
                      quoted(work), status_name(run.status), metric, value);
    }
  }
  return out;
}

}  // namespace treino::report
