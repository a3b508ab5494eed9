// SPDX-License-Identifier: Apache-2.0
// Whole training steps' gradients against central differences of the loss, in double, through every
// layer, activation and loss. The gradient is read off a step of plain SGD with rate 1.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/nn/layers.h"
#include "treino/nn/steps.h"

namespace treino::nn {
namespace {

constexpr std::int64_t kBatch = 5, kClasses = 3;

class Check {
 public:
  Check(const Model& model, TrainOptions train) : device_(make_device("reference")) {
    train.optimizer = Sgd{.rate = 1};
    const InputOptions input;
    const StepSpec spec{model, input, train};
    BatchGeometry geometry;
    geometry.batch = geometry.rows = kBatch;
    geometry.sample = model.input();
    geometry.sample_type = DType::f32;
    geometry.classes = kClasses;
    emit_train_step(graph_, spec, geometry);
    const Program program = compiler::compile(graph_, device_->target());
    store_ = device_->make_store(program.variables);
    for (const NamedTensor& value : initial_state(spec, geometry)) {
      if (value.name != "counter.seed" || has("counter.seed"))
        store_->write(value.name, value.tensor);
    }
    Rng rng(5, 0);
    HostTensor samples(DType::f32, store_->variables()[index("data.samples")].type.shape);
    for (float& x : samples.as<float>()) x = static_cast<float>(rng.normal());
    store_->write("data.samples", samples);
    HostTensor order(DType::i32, {kBatch}), labels(DType::i32, {kBatch});
    std::iota(order.as<std::int32_t>().begin(), order.as<std::int32_t>().end(), 0);
    for (std::int32_t& label : labels.as<std::int32_t>())
      label = static_cast<std::int32_t>(rng.below(kClasses));
    store_->write("data.order", order);
    store_->write("data.labels", labels);
    step_ = device_->load(program, *store_);
    // Gammas and biases away from their even starting values, where terms of a gradient vanish.
    for (const Variable& variable : store_->variables()) {
      if (variable.role != Role::parameter) continue;
      HostTensor value = store_->read(store_->find(variable.name), DType::f64);
      for (double& x : value.as<double>()) x += 0.2 * rng.normal();
      weights_.push_back({variable.name, value});
    }
  }

  void run() {
    step();
    std::vector<std::vector<double>> gradients;
    for (const NamedTensor& weight : weights_) {
      const HostTensor after = store_->read(store_->find(weight.name), DType::f64);
      std::vector<double> gradient;
      for (std::size_t i = 0; i < after.as<double>().size(); ++i) {
        gradient.push_back(weight.tensor.as<double>()[i] - after.as<double>()[i]);
      }
      gradients.push_back(gradient);
    }
    double largest = 0;
    for (std::size_t w = 0; w < weights_.size(); ++w) {
      const auto numbers = weights_[w].tensor.as<double>();
      double difference = 0, norm = 0;
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        constexpr double kStep = 1e-5;
        const double kept = numbers[i];
        numbers[i] = kept + kStep;
        const double above = step();
        numbers[i] = kept - kStep;
        const double below = step();
        numbers[i] = kept;
        const double slope = (above - below) / (2 * kStep);
        difference += std::pow(slope - gradients[w][i], 2);
        norm += slope * slope;
      }
      // A bias before batch norm has no gradient, and then only rounding is left: hence the floor.
      EXPECT_LT(std::sqrt(difference), 1e-7 * std::max(std::sqrt(norm), 1e-2)) << weights_[w].name;
      largest = std::max(largest, norm);
    }
    EXPECT_GT(largest, 1e-4) << "some gradient must be there to be checked";
  }

 private:
  std::size_t index(const char* name) const { return static_cast<std::size_t>(store_->find(name)); }
  bool has(std::string_view name) const {
    for (const Variable& variable : store_->variables()) {
      if (variable.name == name) return true;
    }
    return false;
  }

  // The mean loss of the batch at weights_, from the same counters each time; leaves the weights
  // one step further.
  double step() {
    for (const NamedTensor& weight : weights_) store_->write(weight.name, weight.tensor);
    for (const char* counter : {"counter.offset", "counter.position"}) {
      if (has(counter)) store_->write(counter, HostTensor::scalar<std::int64_t>(DType::i64, 0));
    }
    store_->write("metric.loss_sum", HostTensor::scalar<double>(DType::f64, 0));
    step_->run(1);
    return store_->read(store_->find("metric.loss_sum"), DType::f64).as<double>()[0] / kBatch;
  }

  std::unique_ptr<Device> device_;
  Graph graph_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Executable> step_;
  std::vector<NamedTensor> weights_;
};

void check(const Model& model, const TrainOptions& train = {}) {
  Check(model, train).run();
}

// The layer between a convolution and the classes, so that its own and its input's gradients count.
void check_image_layer(Layer layer) {
  check(input({6, 5, 2}) | Conv2D{.filters = 4, .kernel = 2, .activation = Activation::tanh} |
        std::move(layer) | Flatten{} | Dense{.units = kClasses, .activation = softmax});
}

TEST(Gradient, Dense) {
  check(input({4}) | Dense{.units = 5, .activation = sigmoid} | Dense{.units = kClasses});
}
TEST(Gradient, DenseOverPixels) {
  check_image_layer(Dense{.units = 3, .bias = false});
}
TEST(Gradient, Conv2D) {
  check_image_layer(Conv2D{.filters = 3, .kernel = Pair(3, 2)});
  check_image_layer(Conv2D{.filters = 6, .kernel = 3, .stride = 2, .groups = 2, .padding = same});
  check_image_layer(Conv2D{.filters = 3,
                           .kernel = 2,
                           .stride = Pair(1, 2),
                           .dilation = 2,
                           .padding = same,
                           .bias = false});
}
TEST(Gradient, Pools) {
  check_image_layer(MaxPool{});
  check_image_layer(MaxPool{.size = 3, .stride = 2, .padding = same});
  check_image_layer(AvgPool{});
  check_image_layer(AvgPool{.size = Pair(3, 2), .stride = 1, .padding = same});
  check_image_layer(GlobalAvgPool{});
  check_image_layer(GlobalMaxPool{});
}
TEST(Gradient, Sequences) {
  const auto check_sequence = [](Layer layer) {
    check(input({9}) | Embedding{.vocabulary = 4, .units = 4, .mask_zero = false} |
          std::move(layer) | GlobalAvgPool{} | Dense{.units = kClasses});
  };
  check_sequence(Conv1D{.filters = 3, .kernel = 3});
  check_sequence(Conv1D{.filters = 6, .kernel = 4, .stride = 2, .groups = 2, .padding = same});
  check_sequence(Conv1D{.filters = 2, .kernel = 2, .dilation = 3, .bias = false});
  check(input({9}) | Embedding{.vocabulary = 3, .units = 4} | GlobalMaxPool{} |
        Dense{.units = kClasses});
}
TEST(Gradient, Norms) {
  check_image_layer(BatchNorm{});
  check_image_layer(LayerNorm{});
  check(input({4}) | Dense{.units = 6} | BatchNorm{} | Dense{.units = kClasses});
}
TEST(Gradient, Dropout) {
  check_image_layer(Dropout{.rate = 0.4});
}
TEST(Gradient, ScaleBy) {
  check_image_layer(ScaleBy{.factor = -2.5});
  check(input({4}) | Dense{.units = kClasses} | ScaleBy{.factor = 0.125} |
        Activate{.function = softmax});
}
TEST(Gradient, Residual) {
  check_image_layer(
      Residual{.body = {Conv2D{.filters = 4, .kernel = 3, .padding = same}, BatchNorm{}}});
  check_image_layer(
      Residual{.body = {Conv2D{.filters = 3, .kernel = 3, .stride = 2, .padding = same}},
               .shortcut = {Conv2D{.filters = 3, .kernel = 1, .stride = 2}}});
}
TEST(Gradient, Activations) {
  for (std::size_t i = 0; i < names_of(Activation{}).size(); ++i) {
    SCOPED_TRACE(names_of(Activation{})[i]);
    check_image_layer(Activate{.function = static_cast<Activation>(i)});
  }
}
TEST(Gradient, Losses) {
  for (std::size_t i = 0; i < names_of(Loss{}).size(); ++i) {
    SCOPED_TRACE(names_of(Loss{})[i]);
    TrainOptions train;
    train.loss = static_cast<Loss>(i);
    check(input({4}) | Dense{.units = 5, .activation = Activation::tanh} | Dense{.units = kClasses},
          train);
    if (i < 2) {
      train.label_smoothing = 0.2;
      check(input({4}) | Dense{.units = kClasses, .activation = i == 0 ? softmax : sigmoid}, train);
    }
  }
}

}  // namespace
}  // namespace treino::nn
