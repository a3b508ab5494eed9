// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/series.h"

#include <fmt/format.h>

namespace treino::monitor {

std::optional<std::size_t> Header::find(std::string_view name) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

void Summary::add(std::string name, Reading reading, int decimals) {
  entries.push_back({std::move(name), reading, decimals});
}

Reading Summary::get(std::string_view name) const {
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry.reading;
  }
  return Reading::absent("not measured");
}

std::string cell_text(const Column& column, const Reading& reading) {
  if (column.kind == Kind::status) return *reading.note == '\0' ? "ok" : reading.note;
  if (!reading.known()) return {};
  return fmt::format("{:.{}f}", reading.value, column.decimals);
}

}  // namespace treino::monitor
