// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/train_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace treino::nn {

std::span<const std::string_view> names_of(Loss) {
  static constexpr std::array<std::string_view, 5> kNames{"cross_entropy", "binary_cross_entropy",
                                                          "mse", "mae", "huber"};
  return kNames;
}

std::span<const std::string_view> names_of(LastBatch) {
  static constexpr std::array<std::string_view, 3> kNames{"partial", "drop", "refill"};
  return kNames;
}

std::span<const std::string_view> names_of(Monitored) {
  static constexpr std::array<std::string_view, 2> kNames{"loss", "accuracy"};
  return kNames;
}

FieldValue get_field(const Shuffle& value) {
  if (value.window == 0) return false;
  if (value.window == Shuffle::kWhole) return true;
  return value.window;
}

void set_field(Shuffle& member, const FieldValue& value) {
  const bool* flag = std::get_if<bool>(&value);
  const std::int64_t* window = std::get_if<std::int64_t>(&value);
  if (flag != nullptr) {
    member.window = *flag ? Shuffle::kWhole : 0;
  } else if (window != nullptr && *window >= 1) {
    member.window = *window;
  } else {
    throw FieldMistake{"", "true, false or a window of at least 1 samples"};
  }
}

FieldValue get_field(const ClassWeights& value) {
  if (!value.values.empty()) return value.values;
  return std::string(value.balanced ? "balanced" : "none");
}

void set_field(ClassWeights& member, const FieldValue& value) {
  const std::string* word = std::get_if<std::string>(&value);
  const std::vector<double>* list = std::get_if<std::vector<double>>(&value);
  if (word != nullptr && (*word == "none" || *word == "balanced")) {
    member = {{}, *word == "balanced"};
  } else if (list != nullptr && !list->empty() &&
             std::all_of(list->begin(), list->end(), [](double w) { return w >= 0; })) {
    member = {*list, false};
  } else {
    throw FieldMistake{"", "\"none\", \"balanced\" or a list of numbers from 0, one a class"};
  }
}

namespace {

bool parse_number(std::string_view text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// "0.5" or "1/255".
bool parse_factor(std::string_view text, double& factor) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_number(text, factor);
  double top = 0, bottom = 0;
  if (!parse_number(text.substr(0, slash), top) || !parse_number(text.substr(slash + 1), bottom)) {
    return false;
  }
  factor = top / bottom;
  return true;
}

}  // namespace

FieldValue get_field(const Scale& value) {
  return value.text;
}

void set_field(Scale& member, const FieldValue& value) {
  Scale scale;
  if (const std::string* text = std::get_if<std::string>(&value)) {
    scale.text = *text;
    if (*text == "standard") scale.kind = Scale::kStandard;
    if (*text != "standard" && *text != "auto") {
      scale.kind = Scale::kFactor;
      if (!parse_factor(*text, scale.factor)) scale.factor = 0;
    }
  } else {
    scale.kind = Scale::kFactor;
    set_field(scale.factor, value);
    scale.text = to_text(scale.factor);
  }
  if (!std::isfinite(scale.factor) || scale.factor == 0) {
    throw FieldMistake{"", "\"1/255\", a finite number that is not 0, \"auto\" or \"standard\""};
  }
  member = scale;
}

}  // namespace treino::nn
