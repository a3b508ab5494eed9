// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/work_done.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace treino::experiment {

namespace {

std::string done(const Run& run, Number Epoch::*count) {
  const auto said = [&](const Epoch& epoch) { return (epoch.*count).has_value(); };
  if (std::ranges::none_of(run.epochs, said)) return {};
  std::vector<std::string> counts;
  for (const Epoch& epoch : run.epochs)
    counts.push_back(said(epoch) ? fmt::format("{:.0f}", *(epoch.*count)) : "?");
  const bool same = std::ranges::all_of(counts, [&](const auto& c) { return c == counts.front(); });
  return same ? counts.front() : fmt::format("{}", fmt::join(counts, ", "));
}

// A last batch that is not full is dropped, or is a step too.
std::string steps_for(double samples, double batch) {
  const double least = std::floor(samples / batch), most = std::ceil(samples / batch);
  return least == most ? fmt::format("{:.0f}", most) : fmt::format("{:.0f} or {:.0f}", least, most);
}

}  // namespace

std::string samples_done(const Run& run) {
  return done(run, &Epoch::samples);
}

std::string steps_done(const Run& run) {
  return done(run, &Epoch::steps);
}

std::vector<Difference> broken_promises(const Run& run) {
  const Work& work = run.work;
  std::vector<Difference> found;
  const auto add = [&](const std::string& what, double did, const std::string& promised) {
    found.push_back({fmt::format("{} in block {}", what, run.block), run.contestant,
                     fmt::format("{:.0f}", did), "its work event", promised});
  };
  const auto other_samples = [&](const Epoch& epoch) {
    return work.samples_per_epoch && epoch.samples && *epoch.samples != *work.samples_per_epoch;
  };
  const auto other_steps = [&](const Epoch& epoch) {
    const Number samples = work.samples_per_epoch ? work.samples_per_epoch : epoch.samples;
    if (!samples || !epoch.steps || !work.batch || !(*work.batch > 0)) return false;
    const double batches = *samples / *work.batch;
    return *epoch.steps != std::floor(batches) && *epoch.steps != std::ceil(batches);
  };
  if (const auto epoch = std::ranges::find_if(run.epochs, other_samples);
      epoch != run.epochs.end()) {
    add(fmt::format("samples of epoch {}", epoch->number), *epoch->samples,
        fmt::format("{:.0f}", *work.samples_per_epoch));
  }
  if (const auto epoch = std::ranges::find_if(run.epochs, other_steps); epoch != run.epochs.end()) {
    add(fmt::format("steps of epoch {}", epoch->number), *epoch->steps,
        steps_for(work.samples_per_epoch.value_or(epoch->samples.value_or(0)), *work.batch));
  }
  const auto count = static_cast<double>(run.epochs.size());
  if (work.epochs && count > 0 && count != *work.epochs)
    add("epochs", count, fmt::format("{:.0f}", *work.epochs));
  return found;
}

}  // namespace treino::experiment
