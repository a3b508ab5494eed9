// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace treino::experiment {

namespace {

// Test accuracies of networks that learn the same thing may differ this much: batch norm with
// Keras's momentum alone moves CIFAR-10's by four points from seed to seed.
constexpr double kAccuracyLimit = 0.10;
constexpr double kAccuracyNote = 0.02;

struct Facts {
  std::string contestant;
  std::vector<std::pair<std::string, std::string>> fields;  // empty text: not said
  std::optional<double> accuracy;
};

std::string text_of(const Number& number) {
  return number ? fmt::format("{:g}", *number) : "";
}

std::string count_of(const Number& number) {
  return number ? fmt::format("{:.0f}", *number) : "";
}

std::vector<std::pair<std::string, std::string>> fields_of(const Work& work) {
  return {{"layers", work.layers},
          {"parameters", count_of(work.parameters)},
          {"optimizer", work.optimizer},
          {"loss", work.loss},
          {"batch", count_of(work.batch)},
          {"samples an epoch", count_of(work.samples_per_epoch)},
          {"epochs", count_of(work.epochs)},
          {"precision", work.precision},
          {"shuffle", work.shuffle ? (*work.shuffle ? "yes" : "no") : ""},
          {"training samples", count_of(work.train_samples)},
          {"test samples", count_of(work.test_samples)},
          {"data SHA-256", work.data_sha256},
          {"device", work.device}};
}

std::vector<Facts> facts_of(const Result& result, const std::string& work) {
  std::vector<Facts> all;
  for (const Contestant& contestant : result.contestants) {
    if (contestant.work != work) continue;
    Facts facts{contestant.id, {}, {}};
    std::vector<double> accuracies;
    for (const Run& run : result.runs) {
      if (run.contestant != contestant.id || run.status != RunStatus::ok) continue;
      if (facts.fields.empty()) facts.fields = fields_of(run.work);
      if (run.test_accuracy) accuracies.push_back(*run.test_accuracy);
    }
    if (facts.fields.empty()) continue;  // never ran
    if (!accuracies.empty()) facts.accuracy = median(accuracies);
    all.push_back(facts);
  }
  // Results of before devices were kept have none.
  const auto unsaid = [](const Facts& facts) { return facts.fields.back().second.empty(); };
  if (std::ranges::all_of(all, unsaid)) {
    for (Facts& facts : all) facts.fields.pop_back();
  }
  return all;
}

}  // namespace

std::vector<std::string> works_of(const Result& result) {
  std::vector<std::string> works;
  for (const Contestant& contestant : result.contestants) {
    if (std::ranges::find(works, contestant.work) == works.end()) works.push_back(contestant.work);
  }
  return works;
}

Certificate certify(const Result& result, const std::string& work) {
  Certificate certificate{.work = work};
  const std::vector<Facts> all = facts_of(result, work);
  if (all.empty()) return certificate;
  std::map<std::string, std::vector<std::string>> unsaid;
  for (std::size_t field = 0; field < all.front().fields.size(); ++field) {
    const Facts* first = nullptr;
    for (const Facts& facts : all) {
      const auto& [name, value] = facts.fields[field];
      if (value.empty()) {
        unsaid[facts.contestant].push_back(name);
      } else if (first == nullptr) {
        first = &facts;
      } else if (value != first->fields[field].second) {
        certificate.differences.push_back(
            {name, facts.contestant, value, first->contestant, first->fields[field].second});
      }
    }
  }
  for (const auto& [contestant, fields] : unsaid) {
    certificate.unknown.push_back(
        fields.size() == all.front().fields.size()
            ? fmt::format("{} says nothing about its work", contestant)
            : fmt::format("{} does not say its {}", contestant, fmt::join(fields, ", ")));
  }
  const Facts* first = nullptr;
  for (const Facts& facts : all) {
    if (!facts.accuracy) continue;
    if (first == nullptr) first = &facts;
    const double apart = std::abs(*facts.accuracy - *first->accuracy);
    if (apart > kAccuracyLimit) {
      certificate.differences.push_back({"test accuracy", facts.contestant, text_of(facts.accuracy),
                                         first->contestant, text_of(first->accuracy)});
    } else if (apart > kAccuracyNote) {
      certificate.notes.push_back(fmt::format("test accuracy (median): {} {:.4f}, {} {:.4f}",
                                              facts.contestant, *facts.accuracy, first->contestant,
                                              *first->accuracy));
    }
  }
  certificate.ok = certificate.differences.empty();
  return certificate;
}

}  // namespace treino::experiment
