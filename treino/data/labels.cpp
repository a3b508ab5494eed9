// SPDX-License-Identifier: Apache-2.0
#include "treino/data/labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"

namespace treino::data {

void check_labels(std::span<const std::int32_t> labels, int classes, const std::string& file,
                  std::int64_t first, std::int64_t stride) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= 0 && labels[i] < classes) continue;
    throw Error::mistake(fmt::format("{}: at byte {}: label {} of sample {} is outside 0..{}", file,
                                     first + static_cast<std::int64_t>(i) * stride, labels[i], i,
                                     classes - 1));
  }
}

void number_classes(Dataset& dataset) {
  std::int32_t most = 0;
  for (const Split* split : {&dataset.train, &dataset.test}) {
    if (!split->labels) continue;
    for (const std::int32_t label : split->labels->as<std::int32_t>()) most = std::max(most, label);
  }
  for (auto i = static_cast<std::int32_t>(dataset.classes.size()); i <= most; ++i)
    dataset.classes.push_back(std::to_string(i));
}

}  // namespace treino::data
