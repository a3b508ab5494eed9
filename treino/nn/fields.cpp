// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/fields.h"

#include <fmt/format.h>

#include <cmath>

#include "treino/nn/layer.h"

namespace treino::nn {

namespace {

[[noreturn]] void want(const char* what) {
  throw FieldMistake{"", what};
}

std::string number_text(double value) {
  std::string text = fmt::format("{}", value);
  // TOML tells floats from integers by a point or an exponent.
  if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string plain_text(double value) {
  return fmt::format("{}", value);
}

}  // namespace

FieldValue get_field(bool value) {
  return value;
}
FieldValue get_field(std::int64_t value) {
  return value;
}
FieldValue get_field(double value) {
  return value;
}
FieldValue get_field(const std::string& value) {
  return value;
}
FieldValue get_field(const std::vector<double>& value) {
  return value;
}
FieldValue get_field(const Pair& value) {
  if (value.height == value.width) return value.height;
  return std::vector<double>{static_cast<double>(value.height), static_cast<double>(value.width)};
}

void set_field(bool& member, const FieldValue& value) {
  const bool* flag = std::get_if<bool>(&value);
  if (flag == nullptr) want("true or false");
  member = *flag;
}

void set_field(std::int64_t& member, const FieldValue& value) {
  const std::int64_t* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) want("a whole number");
  member = *number;
}

void set_field(double& member, const FieldValue& value) {
  if (const double* number = std::get_if<double>(&value)) {
    member = *number;
  } else if (const std::int64_t* whole = std::get_if<std::int64_t>(&value)) {
    member = static_cast<double>(*whole);
  } else {
    want("a number");
  }
}

void set_field(std::string& member, const FieldValue& value) {
  const std::string* text = std::get_if<std::string>(&value);
  if (text == nullptr) want("a text in quotes");
  member = *text;
}

void set_field(std::vector<double>& member, const FieldValue& value) {
  double one = 0;
  if (std::holds_alternative<double>(value) || std::holds_alternative<std::int64_t>(value)) {
    set_field(one, value);
    member = {one};
    return;
  }
  const std::vector<double>* numbers = std::get_if<std::vector<double>>(&value);
  if (numbers == nullptr) want("a number or a list of numbers");
  member = *numbers;
}

void set_field(Pair& member, const FieldValue& value) {
  if (const std::int64_t* both = std::get_if<std::int64_t>(&value)) {
    member = Pair(*both);
    return;
  }
  const std::vector<double>* list = std::get_if<std::vector<double>>(&value);
  if (list == nullptr || list->size() != 2 || std::trunc((*list)[0]) != (*list)[0] ||
      std::trunc((*list)[1]) != (*list)[1]) {
    want("a whole number or [height, width]");
  }
  member = Pair(static_cast<std::int64_t>((*list)[0]), static_cast<std::int64_t>((*list)[1]));
}

std::string to_text(const FieldValue& value) {
  struct Printer {
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(double number) const { return number_text(number); }
    std::string operator()(const std::string& text) const { return fmt::format("\"{}\"", text); }
    std::string operator()(const std::vector<double>& numbers) const {
      std::string text = "[";
      for (double number : numbers) {
        // Whole numbers stand for both kinds in a list.
        text += (text.size() == 1 ? "" : ", ") + plain_text(number);
      }
      return text + "]";
    }
    std::string operator()(const Tagged& tagged) const {
      return fmt::format("{{ {} = {} }}", tagged.tag, number_text(tagged.value));
    }
  };
  return std::visit(Printer{}, value);
}

std::string limits_text(const Limits& limits) {
  std::string text;
  if (std::isfinite(limits.least)) {
    text = fmt::format("{} {}", limits.above ? "above" : "at least", limits.least);
  }
  if (limits.most < kMostSize) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " and ", limits.below ? "below" : "at most",
                        limits.most);
  }
  return text;
}

void check_limits(std::string_view field, const FieldValue& value, const Limits& limits) {
  const auto check = [&](double number) {
    const bool low = limits.above ? number <= limits.least : number < limits.least;
    const bool high = limits.below ? number >= limits.most : number > limits.most;
    if (std::isfinite(number) && !low && !high) return;
    const std::string range = limits.most >= kMostSize && number > limits.most
                                  ? fmt::format("at most {:.0f}", limits.most)
                                  : limits_text(limits);
    throw FieldMistake{std::string(field), fmt::format("is {}; use {}", to_text(value),
                                                       range.empty() ? "a finite number" : range)};
  };
  if (const double* number = std::get_if<double>(&value)) check(*number);
  if (const std::int64_t* number = std::get_if<std::int64_t>(&value)) {
    check(static_cast<double>(*number));
  }
  if (const Tagged* tagged = std::get_if<Tagged>(&value)) check(tagged->value);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) {
    for (double number : *list) check(number);
  }
}

namespace {

class Checker final : public FieldVisitor {
 public:
  void value(std::string_view name, FieldRef& field, const Limits& limits) override {
    check_limits(name, field.get(), limits);
  }
  void group(std::string_view name, FieldGroup& group) override { inside(name, group); }
  void one_of(std::string_view name, FieldUnion& choice) override {
    inside(fmt::format("{}.{}", name, choice.names()[choice.index()]), choice);
  }
  void list(std::string_view name, FieldList& list) override {
    for (std::size_t i = 0; i < list.size(); ++i)
      list.with(i, [&](FieldUnion& choice) { one_of(name, choice); });
  }
  void layers(std::string_view, std::vector<Layer>&) override {}  // checked when they were made

 private:
  void inside(std::string_view name, FieldGroup& group) {
    try {
      group.visit(*this);
    } catch (FieldMistake& mistake) {
      mistake.field = fmt::format("{}.{}", name, mistake.field);
      throw;
    }
  }
};

}  // namespace

void check_fields(FieldGroup& group) {
  Checker checker;
  group.visit(checker);
}

std::string place(const Where& where) {
  if (where.file == nullptr || *where.file == '\0') return {};
  return where.line > 0 ? fmt::format("{}:{}: ", where.file, where.line)
                        : fmt::format("{}: ", where.file);
}

}  // namespace treino::nn
