// SPDX-License-Identifier: Apache-2.0
#include "treino/report/words.h"

#include <fmt/format.h>

#include <algorithm>

namespace treino::report {

using experiment::Comparison;
using experiment::Contestant;
using experiment::Metric;
using experiment::Summary;

namespace {

constexpr std::string_view kHeadlines[] = {"train_s", "wall_s", "cpu_s", "peak_pss_mib"};

// "12.3 times faster than", "takes 4.5 % less time than": how a winner stands to a loser.
std::string how_much(const Metric& metric, double ratio) {
  if (ratio <= 0.5)
    return fmt::format("is {:.3g} times {}", 1 / ratio, metric.time ? "faster" : "lower");
  return fmt::format("takes {:.1f} % less{}", 100 * (1 - ratio), metric.time ? " time" : "");
}

std::string p_text(double p) {
  return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3f}", p);
}

// In the order the sentence names them: below 1 where the first one wins.
std::string proof_of(const Comparison& one, bool turned) {
  const auto of = [&](double ratio) { return turned ? 1 / ratio : ratio; };
  std::string interval;
  if (one.ci95) {
    const double low = turned ? one.ci95->high : one.ci95->low;
    const double high = turned ? one.ci95->low : one.ci95->high;
    interval = fmt::format(", 95 % interval {:.3g} to {:.3g}", of(low), of(high));
  }
  return fmt::format("ratio {:.3g}{}, corrected {}, {} block{}", of(one.ratio), interval,
                     p_text(one.p_corrected), one.n, one.n == 1 ? "" : "s");
}

}  // namespace

std::string value_text(const Metric& metric, double value) {
  const int decimals = value >= 100 && metric.decimals > 1 ? 1 : metric.decimals;
  return fmt::format("{:.{}f}{}{}", value, decimals, metric.unit.empty() ? "" : " ", metric.unit);
}

std::string summary_text(const Summary& summary) {
  const Metric& metric = *experiment::find_metric(summary.metric);
  std::string text = value_text(metric, summary.median);
  if (!summary.median_ci95) return text;
  const int decimals = summary.median >= 100 && metric.decimals > 1 ? 1 : metric.decimals;
  return text + fmt::format(" ({:.{}f} to {:.{}f})", summary.median_ci95->low, decimals,
                            summary.median_ci95->high, decimals);
}

const Summary* find_summary(const Result& result, std::string_view contestant,
                            std::string_view metric) {
  for (const Summary& summary : result.summaries) {
    if (summary.contestant == contestant && summary.metric == metric) return &summary;
  }
  return nullptr;
}

std::vector<const Contestant*> contestants_of(const Result& result, std::string_view work) {
  std::vector<const Contestant*> found;
  for (const Contestant& contestant : result.contestants) {
    const bool ran = std::ranges::any_of(
        result.summaries, [&](const Summary& s) { return s.contestant == contestant.id; });
    if (contestant.work == work && ran) found.push_back(&contestant);
  }
  return found;
}

std::vector<std::string> works_of(const Result& result) {
  std::vector<std::string> works;
  for (const Contestant& contestant : result.contestants) {
    if (std::ranges::find(works, contestant.work) == works.end()) works.push_back(contestant.work);
  }
  return works;
}

std::string title_of(const Result& result) {
  const bool different = std::ranges::any_of(result.certificates,
                                             [](const auto& c) { return !c.differences.empty(); });
  return result.title +
         (different && result.settings.unequal ? " — DIFFERENT WORK, ranked all the same" : "");
}

std::string refusal(const Result& result, std::string_view work) {
  for (const experiment::Certificate& certificate : result.certificates) {
    if (certificate.work != work || certificate.ok || result.settings.unequal) continue;
    if (certificate.differences.empty())
      return fmt::format("{}: nothing ran, so nothing is compared.", work);
    return fmt::format(
        "{}: not ranked. The contestants did different work, or other work than they said (see the "
        "certificate); --unequal ranks them all the same and says so.",
        work);
  }
  return {};
}

bool is_headline(std::string_view metric) {
  return std::ranges::find(kHeadlines, metric) != std::end(kHeadlines);
}

std::string verdict_sentence(const Comparison& one) {
  const Metric& metric = *experiment::find_metric(one.metric);
  if (one.verdict == "equivalent") {
    return fmt::format("{}: {} and {} are equivalent within the margin ({}).", metric.label, one.a,
                       one.b, proof_of(one, false));
  }
  if (one.verdict == "no difference shown") {
    return fmt::format("{}: no difference shown between {} and {} ({}){}.", metric.label, one.a,
                       one.b, proof_of(one, false),
                       one.can_decide ? "" : "; so few blocks cannot show one");
  }
  const bool turned = one.ratio >= 1;
  return fmt::format("{}: {} {} than {} ({}).", metric.label, turned ? one.b : one.a,
                     how_much(metric, turned ? 1 / one.ratio : one.ratio), turned ? one.a : one.b,
                     proof_of(one, turned));
}

std::string work_line(const Result& result, std::string_view work) {
  std::vector<std::string> names;
  for (const Contestant* one : contestants_of(result, work)) names.push_back(one->name);
  return fmt::format("{}: {}", work,
                     names.empty() ? "nothing ran" : fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace treino::report
