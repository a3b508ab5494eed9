// SPDX-License-Identifier: Apache-2.0
#include "treino/train/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "treino/base/error.h"
#include "treino/base/rng.h"

namespace treino::train {

namespace {

// Streams of the run's seed that host work draws from; initial weights use small numbers.
constexpr std::uint64_t kOrderStream = std::uint64_t{1} << 40;
constexpr std::uint64_t kHoldoutStream = std::uint64_t{1} << 41;

void shuffle_all(std::span<std::int32_t> rows, Rng& rng) {
  for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[rng.below(i)]);
}

// Each place takes one of the next `window` rows not yet given out.
void shuffle_window(std::span<std::int32_t> rows, std::size_t window, Rng& rng) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::swap(rows[i], rows[i + rng.below(std::min(window, rows.size() - i))]);
  }
}

}  // namespace

EpochPlan plan_epoch(std::int64_t samples, std::int64_t batch, nn::LastBatch last) {
  EpochPlan plan;
  plan.batch = batch;
  plan.full = samples / batch;
  const std::int64_t left = samples % batch;
  if (last == nn::LastBatch::partial) plan.remainder = left;
  if (last == nn::LastBatch::refill && left > 0) ++plan.full;
  plan.entries = std::max(samples, plan.samples());
  if (plan.steps() == 0) {
    throw Error::mistake(fmt::format(
        "train.last_batch = \"drop\" leaves no step: {} samples are fewer than a batch of {}",
        samples, batch));
  }
  return plan;
}

HostTensor epoch_order(const std::vector<std::int32_t>& rows, const EpochPlan& plan,
                       const nn::Shuffle& shuffle, std::uint64_t seed, std::int64_t epoch) {
  HostTensor tensor = HostTensor::unfilled(DType::i32, Shape{plan.entries});
  const auto out = tensor.as<std::int32_t>();
  const auto order = out.first(rows.size());
  std::copy(rows.begin(), rows.end(), order.begin());
  Rng rng(seed, kOrderStream + static_cast<std::uint64_t>(epoch));
  if (shuffle.window == nn::Shuffle::kWhole) {
    shuffle_all(order, rng);
  } else if (shuffle.window > 0) {
    shuffle_window(order, static_cast<std::size_t>(shuffle.window), rng);
  }
  for (std::size_t i = rows.size(); i < out.size(); ++i) out[i] = out[i - rows.size()];
  return tensor;
}

namespace {

// How many of each group to hold out, `held` in all: its share rounded down, the rest where most
// was cut off.
std::vector<std::size_t> shares(const std::vector<std::vector<std::int32_t>>& groups,
                                double fraction, std::size_t held) {
  std::vector<std::size_t> counts;
  std::vector<std::pair<double, std::size_t>> cut_off;  // negative, so that the largest come first
  std::size_t given = 0;
  for (const auto& group : groups) {
    const double share = fraction * static_cast<double>(group.size());
    counts.push_back(static_cast<std::size_t>(share));
    cut_off.emplace_back(static_cast<double>(counts.back()) - share, counts.size() - 1);
    given += counts.back();
  }
  std::sort(cut_off.begin(), cut_off.end());
  for (std::size_t i = 0; i < cut_off.size() && given < held; ++i, ++given)
    ++counts[cut_off[i].second];
  return counts;
}

}  // namespace

Holdout hold_out(std::int64_t samples, double fraction, std::uint64_t seed,
                 const HostTensor* labels) {
  const auto held = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(samples)));
  Holdout split;
  if (held == 0) {
    split.training.resize(static_cast<std::size_t>(samples));
    std::iota(split.training.begin(), split.training.end(), 0);
    return split;
  }
  std::vector<std::vector<std::int32_t>> groups(1);
  for (std::int32_t row = 0; row < samples; ++row) {
    const std::size_t group =
        labels == nullptr
            ? 0
            : static_cast<std::size_t>(labels->as<std::int32_t>()[static_cast<std::size_t>(row)]);
    if (group >= groups.size()) groups.resize(group + 1);
    groups[group].push_back(row);
  }
  if (held >= static_cast<std::size_t>(samples)) {
    throw Error::mistake("train.validation leaves no sample to train on; use a smaller fraction");
  }
  const std::vector<std::size_t> counts = shares(groups, fraction, held);
  Rng rng(seed, kHoldoutStream);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    shuffle_all(groups[g], rng);
    const auto border = groups[g].begin() + static_cast<std::ptrdiff_t>(counts[g]);
    split.validation.insert(split.validation.end(), groups[g].begin(), border);
    split.training.insert(split.training.end(), border, groups[g].end());
  }
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.validation.begin(), split.validation.end());
  return split;
}

}  // namespace treino::train
