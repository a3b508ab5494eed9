// SPDX-License-Identifier: Apache-2.0
#include "treino/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "tests/report/example.h"
#include "treino/base/error.h"
#include "treino/experiment/result_json.h"
#include "treino/report/figures.h"
#include "treino/report/tables.h"
#include "treino/report/words.h"

namespace treino::report {
namespace {

using test::example;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++found;
  return found;
}

TEST(Html, TenBlocksOfFourContestantsStayBelowTwoMegabytes) {
  const std::string page = html(example(4, 10));
  EXPECT_LT(page.size(), 2'000'000u);
  EXPECT_GT(page.size(), 100'000u) << "the curves are missing";
}

TEST(Html, AsksNothingOfTheNetwork) {
  std::string page = html(example(3, 10));
  page = std::regex_replace(page, std::regex("xmlns=\"http://www.w3.org/2000/svg\""), "");
  EXPECT_THAT(page, Not(HasSubstr("http:")));
  EXPECT_THAT(page, Not(HasSubstr("https:")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  EXPECT_THAT(page, Not(HasSubstr("<script src")));
  EXPECT_THAT(page, Not(HasSubstr("<link rel=\"stylesheet\"")));
  const std::regex address("(?:src|href)=\"([^\"]{1,5})");
  for (std::sregex_iterator at(page.begin(), page.end(), address), end; at != end; ++at) {
    const std::string target = (*at)[1];
    EXPECT_TRUE(target[0] == '#' || target == "data:") << target;
  }
}

TEST(Html, EscapesWhatOthersWrote) {
  const std::string page = html(example(2, 6));
  EXPECT_THAT(page, HasSubstr("Example &lt;of &amp; markup&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<of")));
}

TEST(Html, CanBeReadByAScreenReader) {
  const std::string page = html(example(3, 10));
  EXPECT_THAT(page, HasSubstr("<html lang=\"en\">"));
  EXPECT_EQ(count(page, "<h1>"), 1);
  EXPECT_EQ(count(page, "<table>"), count(page, "<caption>"));
  EXPECT_EQ(count(page, "<table>"), count(page, "<thead>"));
  EXPECT_GT(count(page, "<th scope=\"row\">"), 10);
  EXPECT_GE(count(page, "role=\"img\""), 10);
  EXPECT_THAT(page, HasSubstr("name=\"viewport\""));
  EXPECT_GE(count(page, "<title>"), 100) << "hover values";
}

TEST(Html, SectionsOfTheReport) {
  const std::string page = html(example(3, 10));
  for (const char* part :
       {"Verdicts", "Same-work certificate", "Every run", "By phase",
        "Against seconds since training started", "the first 60 s", "Against progress",
        "Loss and accuracy", "Warnings about this experiment", "Effort (counterpart", "Raw numbers",
        "figures 9-20", "Blocks needed to show"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_THAT(page, HasSubstr("download=\"example.csv\" href=\"data:text/csv"));
}

TEST(Html, TheSameResultGivesTheSameBytes) {
  EXPECT_EQ(html(example(3, 8)), html(example(3, 8)));
}

TEST(Words, AWinnerIsSaidWithRatioIntervalAndBlocks) {
  const Result result = example(2, 10);
  const auto one = std::ranges::find(result.comparisons, std::string("train_s"),
                                     &experiment::Comparison::metric);
  ASSERT_NE(one, result.comparisons.end());
  EXPECT_EQ(one->verdict, "faster");
  EXPECT_THAT(verdict_sentence(*one),
              AllOf(HasSubstr("training: a takes"), HasSubstr("% less time than b (ratio 0.9"),
                    HasSubstr("95 % interval"), HasSubstr("10 blocks)")));
}

TEST(Words, TheRatioIsThatOfWhoIsNamedFirst) {
  experiment::Comparison one;
  one.metric = "train_s";
  one.a = "slow", one.b = "fast";
  one.ratio = 4, one.ci95 = experiment::Interval{2, 5};
  one.verdict = "slower";
  EXPECT_THAT(verdict_sentence(one), AllOf(HasSubstr("fast is 4 times faster than slow"),
                                           HasSubstr("(ratio 0.25, 95 % interval 0.2 to 0.5")));
}

TEST(Words, TooFewBlocksPromiseNothing) {
  const Result result = example(4, 5);
  for (const auto& one : result.comparisons)
    EXPECT_THAT(one.verdict, testing::AnyOf("no difference shown", "equivalent"));
  EXPECT_THAT(result.warnings, Contains(HasSubstr("5 blocks cannot give a verdict")));
  EXPECT_THAT(result.warnings, Contains(HasSubstr("At least 8 blocks are needed")));
  EXPECT_THAT(html(result), HasSubstr("so few blocks cannot show one"));
}

TEST(DifferentWork, IsNotRanked) {
  const Result result = example(3, 10, "sgd rate 0.01");
  EXPECT_TRUE(result.comparisons.empty());
  EXPECT_FALSE(result.certificates[0].ok);
  const std::string page = html(result);
  EXPECT_THAT(page, HasSubstr("not ranked. The contestants did different work"));
  EXPECT_THAT(page, AllOf(HasSubstr("sgd rate 0.01"), HasSubstr("adam rate 0.001")));
  EXPECT_THAT(title_of(result), Not(HasSubstr("DIFFERENT WORK")));
}

// Of a, b and so on; empty: not said.
Result on_devices(const std::vector<std::string>& devices) {
  Result result = example(static_cast<int>(devices.size()), 8);
  for (experiment::Run& run : result.runs)
    run.work.device = devices[static_cast<std::size_t>(run.contestant[0] - 'a')];
  experiment::analyse(result, "");
  return result;
}

TEST(DifferentWork, AnotherDeviceIs) {
  EXPECT_TRUE(on_devices({"cuda", "cuda"}).certificates[0].ok);
  const Result result = on_devices({"cuda", "cpu", "cuda"});
  EXPECT_FALSE(result.certificates[0].ok);
  ASSERT_EQ(result.certificates[0].differences.size(), 1u);
  const experiment::Difference& one = result.certificates[0].differences[0];
  EXPECT_EQ(one.field, "device");
  EXPECT_EQ(one.contestant + " " + one.value + ", " + one.other + " " + one.other_value,
            "b cpu, a cuda");
}

TEST(DifferentWork, ADeviceIsAskedForWhereSomebodySaysOne) {
  EXPECT_THAT(on_devices({"", ""}).certificates[0].unknown, testing::IsEmpty());
  EXPECT_THAT(on_devices({"cuda", ""}).certificates[0].unknown,
              testing::ElementsAre("b does not say its device"));
}

// Who says nothing at all, beside one who says all but the device.
TEST(DifferentWork, SilenceIsNamedAsSuch) {
  Result result = example(2, 8);
  for (experiment::Run& run : result.runs) {
    if (run.contestant == "b") run.work = {};
  }
  experiment::analyse(result, "");
  EXPECT_THAT(result.certificates[0].unknown,
              testing::ElementsAre("b says nothing about its work"));
}

TEST(Tables, TimeOnAGpuAndTheDeviceWhereThereIsOne) {
  Result result = example(2, 8);
  EXPECT_THAT(html(result), Not(HasSubstr("GPU time")));
  EXPECT_NE(settings_table(result).rows[0][0], "device");
  for (experiment::Run& run : result.runs) run.metrics["gpu_s"] = 1.5;
  result.settings.device = "cuda";
  result.settings.precision = "tf32";
  experiment::analyse(result, "");
  EXPECT_THAT(headline_table(result, "mnist").header, Contains("GPU time"));
  EXPECT_THAT(settings_table(result).rows[0], testing::ElementsAre("device", "cuda, tf32"));
}

TEST(DifferentWork, IsRankedWhenAskedAndTheTitleSaysSo) {
  Result result = example(3, 10, "sgd rate 0.01");
  result.settings.unequal = true;
  result.warnings.clear();
  experiment::analyse(result, "");
  EXPECT_FALSE(result.comparisons.empty());
  EXPECT_THAT(title_of(result), HasSubstr("DIFFERENT WORK"));
  EXPECT_THAT(html(result), HasSubstr("<h1>Example &lt;of &amp; markup&gt; — DIFFERENT WORK"));
  EXPECT_THAT(markdown(result), HasSubstr("DIFFERENT WORK"));
}

TEST(Json, HasTheShapeOfTheInterface) {
  const auto object = nlohmann::json::parse(json(example(2, 10)));
  const auto& one = object["comparisons"][0];
  EXPECT_EQ(one["metric"], "train_s");
  EXPECT_EQ(one["a"], "a");
  EXPECT_EQ(one["b"], "b");
  EXPECT_EQ(one["verdict"], "faster");
  EXPECT_EQ(one["n"], 10);
  EXPECT_EQ(one["ci95"].size(), 2u);
  EXPECT_LT(one["p"].get<double>(), 0.05);
  EXPECT_TRUE(object["same_work"]["ok"]);
  EXPECT_TRUE(object["same_work"]["differences"].empty());
  const auto other = nlohmann::json::parse(json(example(2, 10, "sgd rate 0.01")));
  EXPECT_FALSE(other["same_work"]["ok"]);
  EXPECT_EQ(other["same_work"]["differences"][0]["field"], "optimizer");
}

TEST(Csv, ARowForEachRunAndMetric) {
  const std::string text = csv(example(2, 3));
  EXPECT_EQ(text.substr(0, text.find('\n')), "block,position,contestant,work,status,metric,value");
  EXPECT_EQ(count(text, "\n"), 1 + 2 * 3 * 6);
  EXPECT_THAT(text, HasSubstr("1,1,a,mnist,ok,peak_pss_mib,100\n"));
}

TEST(Markdown, TablesHaveAsManyCellsAsHeads) {
  std::istringstream text(markdown(example(3, 10)));
  int cells = 0;
  for (std::string line; std::getline(text, line);) {
    const int now = line.starts_with('|') ? count(line, "|") : 0;
    if (cells > 0 && now > 0) EXPECT_EQ(now, cells) << line;
    cells = now;
  }
}

TEST(Svg, OneImageOfAllCharts) {
  const std::string image = svg(example(2, 6));
  EXPECT_TRUE(image.starts_with("<svg"));
  EXPECT_THAT(image, HasSubstr("mnist: CPU against progress"));
}

TEST(Figures, AContestantKeepsItsPlaceEverywhere) {
  for (const Figure& figure : figures_of(example(3, 10))) {
    for (const chart::Series& series : figure.chart.series) {
      if (!series.name.empty()) EXPECT_EQ(series.place, series.name[0] - 'a') << figure.chart.title;
    }
  }
}

TEST(Formats, EveryOneWritesSomething) {
  const Result result = example(2, 6);
  for (const Format& format : formats()) EXPECT_FALSE(format.write(result).empty()) << format.name;
}

TEST(ResultFile, GivesTheSameReportAgain) {
  const Result result = example(3, 10);
  const Result again = experiment::result_from_json(experiment::to_json(result), "result.json");
  EXPECT_EQ(html(again), html(result));
}

TEST(ResultFile, OneWithoutASealOfTextIsNoticed) {
  for (const char* text : {R"({"seal": 5})", R"({"seal": null})", R"({"name": "x"})"}) {
    try {
      experiment::result_from_json(text, "result.json");
      FAIL() << "not noticed: " << text;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("result.json: was changed after it was written"));
    }
  }
}

TEST(ResultFile, AnEditedOneIsNoticed) {
  std::string text = experiment::to_json(example(2, 6));
  const std::size_t at = text.find("\"ratio\": 0.9");
  ASSERT_NE(at, text.npos);
  text.replace(at, 12, "\"ratio\": 0.1");
  try {
    experiment::result_from_json(text, "result.json");
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("result.json: was changed after it was written"));
  }
}

}  // namespace
}  // namespace treino::report
