// SPDX-License-Identifier: Apache-2.0
// What a set holds, in words and numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/data/load.h"

namespace treino::data {

namespace {

std::vector<std::int64_t> count_classes(const Split& split, std::size_t classes) {
  std::vector<std::int64_t> counts(classes, 0);
  if (!split.labels) return counts;
  for (const std::int32_t label : split.labels->as<std::int32_t>()) {
    if (static_cast<std::size_t>(label) < classes) ++counts[static_cast<std::size_t>(label)];
  }
  return counts;
}

void describe_classes(const Dataset& dataset, std::vector<std::string>& lines) {
  constexpr std::size_t kMostShown = 30;
  const auto train = count_classes(dataset.train, dataset.classes.size());
  const auto test = count_classes(dataset.test, dataset.classes.size());
  std::size_t width = 5;
  for (const std::string& name : dataset.classes)
    width = std::max(width, std::min<std::size_t>(name.size(), 30));
  lines.push_back(fmt::format("  {:<{}}  {:>9}  {:>9}", "class", width, "train", "test"));
  for (std::size_t i = 0; i < std::min(dataset.classes.size(), kMostShown); ++i) {
    lines.push_back(fmt::format("  {:<{}}  {:>9}  {:>9}", dataset.classes[i].substr(0, 30), width,
                                train[i], test[i]));
  }
  if (dataset.classes.size() > kMostShown) {
    const auto [least, most] = std::minmax_element(train.begin(), train.end());
    lines.push_back(fmt::format("  ... {} classes in all, with {} to {} training samples",
                                dataset.classes.size(), *least, *most));
  }
}

struct Moments {
  double mean = 0, deviation = 0;
};

template <class T>
std::vector<Moments> moments_of(std::span<const T> values, std::size_t channels) {
  std::vector<double> sum(channels), squares(channels);
  for (std::size_t i = 0; i + channels <= values.size(); i += channels) {
    for (std::size_t c = 0; c < channels; ++c) {
      const auto value = static_cast<double>(values[i + c]);
      sum[c] += value;
      squares[c] += value * value;
    }
  }
  std::vector<Moments> moments(channels);
  const double count = static_cast<double>(values.size() / channels);
  for (std::size_t c = 0; c < channels; ++c) {
    moments[c].mean = sum[c] / count;
    moments[c].deviation =
        std::sqrt(std::max(0.0, squares[c] / count - moments[c].mean * moments[c].mean));
  }
  return moments;
}

void describe_numbers(const Dataset& dataset, std::vector<std::string>& lines) {
  const HostTensor& samples = *dataset.train.samples;
  const auto channels = static_cast<std::size_t>(samples.shape.back());
  const bool pictures = samples.dtype == DType::u8;
  const auto moments = pictures ? moments_of(samples.as<std::uint8_t>(), channels)
                                : moments_of(samples.as<float>(), channels);
  const double scale = pictures ? 1.0 / 255 : 1;
  for (std::size_t c = 0; c < std::min<std::size_t>(channels, 50); ++c) {
    std::string name = channels == 1   ? "gray"
                       : channels == 3 ? std::vector{"red", "green", "blue"}[c]
                                       : "";
    if (!pictures)
      name = c < dataset.features.size() ? dataset.features[c] : fmt::format("column {}", c + 1);
    lines.push_back(fmt::format("  {}: mean {:.6g}, std {:.6g}{}", name, moments[c].mean * scale,
                                moments[c].deviation * scale, pictures ? " (of pixel / 255)" : ""));
  }
}

void describe_texts(const Dataset& dataset, std::vector<std::string>& lines) {
  const Texts& texts = *dataset.train.texts;
  for (std::size_t column = 0; column < texts.columns().size(); ++column) {
    std::size_t least = SIZE_MAX, most = 0, sum = 0;
    for (std::int64_t row = 0; row < texts.rows(); ++row) {
      const std::size_t size = texts.at(row, column).size();
      least = std::min(least, size);
      most = std::max(most, size);
      sum += size;
    }
    lines.push_back(fmt::format(
        "  {}: {} to {} bytes, {:.0f} on average", texts.columns()[column], least, most,
        static_cast<double>(sum) / static_cast<double>(std::max<std::int64_t>(texts.rows(), 1))));
  }
}

std::string cut(std::string text, std::size_t width) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';  // no control codes to a terminal
  }
  if (text.size() <= width) return text;
  std::size_t end = width > 3 ? width - 3 : 0;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // whole letters
  return text.substr(0, end) + "...";
}

}  // namespace

std::vector<std::string> describe(const Dataset& dataset) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {} training and {} test samples{}, from {}", dataset.name,
                              dataset.train.size(), dataset.test.size(),
                              dataset.unlabelled.size() > 0
                                  ? fmt::format(", {} without labels", dataset.unlabelled.size())
                                  : "",
                              dataset.origin));
  if (dataset.train.samples) {
    const Shape& shape = dataset.train.samples->shape;
    lines.push_back(fmt::format("  each {} {}", to_string(shape.sub(1, shape.rank())),
                                to_string(dataset.train.samples->dtype)));
    describe_numbers(dataset, lines);
  }
  if (dataset.train.texts) describe_texts(dataset, lines);
  if (!dataset.classes.empty()) describe_classes(dataset, lines);
  for (const Labelling& other : dataset.other_labels) {
    lines.push_back(
        fmt::format("  other labels: {} ({} classes)", other.name, other.classes.size()));
  }
  if (!dataset.broken.empty())
    lines.push_back(fmt::format("  {} broken files were left out:", dataset.broken.size()));
  for (const std::string& file : dataset.broken) lines.push_back("    " + file);
  return lines;
}

std::vector<std::string> sample_rows(const Dataset& dataset, std::int64_t count,
                                     std::size_t width) {
  std::vector<std::string> lines;
  const Split& split = dataset.train;
  const std::int64_t rows = std::min(count, split.size());
  // Spread over the set, which is often sorted by class.
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t row = rows <= 1 ? 0 : i * (split.size() - 1) / (rows - 1);
    std::string label;
    if (split.labels)
      label = dataset.classes[static_cast<std::size_t>(
          split.labels->as<std::int32_t>()[static_cast<std::size_t>(row)])];
    if (split.texts) {
      const Texts& texts = *split.texts;
      if (texts.columns().size() == 1)
        lines.push_back(cut(fmt::format("{:<10} {}", label, texts.at(row)), width));
      for (std::size_t column = 0; texts.columns().size() > 1 && column < texts.columns().size();
           ++column) {
        lines.push_back(
            cut(fmt::format("{:<14} {}", texts.columns()[column], texts.at(row, column)), width));
      }
      if (texts.columns().size() > 1) lines.emplace_back();
    } else if (split.samples && split.samples->dtype == DType::f32 &&
               split.samples->shape.rank() == 2) {
      const auto columns = static_cast<std::size_t>(split.samples->shape[1]);
      std::string line = fmt::format("{:<16}", label);
      for (std::size_t c = 0; c < columns; ++c) {
        line += fmt::format(
            " {:>8.5g}", split.samples->as<float>()[static_cast<std::size_t>(row) * columns + c]);
      }
      lines.push_back(cut(line, width));
    }
  }
  return lines;
}

}  // namespace treino::data
