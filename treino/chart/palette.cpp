// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/palette.h"

#include <fmt/format.h>

#include "treino/chart/chart.h"
#include "treino/chart/utf8.h"

namespace treino::chart {

std::string marker_path(std::size_t place, double x, double y, double r) {
  switch (place % kPlaces) {
    case 0:
      return fmt::format(
          "M{:.1f} {:.1f}a{r:.1f} {r:.1f} 0 1 0 {:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {:.1f} 0Z", x - r, y,
          2 * r, -2 * r, fmt::arg("r", r));
    case 1:  // square
      return fmt::format("M{:.1f} {:.1f}h{:.1f}v{:.1f}h{:.1f}Z", x - r * 0.9, y - r * 0.9, r * 1.8,
                         r * 1.8, -r * 1.8);
    case 2:  // triangle
      return fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}H{:.1f}Z", x, y - r * 1.2, x + r * 1.15,
                         y + r * 0.8, x - r * 1.15);
    case 3:  // diamond
      return fmt::format("M{:.1f} {:.1f}l{d:.1f} {d:.1f}l{e:.1f} {d:.1f}l{e:.1f} {e:.1f}Z", x,
                         y - r * 1.3, fmt::arg("d", r * 1.3), fmt::arg("e", -r * 1.3));
    case 4:  // triangle on its tip
      return fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}H{:.1f}Z", x, y + r * 1.2, x + r * 1.15,
                         y - r * 0.8, x - r * 1.15);
    case 5:  // upright cross
      return fmt::format(
          "M{:.1f} "
          "{:.1f}h{a:.1f}v{b:.1f}h{b:.1f}v{a:.1f}h{c:.1f}v{b:.1f}h{d:.1f}v{c:.1f}h{c:.1f}v{d:.1f}h{"
          "b:.1f}Z",
          x - r * 0.4, y - r * 1.2, fmt::arg("a", r * 0.8), fmt::arg("b", r * 0.8),
          fmt::arg("c", -r * 0.8), fmt::arg("d", -r * 0.8));
    case 6:  // flat bar
      return fmt::format("M{:.1f} {:.1f}h{:.1f}v{:.1f}h{:.1f}Z", x - r * 1.3, y - r * 0.45, r * 2.6,
                         r * 0.9, -r * 2.6);
    default:  // upright bar
      return fmt::format("M{:.1f} {:.1f}h{:.1f}v{:.1f}h{:.1f}Z", x - r * 0.45, y - r * 1.3, r * 0.9,
                         r * 2.6, -r * 0.9);
  }
}

std::string style_rules() {
  std::string light = "--ink:#1b1b1b;--paper:#ffffff;--grid:#d9d9d9;--soft:#595959;";
  std::string dark = "--ink:#ececec;--paper:#16181a;--grid:#3a3d40;--soft:#b0b3b6;";
  std::string places;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    light += fmt::format("--s{}:{};", i, kPlaceTable[i].light);
    dark += fmt::format("--s{}:{};", i, kPlaceTable[i].dark);
    places += fmt::format(".tc .s{0}{{stroke:var(--s{0})}}.tc .f{0}{{fill:var(--s{0})}}", i);
  }
  return ":where(:root,.tc){" + light + "}@media(prefers-color-scheme:dark){:where(:root,.tc){" +
         dark + "}}" +
         ".tc{font:12px system-ui,sans-serif;background:var(--paper)}"
         ".tc text{fill:var(--ink)}.tc .soft{fill:var(--soft)}.tc .paper{fill:var(--paper)}"
         ".tc .grid{stroke:var(--grid)}.tc .axis{stroke:var(--soft)}.tc .ref{stroke:var(--ink)}" +
         places +
         ".tc .hit{fill:transparent;stroke:none}.tc .hit:hover{fill:var(--ink);fill-opacity:.12}"
         ".tc .pt:hover{stroke:var(--ink);stroke-width:2}";
}

std::string page_style() {
  return style_rules() +
         "figure.chart{margin:1em 0}figure.chart svg{display:block;max-width:100%;height:auto}"
         "figure.chart .narrow{display:none}"
         "@media(max-width:600px){figure.chart .wide{display:none}"
         "figure.chart .narrow{display:block}}";
}

std::string escape(std::string_view text) {
  std::string out;
  for (const std::string& letter : letters(text)) {
    if (letter == "&")
      out += "&amp;";
    else if (letter == "<")
      out += "&lt;";
    else if (letter == ">")
      out += "&gt;";
    else if (letter == "\"")
      out += "&quot;";
    else
      out += letter;
  }
  return out;
}

}  // namespace treino::chart
