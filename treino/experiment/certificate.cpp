// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "treino/experiment/analyse.h"
#include "treino/experiment/work_done.h"

namespace treino::experiment {

namespace {

// Test accuracies of networks that learn the same thing may differ this much: batch norm with
// Keras's momentum alone moves CIFAR-10's by four points from seed to seed.
constexpr double kAccuracyLimit = 0.10;
constexpr double kAccuracyNote = 0.02;

constexpr double kLeftOutNote = 0.01;  // of the time of the epochs

using Fields = std::vector<std::pair<std::string, std::string>>;  // empty text: not said

struct Facts {
  std::string contestant;
  Fields fields;
  std::vector<Difference> own;  // between its runs, and between what it promised and did
  bool silent = true;           // but for its epochs
  bool promised = false;        // samples
  std::string samples_done;
  std::optional<double> accuracy;
  double seconds = 0, left_out = 0;  // of all its epochs
};

std::string text_of(const Number& number) {
  return number ? fmt::format("{:g}", *number) : "";
}

std::string count_of(const Number& number) {
  return number ? fmt::format("{:.0f}", *number) : "";
}

Fields fields_of(const Run& run) {
  const Work& work = run.work;
  const std::string epochs = run.epochs.empty() ? "" : std::to_string(run.epochs.size());
  return {{"layers", work.layers},
          {"parameters", count_of(work.parameters)},
          {"optimizer", work.optimizer},
          {"loss", work.loss},
          {"batch", count_of(work.batch)},
          {"samples an epoch",
           work.samples_per_epoch ? count_of(work.samples_per_epoch) : samples_done(run)},
          {"steps an epoch", steps_done(run)},
          {"epochs", work.epochs ? count_of(work.epochs) : epochs},
          {"precision", work.precision},
          {"shuffle", work.shuffle ? (*work.shuffle ? "yes" : "no") : ""},
          {"training samples", count_of(work.train_samples)},
          {"test samples", count_of(work.test_samples)},
          {"data SHA-256", work.data_sha256},
          {"device", work.device}};
}

// A run after the first says the same, or nothing new.
void take_fields(Facts& facts, const Run& run) {
  const Fields fields = fields_of(run);
  if (facts.fields.empty()) facts.fields = fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto& [name, value] = fields[i];
    std::string& before = facts.fields[i].second;
    if (before.empty()) before = value;
    if (value.empty() || value == before) continue;
    facts.own.push_back({fmt::format("{} in block {}", name, run.block), run.contestant, value,
                         "itself before", before});
  }
}

void take_run(Facts& facts, const Run& run) {
  if (facts.own.empty()) {  // the first run that differs says enough
    take_fields(facts, run);
    std::ranges::move(broken_promises(run), std::back_inserter(facts.own));
  }
  facts.silent = facts.silent && run.work == Work{};
  facts.promised = facts.promised || run.work.samples_per_epoch;
  if (facts.samples_done.empty()) facts.samples_done = samples_done(run);
  for (const Epoch& epoch : run.epochs) {
    facts.seconds += epoch.seconds;
    facts.left_out += epoch.left_out.value_or(0);
  }
}

std::vector<Facts> facts_of(const Result& result, const std::string& work,
                            std::vector<std::string>& unknown) {
  std::vector<Facts> all;
  for (const Contestant& contestant : result.contestants) {
    if (contestant.work != work) continue;
    Facts facts{.contestant = contestant.id};
    std::vector<double> accuracies;
    bool ranked = false;  // by its totals at least
    for (const Run& run : result.runs) {
      if (run.contestant != contestant.id) continue;
      ranked = ranked || counts(run);
      if (run.status != RunStatus::ok) continue;
      take_run(facts, run);
      if (run.test_accuracy) accuracies.push_back(*run.test_accuracy);
    }
    if (facts.fields.empty()) {
      if (ranked) unknown.push_back(contestant.id + " says what cannot be believed of its work");
      continue;
    }
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
  const std::vector<Facts> all = facts_of(result, work, certificate.unknown);
  if (all.empty()) return certificate;
  for (const Facts& facts : all)
    std::ranges::copy(facts.own, std::back_inserter(certificate.differences));
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
  for (const Facts& facts : all) {
    std::vector<std::string>& fields = unsaid[facts.contestant];
    if (facts.promised && facts.samples_done.empty())
      fields.emplace_back("samples as its epochs did them");
    if (facts.silent) {
      certificate.unknown.push_back(facts.contestant + " says nothing about its work");
    } else if (!fields.empty()) {
      certificate.unknown.push_back(
          fmt::format("{} does not say its {}", facts.contestant, fmt::join(fields, ", ")));
    }
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
  for (const Facts& facts : all) {
    const double whole = facts.seconds + facts.left_out;
    if (facts.left_out <= kLeftOutNote * whole) continue;
    certificate.notes.push_back(fmt::format(
        "{} leaves {:.1f} % of its epochs out of their seconds, as evaluation or saving",
        facts.contestant, 100 * facts.left_out / whole));
  }
  certificate.ok = certificate.differences.empty();
  return certificate;
}

}  // namespace treino::experiment
