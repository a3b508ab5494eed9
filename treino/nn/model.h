// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

#include "treino/nn/emit.h"
#include "treino/nn/layer.h"

namespace treino::nn {

// A network as data: the shape of one input sample and layers one after the other.
class Model {
 public:
  explicit Model(Shape input);

  // Appends a layer and infers its output. Throws Error::mistake naming layer, place and remedy.
  Model& add(Layer layer);

  const Shape& input() const { return input_; }    // of one sample: [28, 28, 1]
  const Shape& output() const { return output_; }  // of one sample: [10]
  const std::vector<Layer>& layers() const { return layers_; }

  friend bool operator==(const Model& a, const Model& b);

 private:
  Shape input_, output_;
  std::vector<Layer> layers_;
};

// input({28, 28, 1}) | Flatten{} | Dense{.units = 10, .activation = softmax}
inline Model input(std::initializer_list<std::int64_t> shape) {
  return Model(Shape(shape));
}
inline Model operator|(Model model, Layer layer) {
  model.add(std::move(layer));
  return model;
}

// The tensors of a model in the order of its layers (batch-independent).
std::vector<LayerVariable> variables(const Model& model);
// Trainable numbers.
std::int64_t parameter_count(const Model& model);

struct NamedTensor {
  std::string name;
  HostTensor tensor;
};
// Starting values of parameters and statistics (f32); parameter number n of the model draws from a
// stream of its own, so that the values do not depend on the device or the number of threads.
std::vector<NamedTensor> initial_values(const Model& model, std::uint64_t seed);

}  // namespace treino::nn
