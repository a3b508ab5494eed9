// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/random_recipe.h"

#include "treino/base/rng.h"
#include "treino/nn/layers.h"

namespace treino::conformance {

namespace {

using namespace nn;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : rng_(seed, 77) {}

  // Tokens through an embedding and layers over time.
  RandomTraining make_sequence() {
    RandomTraining training;
    training.recipe.name = "random";
    training.recipe.data = "drawn";
    training.sample = Shape{of({1, 4, 9, 13})};
    training.sample_type = DType::i32;
    training.classes = of({2, 3, 5});
    shape_ = training.sample;
    draw_train(training.recipe.train);
    std::vector<Layer>& layers = training.recipe.layers;
    add(layers, Embedding{.vocabulary = of({1, 7, 256}),
                          .units = of({1, 6, 17}),
                          .mask_zero = chance(2),
                          .init = uniform(0.5)});
    for (std::int64_t i = of({1, 2}); i > 0; --i) add(layers, convolution_over_time());
    add(layers, chance(2)   ? Layer(GlobalAvgPool{})
                : chance(2) ? Layer(GlobalMaxPool{})
                            : Layer(Flatten{}));
    add_outputs(training);
    return training;
  }

  RandomTraining make() {
    RandomTraining training;
    training.recipe.name = "random";
    training.recipe.data = "drawn";
    const bool is_image = !chance(4);
    training.sample = is_image ? Shape{of({1, 3, 5, 6, 8}), of({1, 4, 5, 7}), of({1, 2, 3, 8, 17})}
                               : Shape{of({1, 4, 7, 13})};
    training.sample_type = is_image && chance(2) ? DType::u8 : DType::f32;
    training.classes = of({2, 3, 5});
    shape_ = training.sample;
    draw_train(training.recipe.train);
    draw_input(training);
    std::vector<Layer>& layers = training.recipe.layers;
    for (std::int64_t i = of({0, 1, 2, 3, 4}); i > 0 && shape_.rank() == 3; --i)
      add(layers, image_layer());
    if (shape_.rank() == 3) {
      const std::int64_t way = of({0, 1, 2});
      add(layers, way == 0   ? Layer(Flatten{})
                  : way == 1 ? Layer(GlobalAvgPool{})
                             : Layer(GlobalMaxPool{}));
    }
    for (std::int64_t i = of({0, 1, 2, 3}); i > 0; --i) add(layers, flat_layer());
    add_outputs(training);
    return training;
  }

 private:
  void add_outputs(RandomTraining& training) {
    std::vector<Layer>& layers = training.recipe.layers;
    const Loss loss = training.recipe.train.loss;
    const bool single = loss != Loss::cross_entropy && training.classes == 2 && chance(2);
    const Activation last = loss == Loss::cross_entropy          ? softmax
                            : loss == Loss::binary_cross_entropy ? sigmoid
                            : chance(2)                          ? Activation::tanh
                                                                 : linear;
    add(layers,
        Dense{.units = single ? 1 : training.classes, .activation = last, .init = initializer()});
  }

  bool chance(std::uint64_t one_in) { return rng_.below(one_in) == 0; }
  std::int64_t of(std::initializer_list<std::int64_t> choices) {
    return choices.begin()[rng_.below(choices.size())];
  }
  template <class E>
  E word() {
    return static_cast<E>(rng_.below(names_of(E{}).size()));
  }
  double between(double least, double most) { return least + (most - least) * rng_.uniform(); }

  void add(std::vector<Layer>& layers, Layer layer) {
    shape_ = layer.output(shape_);
    layers.push_back(std::move(layer));
  }

  Initializer initializer() {
    constexpr Initializer kPlain[] = {glorot_uniform, glorot_normal, he_uniform,
                                      he_normal,      lecun_uniform, lecun_normal};
    if (chance(4)) return chance(2) ? normal(0.3) : uniform(0.5);
    return kPlain[rng_.below(std::size(kPlain))];
  }

  Pair pair(std::initializer_list<std::int64_t> choices) { return {of(choices), of(choices)}; }

  // Windows that fit, by padding where they would not.
  Layer convolution(std::int64_t filters, std::int64_t stride, Padding padding) {
    const std::int64_t channels = shape_[2];
    std::int64_t groups = 1;
    if (channels > 1 && channels == filters && chance(3)) groups = channels;  // depthwise
    if (channels % 2 == 0 && filters % 2 == 0 && chance(3)) groups = 2;
    Conv2D conv{.filters = filters,
                .kernel = pair({1, 2, 3, 3, 5}),
                .stride = Pair(stride, chance(3) ? 1 : stride),
                .dilation = stride == 1 ? Pair(of({1, 1, 2}), of({1, 1, 2})) : Pair(1),
                .groups = groups,
                .padding = padding,
                .activation = word<Activation>(),
                .bias = !chance(4),
                .init = initializer()};
    const bool fits = (conv.kernel.height - 1) * conv.dilation.height < shape_[0] &&
                      (conv.kernel.width - 1) * conv.dilation.width < shape_[1];
    if (!fits) conv.padding = same;
    return conv;
  }

  Layer convolution_over_time() {
    const std::int64_t channels = shape_[1], filters = of({1, 6, 17});
    Conv1D conv{.filters = filters,
                .kernel = of({1, 2, 3, 5}),
                .stride = of({1, 1, 2}),
                .groups = channels == filters && chance(2) ? channels : 1,
                .padding = word<Padding>(),
                .activation = word<Activation>(),
                .bias = !chance(4),
                .init = initializer()};
    if (conv.stride == 1) conv.dilation = of({1, 1, 2});
    if ((conv.kernel - 1) * conv.dilation >= shape_[0]) conv.padding = same;
    return conv;
  }

  // A window of pooling: {size, stride, padding}.
  template <class Pool>
  Layer pool() {
    Pool pool{.size = pair({1, 2, 2, 3}), .stride = pair({1, 2, 2}), .padding = word<Padding>()};
    if (pool.size.height > shape_[0] || pool.size.width > shape_[1]) pool.padding = same;
    return pool;
  }

  // Layers after which the shape is what it was.
  Layer keeping_layer(int depth) {
    switch (rng_.below(depth > 0 ? 6 : 5)) {
      case 0:
        return BatchNorm{.momentum = of({0, 1}) == 0 ? 0.9 : 0.99, .epsilon = 1e-2};
      case 1:
        return LayerNorm{.epsilon = 1e-2};
      case 2: {
        const double number = between(0.1, 0.6);
        return number < 0.45 ? Layer(Dropout{.rate = number}) : Layer(ScaleBy{.factor = number});
      }
      case 3:
        return Activate{.function = word<Activation>()};
      case 4:
        if (shape_.rank() == 3) {
          Conv2D conv{.filters = shape_[2],
                      .kernel = pair({1, 3}),
                      .padding = same,
                      .activation = word<Activation>(),
                      .init = initializer()};
          return conv;
        }
        return Dense{.units = shape_[0], .activation = word<Activation>(), .init = initializer()};
      default:
        return residual(depth - 1, true);
    }
  }

  Layer residual(int depth, bool keeps) {
    Residual layer;
    const Shape before = shape_;
    for (std::int64_t i = of({1, 2, 3}); i > 0; --i) add(layer.body, keeping_layer(depth));
    if (!keeps && chance(2)) {  // both ways to another shape
      if (before.rank() == 3) {
        const std::int64_t filters = of({3, 8}), stride = of({1, 2});
        add(layer.body, Conv2D{.filters = filters,
                               .kernel = 3,
                               .stride = stride,
                               .padding = same,
                               .init = initializer()});
        layer.shortcut.push_back(Conv2D{.filters = filters,
                                        .kernel = 1,
                                        .stride = stride,
                                        .padding = same,
                                        .init = initializer()});
      } else {
        const std::int64_t units = of({3, 9});
        add(layer.body, Dense{.units = units, .init = initializer()});
        layer.shortcut.push_back(Dense{.units = units, .bias = false, .init = initializer()});
      }
    } else if (chance(2)) {
      shape_ = before;
      layer.shortcut.push_back(keeping_layer(0));
    }
    shape_ = before;
    return layer;
  }

  Layer image_layer() {
    switch (rng_.below(8)) {
      case 0:
      case 1:
        return convolution(of({1, 4, 8, 17}), of({1, 1, 2}), word<Padding>());
      case 2:
        return pool<MaxPool>();
      case 3:
        return pool<AvgPool>();
      case 4:
        return residual(1, false);
      case 5:
        return chance(3) ? Layer(Dense{.units = of({2, 5}), .activation = word<Activation>()})
                         : keeping_layer(0);
      default:
        return keeping_layer(0);
    }
  }

  Layer flat_layer() {
    if (chance(4)) return residual(1, false);
    if (chance(2)) return keeping_layer(0);
    return Dense{.units = of({1, 5, 16, 33}),
                 .activation = word<Activation>(),
                 .bias = !chance(4),
                 .init = initializer()};
  }

  Optimizer optimizer() {
    switch (rng_.below(5)) {
      case 0:
        return Adam{.beta1 = chance(4) ? 0.0 : 0.9, .eps_root = chance(3) ? 1e-4 : 0};
      case 1:
        return Sgd{.rate = 0.05,
                   .momentum = chance(2) ? 0.9 : 0,
                   .nesterov = chance(2),
                   .weight_decay = chance(2) ? 0.01 : 0};
      case 2:
        return AdamW{};
      case 3:
        return RmsProp{.momentum = chance(2) ? 0.5 : 0, .centered = chance(2)};
      default:
        return Adagrad{.rate = 0.02};
    }
  }

  Schedule schedule() {
    switch (rng_.below(5)) {
      case 0:
        return ConstantRate{};
      case 1:
        return StepRate{.every = 1.5, .factor = 0.3, .warm_up = chance(2) ? 1.0 : 0.0};
      case 2:
        return CosineRate{.final = 0.1, .warm_up = chance(2) ? 0.5 : 0};
      case 3:
        return OneCycleRate{};
      default:
        return WarmUpRate{.epochs = 2};
    }
  }

  void draw_train(TrainOptions& train) {
    train.loss = word<Loss>();
    train.optimizer = optimizer();
    train.schedule = schedule();
    train.batch = of({1, 2, 5, 7});
    train.epochs = of({3, 8});
    train.seed = static_cast<std::int64_t>(rng_.below(1000));
    const bool is_entropy =
        train.loss == Loss::cross_entropy || train.loss == Loss::binary_cross_entropy;
    if (is_entropy && chance(3)) train.label_smoothing = 0.1;
    if (chance(3)) train.clip_norm = chance(2) ? 0.1 : 100;
  }

  void draw_input(RandomTraining& training) {
    InputOptions& input = training.recipe.input;
    if (chance(3)) {
      input.scale.kind = Scale::kStandard;
      input.scale.text = "standard";
    } else if (chance(3)) {
      set_field(input.scale, FieldValue(training.sample_type == DType::u8 ? 0.004 : 0.5));
      input.mean = {0.2};
      input.deviation = {0.7};
    }
  }

  Rng rng_;
  Shape shape_;
};

}  // namespace

RandomTraining random_training(std::uint64_t seed) {
  return seed % 10 == 9 ? Generator(seed).make_sequence() : Generator(seed).make();
}

}  // namespace treino::conformance
