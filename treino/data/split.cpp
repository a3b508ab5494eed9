// SPDX-License-Identifier: Apache-2.0
#include "treino/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "treino/base/error.h"
#include "treino/base/rng.h"

namespace treino::data {

std::vector<bool> stratified_choice(const HostTensor& labels, double fraction, std::uint64_t seed) {
  const auto values = labels.as<std::int32_t>();
  std::map<std::int32_t, std::vector<std::size_t>> by_class;
  for (std::size_t i = 0; i < values.size(); ++i) by_class[values[i]].push_back(i);
  std::vector<bool> chosen(values.size(), false);
  Rng rng(seed, 0x5711);
  for (auto& [label, members] : by_class) {
    const auto wanted =
        static_cast<std::size_t>(std::lround(fraction * static_cast<double>(members.size())));
    const std::size_t count = std::min(wanted, members.size() - 1);
    for (std::size_t i = 0; i < count; ++i) {
      std::swap(members[i], members[i + rng.below(members.size() - i)]);
      chosen[members[i]] = true;
    }
  }
  return chosen;
}

namespace {

std::shared_ptr<const HostTensor> rows_of(const HostTensor& all, const std::vector<bool>& chosen,
                                          bool wanted) {
  const std::size_t row = all.bytes.size() / std::max<std::size_t>(chosen.size(), 1);
  const auto count = std::count(chosen.begin(), chosen.end(), wanted);
  Shape shape = all.shape;
  shape[0] = count;
  auto result = std::make_shared<HostTensor>(HostTensor::unfilled(all.dtype, shape));
  auto out = result->bytes.begin();
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] != wanted) continue;
    const auto from = all.bytes.begin() + static_cast<std::ptrdiff_t>(i * row);
    out = std::copy(from, from + static_cast<std::ptrdiff_t>(row), out);
  }
  return result;
}

}  // namespace

Split take(const Split& all, const std::vector<bool>& chosen, bool wanted) {
  Split part;
  part.labels = rows_of(*all.labels, chosen, wanted);
  if (all.samples) part.samples = rows_of(*all.samples, chosen, wanted);
  if (!all.file) return part;
  std::vector<std::int32_t> rows;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] == wanted) rows.push_back(static_cast<std::int32_t>(i));
  }
  part.file = std::make_shared<RowFile>(all.file, std::move(rows));
  return part;
}

void split_off_test(const LoadOptions& options, Dataset& dataset) {
  const Split all = std::move(dataset.train);
  const auto chosen = stratified_choice(*all.labels, options.test_fraction, options.seed);
  dataset.train = take(all, chosen, false);
  dataset.test = take(all, chosen, true);
  dataset.undivided = false;
  dataset.sha256.clear();  // of the set as it was
}

std::vector<int> stratified_folds(const HostTensor& labels, int folds, std::uint64_t seed) {
  const auto values = labels.as<std::int32_t>();
  std::map<std::int32_t, std::vector<std::size_t>> by_class;
  for (std::size_t i = 0; i < values.size(); ++i) by_class[values[i]].push_back(i);
  std::vector<int> fold_of(values.size());
  Rng rng(seed, 0xf01d);
  int next = 0;  // goes on from class to class, so that the folds' sizes differ by one at most
  for (auto& [label, members] : by_class) {
    if (static_cast<int>(members.size()) < folds) {
      throw Error::mistake(
          fmt::format("class {} has {} samples, fewer than {} folds; use fewer folds", label,
                      members.size(), folds));
    }
    for (std::size_t i = members.size(); i > 1; --i)
      std::swap(members[i - 1], members[rng.below(i)]);
    for (const std::size_t member : members) {
      fold_of[member] = next;
      next = (next + 1) % folds;
    }
  }
  return fold_of;
}

}  // namespace treino::data
