// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "tests/chart/samples.h"
#include "treino/chart/palette.h"
#include "treino/chart/utf8.h"

namespace treino::chart {
namespace {

using testing::HasSubstr;
using testing::Not;

// Empty when every element is closed in order, every attribute quoted and no stray & or < is left.
std::string fault_in_xml(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '&') {
      const std::string rest = xml.substr(i, 6);
      if (!rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;") &&
          !rest.starts_with("&quot;")) {
        return "stray & in ..." + xml.substr(i, 30);
      }
    }
    if (xml[i] != '<') continue;
    const std::size_t end = xml.find('>', i);
    if (end == std::string::npos) return "element without end";
    std::string tag = xml.substr(i + 1, end - i - 1);
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "quotes in <" + tag;
    if (tag.find('<') != std::string::npos) return "stray < in <" + tag;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "unexpected <" + tag;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    i = end;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(Svg, is_well_formed) {
  for (const Chart& chart : {samples::curves(), samples::runs_as_dots(), samples::bars(),
                             samples::ratios(), samples::grouped(), samples::roof()}) {
    for (const double width : {10.0, 340.0, 720.0}) {
      EXPECT_EQ(fault_in_xml(svg(chart, {.width = width})), "") << chart.title;
    }
    EXPECT_EQ(fault_in_xml(figure(chart, "x")), "") << chart.title;
  }
}

TEST(Svg, survives_names_and_numbers_of_any_kind) {
  Chart chart{.title = "<script>alert(1)</script> & \"\x01\xff\xc3\"",
              .x = {.label = "a\nb", .unit = "]]>"},
              .y = {.log = true}};
  chart.series.push_back({.name = "';--<",
                          .x = {0, 1, 2, 3, kUnknown},
                          .y = {INFINITY, -1, 0, kUnknown, 4},
                          .low = {1},
                          .high = {2, 3, 4, 5, 6, 7}});
  chart.series.push_back(
      {.kind = Kind::dots, .x = {1e308, -1e308}, .y = {1e308}, .notes = {"<&>"}});
  chart.series.push_back({.kind = Kind::bars, .x = {1}, .y = {kUnknown}});
  chart.events = {{kUnknown, "<"}, {1, "&"}};
  chart.references = {{kUnknown, ""}, {-3, "<"}};
  const std::string drawn = svg(chart);
  EXPECT_EQ(fault_in_xml(drawn), "");
  EXPECT_THAT(drawn, Not(HasSubstr("<script>")));
  EXPECT_THAT(drawn, Not(HasSubstr("nan")));
  EXPECT_THAT(drawn, Not(HasSubstr("inf")));
  EXPECT_EQ(fault_in_xml(svg(Chart{})), "");
  EXPECT_FALSE(text(chart).empty());
  EXPECT_FALSE(text(Chart{}).empty());
}

TEST(Svg, an_unknown_is_a_gap_and_never_zero) {
  Chart chart;
  chart.series.push_back({.x = {0, 1, 2, 3, 4, 5}, .y = {5, 6, kUnknown, kUnknown, 7, 8}});
  const std::string drawn = svg(chart);
  EXPECT_EQ(count(drawn, "class=\"s0\" fill=\"none\""), 2U);  // two pieces of line
  EXPECT_THAT(drawn, HasSubstr("unknown"));                   // said by hovering
  EXPECT_THAT(svg(samples::bars()), HasSubstr("unknown</text>"));
  EXPECT_THAT(text(samples::bars()), HasSubstr("axon (not run here)      unknown"));
}

TEST(Svg, tells_a_screen_reader_and_a_hovering_mouse_the_values) {
  const std::string drawn = svg(samples::curves());
  EXPECT_THAT(drawn, HasSubstr("role=\"img\" aria-labelledby=\"c-title c-desc\""));
  EXPECT_THAT(drawn, HasSubstr("least 0.7, greatest 1.88, last 1.88, 9 of 121 unknown"));
  EXPECT_THAT(drawn, HasSubstr("Events: train start at 0, epoch 2 at 18"));
  EXPECT_THAT(svg(samples::runs_as_dots()), HasSubstr("block 10</title>"));
  EXPECT_THAT(svg(samples::bars()), HasSubstr("<title>treino: 86.5 MiB (80 to 95)</title>"));
}

TEST(Svg, needs_no_colour) {
  std::set<std::string> dashes;
  std::set<std::string> markers;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    dashes.insert(kPlaceTable[i].dash);
    markers.insert(marker_path(i, 0, 0, 4));
  }
  EXPECT_EQ(dashes.size(), kPlaces);
  EXPECT_EQ(markers.size(), kPlaces);
}

TEST(Svg, thins_long_curves_without_losing_their_extremes) {
  Chart chart;
  Series series;
  for (int i = 0; i < 200000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i == 123456 ? 1000 : 1 + 0.1 * std::sin(i));
  }
  chart.series.push_back(series);
  const std::string drawn = svg(chart);
  EXPECT_LT(drawn.size(), 60000U);
  EXPECT_THAT(drawn, HasSubstr("greatest 1000"));
  // The peak is in the path: the top of the plot is the tick at 1000.
  EXPECT_THAT(drawn, testing::ContainsRegex(" 20\\.0 "));
}

TEST(Svg, of_several_charts_has_no_id_twice) {
  const Chart both[] = {samples::grouped(), samples::grouped()};
  const std::string drawn = svg(both) + figure(both[0], "a") + figure(both[1], "b");
  std::set<std::string> ids;
  for (std::size_t at = drawn.find(" id=\""); at != std::string::npos;
       at = drawn.find(" id=\"", at + 1)) {
    const std::string id = drawn.substr(at + 5, drawn.find('"', at + 5) - at - 5);
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
  EXPECT_GE(ids.size(), 12U);
}

TEST(Svg, asks_nothing_of_the_network) {
  const std::string drawn = page_style() + figure(samples::curves(), "a") + svg(samples::roof());
  EXPECT_EQ(count(drawn, "http"), count(drawn, "xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_THAT(drawn, Not(HasSubstr("url(http")));
  EXPECT_THAT(drawn, Not(HasSubstr("@import")));
}

TEST(Letters, are_safe_to_draw) {
  EXPECT_EQ(escape("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
  EXPECT_EQ(escape(std::string("x\0y\x1b[31m", 8)), "x y [31m");
  EXPECT_EQ(escape("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80"),
            "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80");
  EXPECT_EQ(escape("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");                  // overlong
  EXPECT_EQ(escape("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // surrogate
  EXPECT_EQ(escape("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");                  // cut
  EXPECT_EQ(fit("abcdef", 4), "abc…");
  EXPECT_EQ(fit("abcdef", 4, false), "abc~");
  EXPECT_EQ(fit("abcd", 4), "abcd");
  EXPECT_EQ(width("é€"), 2U);
}

}  // namespace
}  // namespace treino::chart
