// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/svg_drawing.h"

namespace treino::chart {

std::string Drawing::draw() {
  patterns();
  grid();
  for (std::size_t i = 0; i < chart_.series.size(); ++i) band(i);
  references();
  events();
  for (std::size_t i = 0; i < chart_.series.size(); ++i) bars(i);
  for (std::size_t i = 0; i < chart_.series.size(); ++i) line(i);
  hover_strips();
  for (std::size_t i = 0; i < chart_.series.size(); ++i) dots(i);
  for (std::size_t i = 0; i < chart_.series.size(); ++i) labels(i);
  axes();
  words();
  return std::move(out_);
}

void Drawing::grid() {
  const double bottom = frame_.top + frame_.plot_height;
  put("<path class=\"grid\" fill=\"none\" stroke=\"#d9d9d9\" d=\"");
  if (!values_on_x()) {
    for (const Tick& tick : frame_.y_ticks) {
      put("M{:.1f} {:.1f}h{:.1f}", frame_.left, frame_.py(tick.value), frame_.plot_width);
    }
  }
  if (chart_.x.categories.empty()) {
    for (const Tick& tick : frame_.x_ticks) {
      put("M{:.1f} {:.1f}V{:.1f}", frame_.px(tick.value), frame_.top, bottom);
    }
  }
  put("\"/>");
}

void Drawing::references() {
  for (const Reference& line : chart_.references) {
    const Scale& scale = line.vertical ? frame_.x : frame_.y;
    if (!scale.holds(line.value)) continue;
    put("<path class=\"ref\" stroke=\"#1b1b1b\" stroke-dasharray=\"1 3\" fill=\"none\" d=\"");
    if (line.vertical) {
      put("M{:.1f} {:.1f}v{:.1f}", frame_.px(line.value), frame_.top, frame_.plot_height);
    } else {
      put("M{:.1f} {:.1f}h{:.1f}", frame_.left, frame_.py(line.value), frame_.plot_width);
    }
    put("\"><title>{}: {}</title></path>", escape(line.label), number(line.value));
    if (line.label.empty()) continue;
    const double at = line.vertical ? frame_.px(line.value) : frame_.left;
    const bool flip = line.vertical && at > frame_.left + frame_.plot_width / 2;
    put("<text class=\"soft\" fill=\"#595959\" font-size=\"11\" text-anchor=\"{}\" x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>",
        flip ? "end" : "start", flip ? at - 4 : at + 4,
        line.vertical ? frame_.top + 10 : frame_.py(line.value) - 4, escape(line.label));
  }
}

void Drawing::events() {
  for (const EventMark& event : chart_.events) {
    if (!frame_.x.holds(event.x) || !frame_.inside(event.x)) continue;
    put("<path class=\"axis\" stroke=\"#595959\" stroke-dasharray=\"4 3\" fill=\"none\" "
        "d=\"M{0:.1f} {1:.1f}v{2:.1f}\"/>"
        "<path class=\"hit\" fill=\"transparent\" d=\"M{3:.1f} "
        "{1:.1f}h6v{2:.1f}h-6Z\"><title>{4}, {5}</title></path>",
        frame_.px(event.x), frame_.top - 4, frame_.plot_height + 4, frame_.px(event.x) - 3,
        escape(event.label), escape(number(event.x, chart_.x.unit)));
  }
  for (const Label& label : frame_.events) {
    put("<text class=\"soft\" fill=\"#595959\" font-size=\"11\" x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>",
        label.x, label.y, escape(label.text));
  }
}

void Drawing::axes() {
  const double bottom = frame_.top + frame_.plot_height;
  put("<path class=\"axis\" stroke=\"#595959\" fill=\"none\" d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}",
      frame_.left, frame_.top, bottom, frame_.left + frame_.plot_width);
  for (const Tick& tick : frame_.x_ticks) put("M{:.1f} {:.1f}v4", frame_.px(tick.value), bottom);
  for (const Tick& tick : frame_.y_ticks)
    put("M{:.1f} {:.1f}h-4", frame_.left, frame_.py(tick.value));
  put("\"/>");
  for (const Tick& tick : frame_.y_ticks) {
    put("<text fill=\"#1b1b1b\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        frame_.left - 7, frame_.py(tick.value) + 4, escape(tick.label));
  }
  for (const Tick& tick : frame_.x_ticks) {
    put("<text fill=\"#1b1b1b\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        frame_.px(tick.value), bottom + 17, escape(tick.label));
  }
}

void Drawing::words() {
  for (const Label& line : frame_.title) {
    put("<text fill=\"#1b1b1b\" font-size=\"14\" font-weight=\"600\" x=\"{}\" y=\"{}\">{}</text>",
        line.x, line.y, escape(line.text));
  }
  for (const LegendItem& item : frame_.legend) legend(item);
  if (!frame_.y_label.empty()) {
    const double rows = chart_.events.empty() ? 0 : 32;
    put("<text class=\"soft\" fill=\"#595959\" x=\"10\" y=\"{:.1f}\">{}</text>",
        frame_.top - 12 - rows, escape(frame_.y_label));
  }
  if (!frame_.x_label.empty()) {
    put("<text class=\"soft\" fill=\"#595959\" text-anchor=\"middle\" x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>",
        frame_.left + frame_.plot_width / 2, frame_.top + frame_.plot_height + 34,
        escape(frame_.x_label));
  }
}

void Drawing::legend(const LegendItem& item) {
  const Series& series = chart_.series[item.series];
  const std::size_t p = place(item.series);
  const char* color = kPlaceTable[p].light;
  const double y = item.y - 4;
  if (series.kind == Kind::bars) {
    const std::string box = fmt::format("M{:.1f} {:.1f}h22v10h-22Z", item.x, y - 5);
    put("<path class=\"f{}\" fill=\"{}\" d=\"{}\"/>", p, color, box);
    if (p != 0) put("<path fill=\"url(#{}-p{})\" d=\"{}\"/>", id_, item.series, box);
  } else {
    if (series.kind != Kind::dots) {
      put("<path class=\"s{}\" stroke=\"{}\" stroke-width=\"1.8\" stroke-dasharray=\"{}\" "
          "d=\"M{:.1f} {:.1f}h24\"/>",
          p, color, kPlaceTable[p].dash[0] == '\0' ? "none" : kPlaceTable[p].dash, item.x, y);
    }
    if (series.kind == Kind::dots || chart_.series.size() > 1) {
      put("<path class=\"f{}\" fill=\"{}\" d=\"{}\"/>", p, color,
          marker_path(p, item.x + 12, y, series.kind == Kind::dots ? 4 : 3.5));
    }
  }
  put("<text fill=\"#1b1b1b\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", item.x + 29, item.y,
      escape(item.text));
}

namespace {

std::string clip(const Frame& frame, const std::string& id) {
  return fmt::format(
      "<clipPath id=\"{}-clip\"><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
      "height=\"{:.1f}\"/>"
      "</clipPath>",
      id, frame.left, frame.top - 2, frame.plot_width, frame.plot_height + 4);
}

}  // namespace

std::string svg(const Chart& chart, const SvgOptions& options) {
  return svg(std::span(&chart, 1), options);
}

std::string svg(std::span<const Chart> charts, const SvgOptions& options) {
  std::string title;
  std::string body;
  std::string told;
  double height = 0;
  for (std::size_t i = 0; i < charts.size(); ++i) {
    SvgOptions one = options;
    if (charts.size() > 1) one.id = fmt::format("{}-{}", options.id, i);
    Drawing drawing(charts[i], one);
    const double top = height;
    const std::string parts = drawing.draw();
    body += fmt::format("<g transform=\"translate(0 {:.0f})\">{}{}</g>", top,
                        clip(drawing.frame(), one.id), parts);
    height += std::ceil(drawing.frame().height);
    title += (title.empty() ? "" : "; ") + charts[i].title;
    if (charts.size() > 1) told += (told.empty() ? "" : " ") + charts[i].title + ": ";
    told += summary(charts[i]);
  }
  const double width = std::max(options.width, 160.0);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tc\" role=\"img\" "
      "aria-labelledby=\"{0}-title {0}-desc\" width=\"{1:.0f}\" height=\"{2:.0f}\" "
      "viewBox=\"0 0 {1:.0f} {2:.0f}\" font-family=\"system-ui,sans-serif\" font-size=\"12\">"
      "<title id=\"{0}-title\">{3}</title><desc id=\"{0}-desc\">{4}</desc>{5}"
      "<rect class=\"paper\" fill=\"#fff\" width=\"{1:.0f}\" height=\"{2:.0f}\"/>{6}</svg>\n",
      options.id, width, height, escape(title), escape(told),
      options.style ? "<style>" + style_rules() + "</style>" : "", body);
}

std::string figure(const Chart& chart, const std::string& id) {
  const auto drawn = [&](const char* name, double width) {
    return fmt::format("<div class=\"{}\">{}</div>", name,
                       svg(chart, {.width = width, .id = id + "-" + name, .style = false}));
  };
  return "<figure class=\"chart\">" + drawn("wide", 720) + drawn("narrow", 340) + "</figure>\n";
}

}  // namespace treino::chart
