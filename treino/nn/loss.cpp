// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/loss.h"

#include <fmt/format.h>

#include "treino/graph/build.h"

namespace treino::nn {

using namespace graph;

Activation folded_activation(Loss loss) {
  if (loss == Loss::cross_entropy) return Activation::softmax;
  if (loss == Loss::binary_cross_entropy) return Activation::sigmoid;
  return Activation::linear;
}

namespace {

// Turns the layer's own function into linear where it is the folded one, and notes that it was.
class Folder final : public FieldVisitor {
 public:
  explicit Folder(Activation function)
      : word_(names_of(function)[static_cast<std::size_t>(function)]) {}
  void value(std::string_view name, FieldRef& field, const Limits&) override {
    if (name != "activation" && name != "function") return;
    if (std::get<std::string>(field.get()) != word_) return;
    field.set(std::string("linear"));
    found = true;
  }
  void group(std::string_view, FieldGroup&) override {}
  void one_of(std::string_view, FieldUnion&) override {}
  void list(std::string_view, FieldList&) override {}
  void layers(std::string_view, std::vector<Layer>&) override {}
  bool found = false;

 private:
  std::string word_;
};

std::string name_text(Loss loss) {
  return std::string(names_of(loss)[static_cast<std::size_t>(loss)]);
}

bool is_entropy(Loss loss) {
  return loss == Loss::cross_entropy || loss == Loss::binary_cross_entropy;
}

// Probabilities that a last layer without numbers of its own passes on would be taken for logits.
void check_probabilities(const Model& model, Loss loss) {
  const std::vector<Layer>& layers = model.layers();
  const Activation folded = folded_activation(loss);
  if (folded == Activation::linear || layers.size() < 2 || layers.back().name() != "flatten")
    return;
  Folder folder(folded);
  layers[layers.size() - 2].edited(folder);
  if (!folder.found) return;
  const auto word = names_of(folded)[static_cast<std::size_t>(folded)];
  throw Error::mistake(fmt::format(
      "{}flatten comes after {}, whose probabilities the loss would take for logits; put flatten "
      "before it, or leave the {} out",
      place(layers.back().where()), word, word));
}

}  // namespace

std::vector<Layer> without_activation(std::vector<Layer> layers, Activation function) {
  if (layers.empty() || function == Activation::linear) return layers;
  Folder folder(function);
  layers.back() = layers.back().edited(folder);
  return layers;
}

void check_loss(const Model& model, const TrainOptions& train, std::int64_t classes) {
  const std::string where = model.layers().empty() ? "" : place(model.layers().back().where());
  const Shape& output = model.output();
  if (output.rank() != 1) {
    throw Error::mistake(
        fmt::format("{}the model's output is {}; end it with flatten or global_avg_pool "
                    "and dense = {{ units = {} }}",
                    where, to_string(output), classes));
  }
  check_probabilities(model, train.loss);
  const bool single = output[0] == 1 && classes == 2 && train.loss != Loss::cross_entropy;
  if (classes > 0 && output[0] != classes && !single) {
    throw Error::mistake(
        fmt::format("{}the model has {} outputs but the data have {} classes; end it with "
                    "dense = {{ units = {} }}",
                    where, output[0], classes, classes));
  }
  if (train.label_smoothing > 0 && !is_entropy(train.loss)) {
    throw Error::mistake(
        fmt::format("train.label_smoothing goes with the cross-entropies, not with {}; set "
                    "it to 0",
                    name_text(train.loss)));
  }
}

Value targets_of(Value labels, std::int64_t outputs) {
  if (labels.shape().rank() == 2) return labels;
  if (outputs == 1) return reshape(cast(labels, DType::f32), Shape{labels.shape()[0], 1});
  return one_hot(labels, outputs);
}

Value loss_of(const TrainOptions& train, Value outputs, Value targets) {
  const auto classes = static_cast<double>(outputs.shape()[1]);
  const double smoothing = train.label_smoothing;
  switch (train.loss) {
    case Loss::cross_entropy:
      if (smoothing > 0) targets = targets * (1 - smoothing) + smoothing / classes;
      return cross_entropy(outputs, targets);
    case Loss::binary_cross_entropy:
      if (smoothing > 0) targets = targets * (1 - smoothing) + 0.5 * smoothing;
      // -t ln s(z) - (1 - t) ln(1 - s(z)) with s the sigmoid.
      return mean(graph::softplus(outputs) - targets * outputs, {1});
    case Loss::mse:
      return mean(square(outputs - targets), {1});
    case Loss::mae:
      return mean(abs(outputs - targets), {1});
    case Loss::huber:
      break;
  }
  // Huber 1964 with delta 1: e e / 2 up to 1, then |e| - 1/2; c (|e| - c / 2) with c = min(|e|, 1).
  const Value error = abs(outputs - targets);
  const Value clipped = min(error, constant(*error.graph, 1, error.dtype()));
  return mean(clipped * (error - clipped * 0.5), {1});
}

Value guess_of(Loss loss, Value outputs) {
  if (outputs.shape()[1] > 1) return argmax(outputs);
  // A logit's border is 0, a value's 1/2.
  const double border = loss == Loss::binary_cross_entropy ? 0 : 0.5;
  const Value flat = reshape(outputs, Shape{outputs.shape()[0]});
  return cast(greater(flat, constant(*flat.graph, border, flat.dtype())), DType::i32);
}

Value correct_of(Loss loss, Value outputs, Value labels) {
  Value truth = labels;
  if (labels.shape().rank() == 2) {
    truth = outputs.shape()[1] > 1 ? argmax(labels)
                                   : cast(reshape(labels, Shape{labels.shape()[0]}), DType::i32);
  }
  return cast(equal(guess_of(loss, outputs), truth), DType::f64);
}

}  // namespace treino::nn
