// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "treino/chart/chart.h"
#include "treino/report/figures.h"
#include "treino/report/page.h"
#include "treino/report/tables.h"
#include "treino/report/words.h"

namespace treino::report {

using experiment::Certificate;
using experiment::Comparison;

namespace {

// The parts of one work's figures, in the order of the page.
struct Part {
  const char* section;
  const char* heading;
  bool open;  // folded away otherwise
};

constexpr Part kParts[] = {
    {"runs", "Every run", true},
    {"phases", "By phase", true},
    {"seconds", "Against seconds since training started", true},
    {"first-minute", "The thesis's view: the first 60 seconds", true},
    {"progress", "Against progress", true},
    {"learning", "Loss and accuracy", true},
};

class Page {
 public:
  explicit Page(const Result& result) : result_(result), figures_(figures_of(result)) {}

  std::string make() {
    const std::vector<std::string> works = works_of(result_);
    head(works);
    verdicts(works);
    for (const std::string& work : works) this->work(work);
    section("effort", "Effort and power");
    table(effort_table(result_));
    table(power_table(result_));
    out_ += "</section>\n";
    warnings();
    section("measured", "How it was measured");
    table(settings_table(result_));
    table(machine_table(result_));
    contestants();
    out_ += "</section>\n";
    downloads();
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  void section(const std::string& id, const std::string& heading) {
    out_ += fmt::format("<section id=\"{}\" aria-labelledby=\"{}-h\">\n<h2 id=\"{}-h\">{}</h2>\n",
                        id, id, id, escaped(heading));
  }

  void table(const Table& table) { out_ += html_table(table); }

  void head(const std::vector<std::string>& works) {
    const std::string title = escaped(title_of(result_));
    out_ += fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"generator\" content=\"treino {}\">\n<link rel=\"icon\" href=\"data:,\">\n"
        "<title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n"
        "<a class=\"skip\" href=\"#verdicts\">To the verdicts</a>\n<header>\n<h1>{}</h1>\n",
        escaped(result_.program), title, chart::page_style(), page_style(), title);
    out_ += "<p>";
    std::string lines;
    for (const std::string& work : works)
      lines += (lines.empty() ? "" : "<br>") + escaped(work_line(result_, work));
    out_ += lines + "</p>\n";
    std::string processor;
    for (const auto& [name, value] : result_.machine) {
      if (name == "processor" || name == "cores" || name == "GPU")
        processor +=
            (processor.empty() ? "" : ", ") + (name == "processor" ? "" : name + " ") + value;
    }
    out_ += fmt::format("<p>{} blocks on {}, {}.</p>\n", result_.settings.blocks,
                        escaped(processor), escaped(result_.started));
    out_ +=
        "<nav aria-label=\"Parts of this page\"><ul>\n<li><a "
        "href=\"#verdicts\">Verdicts</a></li>\n";
    for (const std::string& work : works)
      out_ += fmt::format("<li><a href=\"#w-{0}\">{0}</a></li>\n", escaped(work));
    out_ +=
        "<li><a href=\"#effort\">Effort and power</a></li>\n<li><a "
        "href=\"#warnings\">Warnings</a></li>\n"
        "<li><a href=\"#measured\">How it was measured</a></li>\n<li><a href=\"#numbers\">Raw "
        "numbers</a></li>\n"
        "</ul></nav>\n</header>\n<main>\n";
  }

  void verdicts(const std::vector<std::string>& works) {
    section("verdicts", "Verdicts");
    for (const std::string& work : works) {
      out_ += fmt::format("<h3>{}</h3>\n", escaped(work));
      const std::string refused = refusal(result_, work);
      if (!refused.empty()) out_ += fmt::format("<p class=\"refused\">{}</p>\n", escaped(refused));
      std::string metric;
      for (const Comparison& one : result_.comparisons) {
        if (one.work != work || !is_headline(one.metric)) continue;
        if (one.metric != metric) out_ += metric.empty() ? "<ul>\n" : "</ul>\n<ul>\n";
        metric = one.metric;
        out_ += fmt::format("<li>{}</li>\n", escaped(verdict_sentence(one)));
      }
      if (!metric.empty()) out_ += "</ul>\n";
    }
    out_ += "</section>\n";
  }

  void certificate(const std::string& work) {
    for (const Certificate& one : result_.certificates) {
      if (one.work != work) continue;
      out_ += "<h3>Same-work certificate</h3>\n";
      if (one.ok) {
        out_ +=
            "<p>No difference found in layers, parameters, optimiser, loss, batch, samples, "
            "epochs, precision, shuffling, data, device and accuracy, as far as they were "
            "said.</p>\n";
      } else if (!one.differences.empty()) {
        out_ += fmt::format("<p class=\"refused\">{} differences: this is not the same work.</p>\n",
                            one.differences.size());
        table(certificate_table(result_, work));
      }
      if (!one.unknown.empty())
        out_ += fmt::format("<p>Not proven: {}.</p>\n",
                            escaped(fmt::format("{}", fmt::join(one.unknown, "; "))));
      for (const std::string& note : one.notes) out_ += fmt::format("<p>{}</p>\n", escaped(note));
    }
  }

  void work(const std::string& work) {
    section("w-" + work, work);
    table(headline_table(result_, work));
    certificate(work);
    for (const Part& part : kParts) {
      std::string drawn;
      for (const Figure& figure : figures_) {
        if (figure.work != work || figure.section != part.section) continue;
        drawn += fmt::format("<div class=\"figure\">{}<p class=\"caption\">{}</p></div>\n",
                             chart::figure(figure.chart, figure.id), escaped(figure.caption));
      }
      const bool phases = std::string_view(part.section) == "phases";
      if (drawn.empty() && !phases) continue;
      out_ += fmt::format("<h3>{}</h3>\n<div class=\"figures\">\n{}</div>\n", part.heading, drawn);
      if (phases) table(phase_table(result_, work));
      if (std::string_view(part.section) == "runs") table(variation_table(result_, work));
    }
    const Table all = comparison_table(result_, work);
    if (!all.rows.empty()) {
      out_ += "<details>\n<summary>Every comparison</summary>\n";
      table(all);
      out_ += "</details>\n";
    }
    out_ += "</section>\n";
  }

  void warnings() {
    section("warnings", "Warnings about this experiment");
    out_ += "<ul>\n";
    for (const std::string& warning : result_.warnings)
      out_ += fmt::format("<li>{}</li>\n", escaped(warning));
    out_ += "</ul>\n";
    table(trouble_table(result_));
    out_ += "</section>\n";
  }

  void contestants() {
    Table commands{.caption = "What was run (seed of block 1)",
                   .header = {"contestant", "version", "command"}};
    for (const experiment::Contestant& one : result_.contestants) {
      std::string version = one.note.empty() ? "not said" : one.note;
      for (const experiment::Run& run : result_.runs) {
        if (run.contestant == one.id && !run.framework.empty())
          version = run.framework + " " + run.version;
      }
      commands.rows.push_back({one.id, version, fmt::format("{}", fmt::join(one.command, " "))});
    }
    table(commands);
  }

  void downloads() {
    section("numbers", "Raw numbers");
    const std::string name = escaped(result_.name);
    out_ += "<ul>\n";
    out_ +=
        fmt::format("<li><a download=\"{}.csv\" href=\"{}\">Every run and metric (CSV)</a></li>\n",
                    name, data_address("text/csv", csv(result_)));
    out_ += fmt::format(
        "<li><a download=\"{}.json\" href=\"{}\">Comparisons and tables (JSON)</a></li>\n", name,
        data_address("application/json", json(result_)));
    out_ +=
        "</ul>\n<p>Samples and events of every run lie beside this page, in "
        "<code>blocks/</code>.</p>\n</section>\n";
  }

  const Result& result_;
  std::vector<Figure> figures_;
  std::string out_;
};

}  // namespace

std::string html(const Result& result) {
  return Page(result).make();
}

}  // namespace treino::report
