// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "treino/report/report.h"

namespace treino::report {

using Json = nlohmann::ordered_json;

namespace {

Json certificate_json(const experiment::Certificate& certificate) {
  Json differences = Json::array();
  for (const experiment::Difference& one : certificate.differences) {
    differences.push_back({{"field", one.field},
                           {"contestant", one.contestant},
                           {"value", one.value},
                           {"other", one.other},
                           {"other_value", one.other_value}});
  }
  return {{"work", certificate.work},
          {"ok", certificate.ok},
          {"differences", differences},
          {"unknown", certificate.unknown},
          {"notes", certificate.notes}};
}

}  // namespace

std::string json(const Result& result) {
  Json comparisons = Json::array();
  for (const experiment::Comparison& one : result.comparisons) {
    comparisons.push_back({{"work", one.work},
                           {"metric", one.metric},
                           {"a", one.a},
                           {"b", one.b},
                           {"ratio", one.ratio},
                           {"ci95", one.ci95 ? Json{one.ci95->low, one.ci95->high} : Json()},
                           {"p", one.p},
                           {"p_corrected", one.p_corrected},
                           {"n", one.n},
                           {"can_decide", one.can_decide},
                           {"verdict", one.verdict}});
  }
  Json works = Json::array(), differences = Json::array();
  bool ok = true;
  for (const experiment::Certificate& certificate : result.certificates) {
    works.push_back(certificate_json(certificate));
    for (const Json& one : works.back()["differences"]) differences.push_back(one);
    ok = ok && certificate.ok;
  }
  Json table = Json::array();
  for (const experiment::Summary& one : result.summaries) {
    Json row = {
        {"contestant", one.contestant}, {"metric", one.metric}, {"n", one.n},
        {"median", one.median},         {"mean", one.mean},     {"deviation", one.deviation}};
    row["ci95"] = one.median_ci95 ? Json{one.median_ci95->low, one.median_ci95->high} : Json();
    row["values"] = one.values;
    table.push_back(std::move(row));
  }
  const Json all = {{"name", result.name},
                    {"comparisons", comparisons},
                    {"same_work", {{"ok", ok}, {"differences", differences}, {"works", works}}},
                    {"unequal", result.settings.unequal},
                    {"table", table},
                    {"warnings", result.warnings}};
  return all.dump(1) + "\n";
}

}  // namespace treino::report
