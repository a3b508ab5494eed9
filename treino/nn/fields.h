// SPDX-License-Identifier: Apache-2.0
// How layers, optimisers, schedules and recipe sections say their fields, once:
//
//   template <class V> void fields(V& v) {
//     v("units", units, at_least_one);
//     v("activation", activation);
//   }
//
// The TOML reader and writer, JSON, the checks of ranges, the tables in the documentation and "did
// you mean" are visitors over that. A field's default is its value in a default-made aggregate.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "treino/base/error.h"

namespace treino::nn {

class Layer;

// The numbers a field may hold; always finite.
struct Limits {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above = false;                  // least itself is excluded
  bool below = false;                  // most itself is excluded
  bool required = false;               // a recipe must say it
  std::string_view default_text = {};  // where the default is no plain value: "size"
  std::string_view allowed = {};       // for documentation, where neither range nor words say it
};
// Sizes beyond this are refused before any product of them could overflow; error lines and tables
// mention it only where it is passed.
inline constexpr double kMostSize = 1 << 24;
inline constexpr Limits at_least_one{.least = 1, .most = kMostSize};
inline constexpr Limits required_count{.least = 1, .most = kMostSize, .required = true};
inline constexpr Limits not_negative{.least = 0};
inline constexpr Limits positive{.least = 0, .above = true};
inline constexpr Limits fraction{.least = 0, .most = 1, .below = true};  // [0, 1)

// A number with a name, written { normal = 0.05 }.
struct Tagged {
  std::string tag;
  double value = 0;
};

// Any field's value as files write it.
using FieldValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<double>, Tagged>;

// Height and width: written n or [h, w].
struct Pair {
  std::int64_t height = 0;
  std::int64_t width = 0;
  constexpr Pair(std::int64_t both) : height(both), width(both) {}  // NOLINT: .kernel = 3
  constexpr Pair(std::int64_t h, std::int64_t w) : height(h), width(w) {}
  constexpr Pair(int both) : height(both), width(both) {}  // NOLINT
  friend bool operator==(const Pair&, const Pair&) = default;
};

// What is wrong with a field (or, with no field, with the whole): caught where the place in the
// source or recipe is known, and made into an Error::mistake. text goes on after "layer.field ".
struct FieldMistake {
  std::string field;
  std::string text;
};

// get_field / set_field turn a member into a FieldValue and back; set_field throws a
// FieldMistake{"", "a whole number"} that says what it wants. Types of their own add overloads.
FieldValue get_field(bool value);
FieldValue get_field(std::int64_t value);
FieldValue get_field(double value);
FieldValue get_field(const std::string& value);
FieldValue get_field(const std::vector<double>& value);
FieldValue get_field(const Pair& value);
void set_field(bool& member, const FieldValue& value);
void set_field(std::int64_t& member, const FieldValue& value);
void set_field(double& member, const FieldValue& value);
void set_field(std::string& member, const FieldValue& value);
void set_field(std::vector<double>& member, const FieldValue& value);
void set_field(Pair& member, const FieldValue& value);

// One field that holds a plain value.
class FieldRef {
 public:
  virtual ~FieldRef() = default;
  virtual FieldValue get() const = 0;
  virtual void set(const FieldValue& value) = 0;
  // Words the field may hold, all there are for an enumerated one; empty for others.
  virtual std::span<const std::string_view> choices() const { return {}; }
};

class FieldVisitor;

// A group of fields behind one name.
class FieldGroup {
 public:
  virtual ~FieldGroup() = default;
  virtual void visit(FieldVisitor& visitor) = 0;
};

// A field that is one of several groups: { adam = { rate = 1e-3 } }, or just "adam".
class FieldUnion : public FieldGroup {
 public:
  virtual std::span<const std::string_view> names() const = 0;
  virtual std::size_t index() const = 0;
  virtual void select(std::size_t index) = 0;  // with that group's defaults
  // The field that a bare value in the group's place stands for: { flip = "vertical" }; empty:
  // none.
  virtual std::string_view plain() const { return {}; }
};

// A field that is a list of such choices: [{ flip = "horizontal" }, { crop = { pad = 4 } }].
class FieldList {
 public:
  virtual ~FieldList() = default;
  virtual std::span<const std::string_view> names() const = 0;
  virtual std::size_t size() const = 0;
  virtual void clear() = 0;
  virtual void append() = 0;
  virtual void visit(std::size_t index, void (*visitor)(void*, FieldUnion&), void* context) = 0;
  template <class F>
  void with(std::size_t index, F&& f) {
    visit(
        index,
        [](void* context, FieldUnion& choice) {
          (*static_cast<std::remove_reference_t<F>*>(context))(choice);
        },
        &f);
  }
};

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  virtual void value(std::string_view name, FieldRef& field, const Limits& limits) = 0;
  virtual void group(std::string_view name, FieldGroup& group) = 0;
  virtual void one_of(std::string_view name, FieldUnion& choice) = 0;
  virtual void list(std::string_view name, FieldList& list) = 0;
  virtual void layers(std::string_view name, std::vector<Layer>& layers) = 0;

  template <class T>
  void operator()(std::string_view name, T& member, const Limits& limits = {});
};

template <class T>
class PlainField final : public FieldRef {
 public:
  explicit PlainField(T& member) : member_(member) {}
  FieldValue get() const override { return get_field(member_); }
  void set(const FieldValue& value) override { set_field(member_, value); }
  std::span<const std::string_view> choices() const override {
    if constexpr (requires { field_words(member_); }) return field_words(member_);
    return {};
  }

 private:
  T& member_;
};

// For an enum E, names_of(E{}) gives its words in order.
template <class E>
class EnumField final : public FieldRef {
 public:
  explicit EnumField(E& member) : member_(member) {}
  FieldValue get() const override {
    return std::string(names_of(member_)[static_cast<std::size_t>(member_)]);
  }
  void set(const FieldValue& value) override {
    const auto names = names_of(member_);
    const std::string* word = std::get_if<std::string>(&value);
    for (std::size_t i = 0; word != nullptr && i < names.size(); ++i) {
      if (names[i] == *word) {
        member_ = static_cast<E>(i);
        return;
      }
    }
    throw FieldMistake{"", ""};  // the reader lists the words
  }
  std::span<const std::string_view> choices() const override { return names_of(member_); }

 private:
  E& member_;
};

template <class T>
class GroupOf final : public FieldGroup {
 public:
  explicit GroupOf(T& group) : group_(group) {}
  void visit(FieldVisitor& visitor) override { group_.fields(visitor); }

 private:
  T& group_;
};

// Each alternative says `static constexpr std::string_view kName`.
template <class... Ts>
class UnionOf final : public FieldUnion {
 public:
  explicit UnionOf(std::variant<Ts...>& variant) : variant_(variant) {}
  std::span<const std::string_view> names() const override {
    static constexpr std::array<std::string_view, sizeof...(Ts)> kNames{Ts::kName...};
    return kNames;
  }
  std::size_t index() const override { return variant_.index(); }
  void select(std::size_t index) override {
    std::size_t i = 0;
    const auto make = [&](auto group) {
      if (i++ == index) variant_ = group;
    };
    (make(Ts{}), ...);
  }
  void visit(FieldVisitor& visitor) override {
    std::visit([&](auto& group) { group.fields(visitor); }, variant_);
  }
  std::string_view plain() const override {
    return std::visit(
        [](const auto& group) -> std::string_view {
          if constexpr (requires { group.kPlain; }) return group.kPlain;
          return {};
        },
        variant_);
  }

 private:
  std::variant<Ts...>& variant_;
};

template <class... Ts>
UnionOf<Ts...> union_of(std::variant<Ts...>& variant) {
  return UnionOf<Ts...>(variant);
}

template <class... Ts>
class ListOf final : public FieldList {
 public:
  explicit ListOf(std::vector<std::variant<Ts...>>& list) : list_(list) {}
  std::span<const std::string_view> names() const override {
    static constexpr std::array<std::string_view, sizeof...(Ts)> kNames{Ts::kName...};
    return kNames;
  }
  std::size_t size() const override { return list_.size(); }
  void clear() override { list_.clear(); }
  void append() override { list_.emplace_back(); }
  void visit(std::size_t index, void (*visitor)(void*, FieldUnion&), void* context) override {
    UnionOf<Ts...> choice(list_[index]);
    visitor(context, choice);
  }

 private:
  std::vector<std::variant<Ts...>>& list_;
};

template <class... Ts>
ListOf<Ts...> list_of(std::vector<std::variant<Ts...>>& list) {
  return ListOf<Ts...>(list);
}

template <class T>
void FieldVisitor::operator()(std::string_view name, T& member, const Limits& limits) {
  if constexpr (std::is_enum_v<T>) {
    EnumField<T> field(member);
    value(name, field, limits);
  } else if constexpr (std::is_same_v<T, std::vector<Layer>>) {
    layers(name, member);
  } else if constexpr (requires { member.fields(*this); }) {
    GroupOf<T> fields(member);
    group(name, fields);
  } else if constexpr (requires { union_of(member); }) {
    auto choice = union_of(member);
    one_of(name, choice);
  } else if constexpr (requires { list_of(member); }) {
    auto choices = list_of(member);
    list(name, choices);
  } else {
    PlainField<T> field(member);
    value(name, field, limits);
  }
}

// The value as files write it: 3, 0.5, true, "same", [1, 2], { normal = 0.05 }.
std::string to_text(const FieldValue& value);

// Throws FieldMistake ("is 0; use at least 1") for numbers that are not finite or outside the
// limits.
void check_limits(std::string_view field, const FieldValue& value, const Limits& limits);

// "at least 1", "above 0", "at least 0 and below 1"; empty when any number will do.
std::string limits_text(const Limits& limits);

// Checks every field of a group, nested ones too; a mistake's field is its dotted path.
void check_fields(FieldGroup& group);

// "file:line: ", or "file: " without a line, or nothing without a file.
std::string place(const Where& where);

}  // namespace treino::nn
