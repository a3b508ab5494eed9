// SPDX-License-Identifier: Apache-2.0
// Whole steps on the reference device, against the same arithmetic written out by hand.
#include "treino/nn/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"
#include "treino/nn/layers.h"
#include "treino/nn/optimizer_update.h"

namespace treino::nn {
namespace {

// A store and the programs over it, set up as training does.
class Bench {
 public:
  using EmitStep = void (*)(Graph&, const StepSpec&, const BatchGeometry&);

  Bench(EmitStep emit, const StepSpec& spec, const BatchGeometry& geometry,
        const char* device = "reference")
      : device_(make_device(device)) {
    emit(graph_, spec, geometry);
    program_ = compiler::compile(graph_, device_->target(), {.name = "test"});
    store_ = device_->make_store(program_.variables);
    for (const NamedTensor& value : initial_state(spec, geometry)) {
      if (has(value.name)) store_->write(value.name, value.tensor);
    }
    step_ = device_->load(program_, *store_);
  }

  bool has(const std::string& name) const {
    for (const Variable& variable : program_.variables) {
      if (variable.name == name) return true;
    }
    return false;
  }
  template <class T>
  void set(const std::string& name, DType type, Shape shape, std::vector<T> numbers) {
    HostTensor tensor(type, shape);
    std::copy(numbers.begin(), numbers.end(), tensor.as<T>().begin());
    store_->write(name, tensor);
  }
  void set_f32(const std::string& name, Shape shape, std::vector<float> numbers) {
    set(name, DType::f32, shape, numbers);
  }
  std::vector<double> get(const std::string& name) const {
    const HostTensor tensor = store_->read(store_->find(name), DType::f64);
    const auto numbers = tensor.as<double>();
    return {numbers.begin(), numbers.end()};
  }
  std::int64_t count(const std::string& name) const {
    return store_->read(name).as<std::int64_t>()[0];
  }
  void run(int steps) { step_->run(steps); }

 private:
  std::unique_ptr<Device> device_;
  Graph graph_;
  Program program_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Executable> step_;
};

// One output of two inputs, no bias: y = x . w; four samples in batches of two; labels 0 and 1.
constexpr double kX[4][2] = {{0.5, -1}, {2, 0.25}, {-1.5, 1}, {0.75, 3}};
constexpr int kLabel[4] = {0, 1, 1, 0};
constexpr double kStart[2] = {0.3, -0.2};

Model linear() {
  return input({2}) | Dense{.units = 1, .bias = false};
}

TrainOptions linear_options() {
  TrainOptions train;
  train.loss = Loss::mse;
  train.epochs = 3;
  return train;
}

BatchGeometry linear_geometry() {
  return {.batch = 2,
          .rows = 4,
          .sample = {2},
          .sample_type = DType::f32,
          .classes = 2,
          .steps_per_epoch = 2};
}

void fill_samples(Bench& bench) {
  std::vector<float> samples;
  for (const auto& x : kX)
    samples.insert(samples.end(), {static_cast<float>(x[0]), static_cast<float>(x[1])});
  bench.set_f32("data.samples", {4, 2}, samples);
  bench.set<std::int32_t>("data.order", DType::i32, {4}, {2, 0, 3, 1});
}

void fill_data(Bench& bench) {
  fill_samples(bench);
  bench.set<std::int32_t>("data.labels", DType::i32, {4},
                          {kLabel[0], kLabel[1], kLabel[2], kLabel[3]});
}

void fill(Bench& bench) {
  fill_data(bench);
  bench.set_f32("dense_1.kernel", {2, 1},
                {static_cast<float>(kStart[0]), static_cast<float>(kStart[1])});
}

struct ByHand {
  double w[2] = {static_cast<double>(static_cast<float>(kStart[0])),
                 static_cast<double>(static_cast<float>(kStart[1]))};
  double slot[3][2] = {};
  double loss_sum = 0;

  // Gradient of the mean squared error of step s's two samples.
  void gradient(int s, double g[2]) {
    constexpr int kOrder[4] = {2, 0, 3, 1};
    g[0] = g[1] = 0;
    for (int i = 0; i < 2; ++i) {
      const int row = kOrder[(2 * s + i) % 4];
      const double error = kX[row][0] * w[0] + kX[row][1] * w[1] - kLabel[row];
      loss_sum += error * error;
      for (int k = 0; k < 2; ++k) g[k] += error * kX[row][k];
    }
  }
};

// Runs six steps (three epochs) and compares weights; update(k, g, t, state) changes weight k.
void compare(const TrainOptions& train,
             const std::function<void(int, double, int, ByHand&)>& update, double clip = 0) {
  const Model model = linear();
  const InputOptions input;
  Bench bench(emit_train_step, {model, input, train}, linear_geometry());
  fill(bench);
  ByHand hand;
  for (int s = 0; s < 6; ++s) {
    if (s % 2 == 0) bench.set<std::int64_t>("counter.offset", DType::i64, {}, {0});
    bench.run(1);
    double g[2];
    hand.gradient(s, g);
    const double norm = std::hypot(g[0], g[1]);
    for (int k = 0; k < 2; ++k)
      update(k, clip > 0 && norm > clip ? g[k] * clip / norm : g[k], s + 1, hand);
    const auto w = bench.get("dense_1.kernel");
    EXPECT_NEAR(w[0], hand.w[0], 1e-12) << "step " << s;
    EXPECT_NEAR(w[1], hand.w[1], 1e-12) << "step " << s;
  }
  EXPECT_EQ(bench.count("counter.step"), 6);
  EXPECT_EQ(bench.count("counter.offset"), 4);
  EXPECT_EQ(bench.count("counter.position"), 12);
  EXPECT_EQ(bench.get("metric.samples")[0], 12);
  EXPECT_NEAR(bench.get("metric.loss_sum")[0], hand.loss_sum, 1e-11);
  EXPECT_EQ(bench.get("metric.bad_step")[0], -1);
}

// A device that rounds rates to f32 would differ by 1e-8; the reference holds f32 in double.
TEST(TrainStep, Sgd) {
  TrainOptions train = linear_options();
  train.optimizer = Sgd{.rate = 0.05};
  compare(train, [](int k, double g, int, ByHand& h) { h.w[k] -= 0.05 * g; });
}

TEST(TrainStep, SgdMomentumNesterovDecay) {
  TrainOptions train = linear_options();
  train.optimizer = Sgd{.rate = 0.05, .momentum = 0.9};
  compare(train, [](int k, double g, int, ByHand& h) {
    h.slot[0][k] = 0.9 * h.slot[0][k] - 0.05 * g;
    h.w[k] += h.slot[0][k];
  });
  train.optimizer = Sgd{.rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1};
  compare(train, [](int k, double g, int, ByHand& h) {
    h.w[k] -= h.w[k] * 0.1 * 0.05;
    h.slot[0][k] = 0.9 * h.slot[0][k] - 0.05 * g;
    h.w[k] += 0.9 * h.slot[0][k] - 0.05 * g;
  });
}

void adam(int k, double g, int t, ByHand& h, double rate, double epsilon, double root,
          double decay) {
  h.w[k] -= h.w[k] * decay * rate;
  h.slot[0][k] += (g - h.slot[0][k]) * (1 - 0.9);
  h.slot[1][k] += (g * g - h.slot[1][k]) * (1 - 0.999);
  const double alpha = rate * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t));
  h.w[k] -= h.slot[0][k] * alpha / (std::sqrt(h.slot[1][k] + root) + epsilon);
}

TEST(TrainStep, AdamAndAdamW) {
  TrainOptions train = linear_options();
  train.optimizer = Adam{.rate = 0.05};
  compare(train, [](int k, double g, int t, ByHand& h) { adam(k, g, t, h, 0.05, 1e-7, 0, 0); });
  train.optimizer = Adam{.rate = 0.05, .epsilon = 1e-8, .eps_root = 1e-3};
  compare(train, [](int k, double g, int t, ByHand& h) { adam(k, g, t, h, 0.05, 1e-8, 1e-3, 0); });
  train.optimizer = AdamW{.rate = 0.05};
  compare(train, [](int k, double g, int t, ByHand& h) { adam(k, g, t, h, 0.05, 1e-7, 0, 0.004); });
}

TEST(TrainStep, RmsPropAndAdagrad) {
  TrainOptions train = linear_options();
  train.optimizer = RmsProp{.rate = 0.02};
  compare(train, [](int k, double g, int, ByHand& h) {
    h.slot[0][k] = 0.9 * h.slot[0][k] + 0.1 * g * g;
    h.w[k] -= 0.02 * g / std::sqrt(h.slot[0][k] + 1e-7);
  });
  train.optimizer = RmsProp{.rate = 0.02, .momentum = 0.5, .centered = true};
  compare(train, [](int k, double g, int, ByHand& h) {
    h.slot[0][k] = 0.9 * h.slot[0][k] + 0.1 * g * g;
    h.slot[1][k] = 0.9 * h.slot[1][k] + 0.1 * g;
    h.slot[2][k] = 0.5 * h.slot[2][k] +
                   0.02 * g / std::sqrt(h.slot[0][k] - h.slot[1][k] * h.slot[1][k] + 1e-7);
    h.w[k] -= h.slot[2][k];
  });
  train.optimizer = Adagrad{.rate = 0.1};
  compare(train, [](int k, double g, int t, ByHand& h) {
    // Initial values travel as f32.
    h.slot[0][k] = (t == 1 ? static_cast<double>(0.1F) : h.slot[0][k]) + g * g;
    h.w[k] -= 0.1 * g / std::sqrt(h.slot[0][k] + 1e-7);
  });
}

TEST(TrainStep, ClippingScalesTheWholeGradient) {
  TrainOptions train = linear_options();
  train.optimizer = Sgd{.rate = 0.05};
  train.clip_norm = 0.7;
  compare(
      train, [](int k, double g, int, ByHand& h) { h.w[k] -= 0.05 * g; }, 0.7);
}

TEST(TrainStep, SchedulesRunOnTheDevice) {
  const Schedule schedules[] = {StepRate{.every = 1, .factor = 0.3, .warm_up = 0.5},
                                CosineRate{.final = 0.1, .warm_up = 1}, OneCycleRate{},
                                WarmUpRate{.epochs = 2}};
  for (const Schedule& schedule : schedules) {
    SCOPED_TRACE(schedule.index());
    TrainOptions train = linear_options();
    train.optimizer = Sgd{.rate = 0.05};
    train.schedule = schedule;
    compare(train, [&](int k, double g, int t, ByHand& h) {
      h.w[k] -= 0.05 * schedule_factor(schedule, t - 1, 2, 3) * g;
    });
  }
}

TEST(TrainStep, RemembersTheFirstLossThatIsNotFinite) {
  const Model model = linear();
  TrainOptions train = linear_options();
  train.optimizer = Sgd{.rate = 1e200};  // the second step's outputs overflow when squared
  Bench bench(emit_train_step, {model, InputOptions{}, train}, linear_geometry());
  fill(bench);
  bench.run(1);
  EXPECT_EQ(bench.get("metric.bad_step")[0], -1);
  bench.run(1);
  EXPECT_EQ(bench.get("metric.bad_step")[0], 2);
  bench.set<std::int64_t>("counter.offset", DType::i64, {}, {0});
  bench.run(2);
  EXPECT_EQ(bench.get("metric.bad_step")[0], 2);
}

TEST(TrainStep, LossesOfTwoClasses) {
  // From outputs z = x W with W = [[1, 0], [0, 1]], so z = x: losses of the first batch (rows 2 and
  // 0).
  const auto first_loss = [](Loss loss, double smoothing) {
    const Model model = input({2}) | Dense{.units = 2, .bias = false};
    TrainOptions train;
    train.loss = loss;
    train.label_smoothing = smoothing;
    const InputOptions input;
    BatchGeometry geometry = linear_geometry();
    Bench bench(emit_evaluate_step, {model, input, train}, geometry);
    fill_data(bench);
    bench.set_f32("dense_1.kernel", {2, 2}, {1, 0, 0, 1});
    bench.run(1);
    EXPECT_EQ(bench.get("metric.correct")[0], 2);
    return bench.get("metric.loss_sum")[0];
  };
  // Rows: z = (-1.5, 1) with class 1 and z = (0.5, -1) with class 0.
  const double cross = std::log1p(std::exp(-2.5)) + std::log1p(std::exp(-1.5));
  EXPECT_NEAR(first_loss(Loss::cross_entropy, 0), cross, 1e-12);
  // Smoothing s moves s/2 of the weight to the other logit, which is 2.5 and 1.5 lower.
  EXPECT_NEAR(first_loss(Loss::cross_entropy, 0.2), cross + 0.1 * (2.5 + 1.5), 1e-12);
  const auto binary = [](double z, double t) { return std::log1p(std::exp(z)) - t * z; };
  EXPECT_NEAR(first_loss(Loss::binary_cross_entropy, 0),
              (binary(-1.5, 0) + binary(1, 1)) / 2 + (binary(0.5, 1) + binary(-1, 0)) / 2, 1e-12);
  EXPECT_NEAR(first_loss(Loss::binary_cross_entropy, 0.2),
              (binary(-1.5, 0.1) + binary(1, 0.9)) / 2 + (binary(0.5, 0.9) + binary(-1, 0.1)) / 2,
              1e-12);
  EXPECT_NEAR(first_loss(Loss::mse, 0), (1.5 * 1.5 + 0) / 2 + (0.25 + 1) / 2, 1e-12);
  EXPECT_NEAR(first_loss(Loss::mae, 0), (1.5 + 0) / 2 + (0.5 + 1) / 2, 1e-12);
  EXPECT_NEAR(first_loss(Loss::huber, 0), (1.5 - 0.5) / 2 + (0.125 + 0.5) / 2, 1e-12);
}

TEST(TrainStep, OneHotLabelsAreTheSameAsIndices) {
  const Model model = input({2}) | Dense{.units = 2, .activation = softmax};
  const TrainOptions train;
  const InputOptions input;
  BatchGeometry geometry = linear_geometry(), hot = geometry;
  hot.one_hot = true;
  Bench a(emit_train_step, {model, input, train}, geometry),
      b(emit_train_step, {model, input, train}, hot);
  fill_samples(a), fill_samples(b);
  a.set<std::int32_t>("data.labels", DType::i32, {4}, {0, 1, 1, 0});
  b.set_f32("data.labels", {4, 2}, {1, 0, 0, 1, 0, 1, 1, 0});
  a.run(2), b.run(2);
  EXPECT_EQ(a.get("dense_1.kernel"), b.get("dense_1.kernel"));
  EXPECT_EQ(a.get("metric.correct"), b.get("metric.correct"));
}

TEST(TrainStep, BatchNormMovesItsStatistics) {
  const Model model = input({2}) | BatchNorm{.momentum = 0.8} | Dense{.units = 2};
  const TrainOptions train;
  const InputOptions input;
  Bench bench(emit_train_step, {model, input, train}, linear_geometry());
  fill_data(bench);
  bench.run(1);  // rows 2 and 0: columns (-1.5, 0.5) and (1, -1)
  EXPECT_NEAR(bench.get("batch_norm_1.mean")[0], 0.2 * -0.5, 1e-12);
  EXPECT_NEAR(bench.get("batch_norm_1.mean")[1], 0, 1e-12);
  EXPECT_NEAR(bench.get("batch_norm_1.variance")[0], 0.8 + 0.2 * 1, 1e-12);  // biased
  EXPECT_NEAR(bench.get("batch_norm_1.variance")[1], 0.8 + 0.2 * 1, 1e-12);
}

TEST(Input, ScalesMeansAndDeviations) {
  const auto outputs = [](InputOptions input, DType type) {
    const Model model = treino::nn::input({1, 1, 2}) | Flatten{};
    TrainOptions train;
    train.loss = Loss::mse;
    BatchGeometry geometry{
        .batch = 2, .rows = 2, .sample = {1, 1, 2}, .sample_type = type, .classes = 2};
    if (input.scale.kind == Scale::kStandard) {
      HostTensor samples(DType::u8, {2, 1, 1, 2});
      const std::uint8_t bytes[] = {0, 51, 100, 51};
      std::copy(std::begin(bytes), std::end(bytes), samples.as<std::uint8_t>().begin());
      standardize(input, samples);
    }
    Bench bench(emit_predict, {model, input, train}, geometry);
    if (type == DType::u8)
      bench.set<std::uint8_t>("input.samples", type, {2, 1, 1, 2}, {0, 51, 100, 51});
    else
      bench.set_f32("input.samples", {2, 1, 1, 2}, {0, 51, 100, 51});
    bench.run(1);
    return bench.get("output.probabilities");
  };
  using testing::DoubleNear;
  using testing::ElementsAre;
  const auto near = [](double x) { return DoubleNear(x, 1e-6); };
  InputOptions input;
  EXPECT_THAT(outputs(input, DType::u8),
              ElementsAre(near(0), near(0.2), near(100.0 / 255), near(0.2)));
  EXPECT_THAT(outputs(input, DType::f32), ElementsAre(0, 51, 100, 51));
  set_field(input.scale, FieldValue(std::string("1/51")));
  EXPECT_THAT(outputs(input, DType::u8), ElementsAre(near(0), near(1), near(100.0 / 51), near(1)));
  input.mean = {1};
  input.deviation = {2};
  EXPECT_THAT(outputs(input, DType::u8),
              ElementsAre(near(-0.5), near(0), near((100.0 / 51 - 1) / 2), near(0)));
  input.mean = {0, 1};
  input.deviation = {1, 4};
  EXPECT_THAT(outputs(input, DType::u8), ElementsAre(near(0), near(0), near(100.0 / 51), near(0)));
  InputOptions standard;
  set_field(standard.scale, FieldValue(std::string("standard")));
  EXPECT_THAT(outputs(standard, DType::u8), ElementsAre(near(-1), near(0), near(1), near(0)));
}

// As years, or what a sensor adds to all it says; on the device whose numbers are f32.
TEST(Input, StandardNumbersKeepTheirDigitsFarFromZero) {
  for (const std::vector<double>& mean : {std::vector<double>{1e6}, {1e6, 2e6}}) {
    InputOptions input;
    input.mean = mean;
    input.deviation = {3};
    const double second = mean.back();
    const Model model = treino::nn::input({2}) | Flatten{};
    TrainOptions train;
    train.loss = Loss::mse;
    BatchGeometry geometry{
        .batch = 2, .rows = 2, .sample = {2}, .sample_type = DType::f32, .classes = 2};
    Bench bench(emit_predict, {model, input, train}, geometry, "cpu");
    bench.set_f32("input.samples", {2, 2},
                  {1e6F + 1, static_cast<float>(second) - 2, 1e6F + 3, static_cast<float>(second)});
    bench.run(1);
    const auto out = bench.get("output.probabilities");
    const double expected[] = {1 / 3.0, -2 / 3.0, 1, 0};
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(out[i], expected[i], 1e-6) << i;
  }
}

// Where the input is black and biases are 0, as at the start: the slope from below is alpha, that
// of selu times its scale, as in Keras and PyTorch.
TEST(TrainStep, SlopeOfEluAtZero) {
  const auto bias_after = [](Activation activation) {
    const Model model = treino::nn::input({2}) | Dense{.units = 1, .activation = activation};
    TrainOptions train = linear_options();
    train.optimizer = Sgd{.rate = 0.5};
    const InputOptions input;
    Bench bench(emit_train_step, {model, input, train}, linear_geometry());
    fill_data(bench);
    bench.set_f32("dense_1.kernel", {2, 1}, {0, 0});
    bench.run(1);
    return bench.get("dense_1.bias")[0];
  };
  const double linear = bias_after(Activation::linear);
  EXPECT_NE(linear, 0);
  EXPECT_NEAR(bias_after(Activation::elu), linear, 1e-12);
  EXPECT_NEAR(bias_after(Activation::selu), linear * 1.6732632423543772 * 1.0507009873554805, 1e-9);
}

// In f32 1 - rate decay has steps of 6e-8.
TEST(TrainStep, DecayIsWhatItIsInF32) {
  const auto device = make_device("cpu");
  Graph graph;
  const TensorType type{Shape{64}, DType::f32};
  const Value w = graph.variable("w", type, Role::parameter),
              g = graph.variable("g", type, Role::parameter);
  emit_update(graph, Sgd{.rate = 1e-3, .weight_decay = 5e-4},
              graph::constant(graph, 1e-3, DType::f64), graph::constant(graph, 0, DType::f64),
              {{"w", w, g}});
  const Program program = compiler::compile(graph, device->target());
  const auto store = device->make_store(program.variables);
  HostTensor start(DType::f32, Shape{64});
  for (std::size_t i = 0; i < 64; ++i)
    start.as<float>()[i] = 0.11F + 0.0137F * static_cast<float>(i);
  store->write("w", start);
  device->load(program, *store)->run(2000);
  const HostTensor end = store->read("w");
  double decay = 0;
  for (std::size_t i = 0; i < 64; ++i)
    decay += std::log(static_cast<double>(start.as<float>()[i]) /
                      static_cast<double>(end.as<float>()[i])) /
             64;
  EXPECT_NEAR(decay, 2000 * 5e-7, 0.02 * 2000 * 5e-7);
}

TEST(Predict, GivesProbabilities) {
  const Model model = input({2}) | Dense{.units = 3, .activation = softmax};
  const TrainOptions train;
  const InputOptions input;
  BatchGeometry geometry{.batch = 2, .sample = {2}, .sample_type = DType::f32, .classes = 3};
  Bench bench(emit_predict, {model, input, train}, geometry);
  bench.set_f32("input.samples", {2, 2}, {1, 2, -3, 4});
  bench.run(1);
  const auto p = bench.get("output.probabilities");
  ASSERT_EQ(p.size(), 6U);
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-12);
  EXPECT_NEAR(p[3] + p[4] + p[5], 1, 1e-12);
}

TEST(TrainStep, Text) {
  const Model model = linear();
  TrainOptions train = linear_options();
  train.optimizer = Sgd{.rate = 0.5};
  Graph graph;
  emit_train_step(graph, {model, InputOptions{}, train}, linear_geometry());
  const std::string text = to_text(graph);
  EXPECT_THAT(text, testing::StartsWith("%0 = variable data.order : i32[4]  ; batch\n"
                                        "%1 = variable data.samples : f32[4, 2]  ; batch\n"
                                        "%2 = variable data.labels : i32[4]  ; batch\n"
                                        "%3 = variable counter.offset : i64[]  ; batch\n"
                                        "%4 = window(%0, %3) : i32[2]  ; batch\n"));
  EXPECT_THAT(text, testing::HasSubstr(" : f32[2, 1]  ; dense_1\n"));
  EXPECT_THAT(text, testing::HasSubstr("  ; optimizer.dense_1.kernel\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("optimizer.momentum")));
}

}  // namespace
}  // namespace treino::nn
