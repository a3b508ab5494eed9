// SPDX-License-Identifier: Apache-2.0
#include "treino/report/page.h"

#include <fmt/format.h>

#include <algorithm>

namespace treino::report {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string html_table(const Table& table) {
  if (table.rows.empty()) return {};
  const auto number = [&](std::size_t column) {
    return std::ranges::find(table.numbers, static_cast<int>(column)) != table.numbers.end();
  };
  // Wide tables scroll by themselves; the frame can be reached by keyboard for that.
  std::string out = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"{0}\">\n<table>\n<caption>{0}</caption>\n<thead><tr>",
      escaped(table.caption));
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    out += fmt::format("<th scope=\"col\"{}>{}</th>", number(i) ? " class=\"n\"" : "",
                       escaped(table.header[i]));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i == 0
                 ? fmt::format("<th scope=\"row\">{}</th>", escaped(row[i]))
                 : fmt::format("<td{}>{}</td>", number(i) ? " class=\"n\"" : "", escaped(row[i]));
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

std::string page_style() {
  return R"(:root{color-scheme:light dark}
body{margin:0 auto;max-width:74rem;padding:0 1rem 3rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.7rem;line-height:1.2;margin:1.2rem 0 .5rem}
h2{font-size:1.35rem;margin:2.2rem 0 .6rem;border-top:2px solid var(--ink);padding-top:.6rem}
h3{font-size:1.08rem;margin:1.4rem 0 .4rem}
a{color:inherit}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;padding:0;margin:.6rem 0}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static}
section ul{padding-left:1.2rem}
li{margin:.25rem 0}
.refused{border-left:.4rem solid var(--ink);padding:.3rem .8rem;font-weight:600}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.9rem}
caption{text-align:left;font-weight:600;padding:.2rem 0;position:sticky;left:0;max-width:calc(100vw - 2rem)}
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--grid);vertical-align:top}
th.n,td.n{text-align:right;font-variant-numeric:tabular-nums}
td.n{white-space:nowrap}
tbody th{font-weight:600;white-space:nowrap}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,32rem),1fr));gap:1rem 2rem}
.figure{min-width:0}
figure{margin:0}
.caption{margin:.1rem 0 0;font-size:.85rem}
details{margin:1rem 0}
summary{cursor:pointer;font-weight:600}
code{overflow-wrap:anywhere}
td:not(.n){overflow-wrap:break-word}
td:last-child:not(.n){min-width:min(18rem,50vw);overflow-wrap:anywhere}
@media print{nav,.skip{display:none}.figure{break-inside:avoid}}
)";
}

std::string data_address(std::string_view type, std::string_view contents) {
  std::string out = fmt::format("data:{};charset=utf-8,", type);
  for (const char c : contents) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-_.~,:[]{}/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

}  // namespace treino::report
