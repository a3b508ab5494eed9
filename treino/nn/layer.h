// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "treino/base/shape.h"
#include "treino/graph/graph.h"
#include "treino/nn/fields.h"

namespace treino::nn {

class Emit;

// Any layer. A layer is an aggregate T with
//   static constexpr std::string_view kName;          its name in recipes
//   template <class V> void fields(V& v);             its options
//   Shape output(const Shape& input) const;           shapes of one sample, without the batch;
//                                                     throws FieldMistake
//   Value emit(Emit& emit, Value x) const;            x: [batch, input...]
//   Where where = Where::here();                      last member: the line that wrote it
// and optionally void resolve(), which replaces defaults that depend on other fields.
class Layer {
 public:
  // Checks every field; throws Error::mistake naming layer, field, place and remedy.
  template <class T>
  requires requires(const T& t, Emit& e, Value x) { t.emit(e, x), t.where, T::kName; }
  Layer(T layer) {  // NOLINT: Dense{...} is a Layer
    if constexpr (requires { layer.resolve(); }) layer.resolve();
    self_ = std::make_shared<const Holder<T>>(std::move(layer));
    check();
  }

  std::string_view name() const { return self_->name(); }
  // Shape of one output sample. Throws Error::mistake as the constructor does.
  Shape output(const Shape& input) const;
  Value emit(Emit& emit, Value x) const { return self_->emit(emit, x); }
  Where where() const { return self_->where(); }

  // Shows the visitor a copy's fields.
  void visit(FieldVisitor& visitor) const { self_->clone(visitor); }
  // A copy with its fields as the visitor left them, checked.
  Layer edited(FieldVisitor& visitor) const;

  friend bool operator==(const Layer& a, const Layer& b);  // of one kind, with equal fields

 private:
  struct Base {
    virtual ~Base() = default;
    virtual std::string_view name() const = 0;
    virtual Shape output(const Shape& input) const = 0;
    virtual Value emit(Emit& emit, Value x) const = 0;
    virtual Where where() const = 0;
    virtual std::shared_ptr<const Base> clone(FieldVisitor& visitor) const = 0;
  };
  template <class T>
  struct Holder final : Base {
    explicit Holder(T l) : layer(std::move(l)) {}
    std::string_view name() const override { return T::kName; }
    Shape output(const Shape& input) const override { return layer.output(input); }
    Value emit(Emit& emit, Value x) const override { return layer.emit(emit, x); }
    Where where() const override { return layer.where; }
    std::shared_ptr<const Base> clone(FieldVisitor& visitor) const override {
      T copy = layer;
      copy.fields(visitor);
      if constexpr (requires { copy.resolve(); }) copy.resolve();
      return std::make_shared<const Holder<T>>(std::move(copy));
    }
    T layer;
  };

  explicit Layer(std::shared_ptr<const Base> self) : self_(std::move(self)) {}
  void check() const;

  std::shared_ptr<const Base> self_;
};

}  // namespace treino::nn
