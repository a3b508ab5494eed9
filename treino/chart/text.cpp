// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "treino/chart/scale.h"
#include "treino/chart/text_parts.h"
#include "treino/chart/utf8.h"

namespace treino::chart {

std::string padded(const std::string& text, std::size_t columns, bool right) {
  const std::size_t have = width(text);
  const std::string space(columns > have ? columns - have : 0, ' ');
  return right ? space + text : text + space;
}

std::string axis_name(const Axis& axis) {
  if (axis.unit.empty()) return axis.label;
  return axis.label.empty() ? axis.unit : fmt::format("{} ({})", axis.label, axis.unit);
}

std::string colored(const std::string& text, int color, bool wanted) {
  if (!wanted || color < 0 || text == " ") return text;
  return fmt::format("\x1b[{}m{}\x1b[0m", color, text);
}

std::string text(const Chart& chart, const TextOptions& options) {
  TextOptions sane = options;
  sane.columns = std::max(options.columns, 24);
  std::string out;
  const auto columns = static_cast<std::size_t>(sane.columns);
  if (!chart.title.empty()) out += fit(chart.title, columns, sane.unicode) + '\n';
  const bool bars = std::any_of(chart.series.begin(), chart.series.end(),
                                [](const Series& s) { return s.kind == Kind::bars; });
  const bool names = sideways(chart) || !chart.x.categories.empty();
  if (bars && names) return out + text_bars(chart, sane);
  if (const std::string name = axis_name(chart.y); !name.empty()) {
    out += fit(name, columns, sane.unicode) + '\n';
  }
  return out + text_plot(chart, sane);
}

TextOptions terminal_text(int descriptor) {
  TextOptions options;
  winsize size{};
  const bool terminal = isatty(descriptor) == 1;
  if (terminal && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    options.columns = std::clamp(static_cast<int>(size.ws_col), 24, 160);
  }
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool refused = no_color != nullptr && no_color[0] != '\0';
  options.color = terminal && !refused && term != nullptr && std::strcmp(term, "dumb") != 0;
  // A program that never called setlocale runs in "C": then the environment tells.
  options.unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || value[0] == '\0') continue;
    options.unicode =
        std::strstr(value, "UTF-8") != nullptr || std::strstr(value, "utf8") != nullptr;
    break;
  }
  return options;
}

}  // namespace treino::chart
