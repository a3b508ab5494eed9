// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "treino/report/tables.h"
#include "treino/report/words.h"

namespace treino::report {

namespace {

std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != text.npos; at += 2) text.insert(at, "\\");
  std::ranges::replace(text, '\n', ' ');
  return text;
}

void add(std::string& out, const Table& table) {
  if (table.rows.empty()) return;
  out += fmt::format("\n**{}**\n\n|", table.caption);
  for (const std::string& name : table.header) out += fmt::format(" {} |", cell(name));
  out += "\n|";
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    out += std::ranges::find(table.numbers, static_cast<int>(i)) != table.numbers.end() ? "---:|"
                                                                                        : "---|";
  }
  out += "\n";
  for (const auto& row : table.rows) {
    out += "|";
    for (const std::string& text : row) out += fmt::format(" {} |", cell(text));
    out += "\n";
  }
}

}  // namespace

std::string markdown(const Result& result) {
  std::string out = fmt::format("# {}\n", title_of(result));
  for (const std::string& work : works_of(result)) {
    out += fmt::format("\n## {}\n\n", work_line(result, work));
    if (const std::string refused = refusal(result, work); !refused.empty()) out += refused + "\n";
    for (const experiment::Comparison& one : result.comparisons) {
      if (one.work == work && is_headline(one.metric))
        out += fmt::format("- {}\n", verdict_sentence(one));
    }
    add(out, headline_table(result, work));
    add(out, variation_table(result, work));
    add(out, phase_table(result, work));
    add(out, certificate_table(result, work));
  }
  add(out, effort_table(result));
  add(out, power_table(result));
  add(out, trouble_table(result));
  out += "\n## Warnings about this experiment\n\n";
  for (const std::string& warning : result.warnings) out += fmt::format("- {}\n", warning);
  add(out, settings_table(result));
  add(out, machine_table(result));
  return out;
}

}  // namespace treino::report
