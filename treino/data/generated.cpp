// SPDX-License-Identifier: Apache-2.0
#include "treino/data/generated.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "treino/base/error.h"
#include "treino/base/rng.h"

namespace treino::data {

namespace {

Split blobs(std::int64_t count, std::uint64_t stream) {
  auto samples = std::make_shared<HostTensor>(DType::f32, Shape{count, 4});
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{count});
  Rng rng(2024, stream);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(rng.below(3));
    labels->as<std::int32_t>()[static_cast<std::size_t>(i)] = label;
    for (int d = 0; d < 4; ++d) {
      const double centre = d == label ? 2.0 : d == 3 ? label - 1.0 : 0.0;
      samples->as<float>()[static_cast<std::size_t>(4 * i + d)] =
          static_cast<float>(centre + 0.7 * rng.normal());
    }
  }
  return {samples, labels};
}

constexpr std::int64_t kSide = 12;

Split images(std::int64_t count, std::uint64_t stream) {
  auto samples = std::make_shared<HostTensor>(DType::u8, Shape{count, kSide, kSide, 1});
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{count});
  Rng rng(2025, stream);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(rng.below(4));
    labels->as<std::int32_t>()[static_cast<std::size_t>(i)] = label;
    const double angle = label * std::numbers::pi / 4, shift = 4 * rng.uniform() - 2;
    for (std::int64_t y = 0; y < kSide; ++y) {
      for (std::int64_t x = 0; x < kSide; ++x) {
        const double across = (static_cast<double>(x) - 5.5) * std::sin(angle) -
                              (static_cast<double>(y) - 5.5) * std::cos(angle);
        const double bar = 200 * std::exp(-(across - shift) * (across - shift) / 2);
        const double value = std::clamp(bar + 25 * rng.normal() + 30, 0.0, 255.0);
        samples->as<std::uint8_t>()[static_cast<std::size_t>((i * kSide + y) * kSide + x)] =
            static_cast<std::uint8_t>(value);
      }
    }
  }
  return {samples, labels};
}

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts(1);
  for (char c : name) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::int64_t count_of(const std::string& name, const std::string& text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc{} && end == text.data() + text.size() && count >= 1 && count <= 10'000'000)
    return count;
  throw Error::mistake(fmt::format("{}: \"{}\" is not a number of samples", name, text));
}

}  // namespace

Dataset generate(const std::string& name) {
  const auto parts = parts_of(name);
  const std::string kind = parts.size() > 1 ? parts[1] : "";
  if ((kind != "blobs" && kind != "images") || parts.size() > 4) {
    throw Error::mistake(
        fmt::format("{}: there are generated:blobs and generated:images, each with optional "
                    ":<train>:<test> counts",
                    name));
  }
  const std::int64_t train = parts.size() > 2 ? count_of(name, parts[2]) : 600;
  const std::int64_t test = parts.size() > 3 ? count_of(name, parts[3]) : 200;
  Dataset dataset;
  dataset.name = name;
  dataset.origin = "generated";
  const auto make = kind == "blobs" ? blobs : images;
  dataset.classes = kind == "blobs"
                        ? std::vector<std::string>{"red", "green", "blue"}
                        : std::vector<std::string>{"horizontal", "falling", "vertical", "rising"};
  dataset.train = make(train, 1);
  dataset.test = make(test, 2);
  return dataset;
}

}  // namespace treino::data
