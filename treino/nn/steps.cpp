// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/steps.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/graph/build.h"
#include "treino/nn/input_scaling.h"
#include "treino/nn/loss.h"
#include "treino/nn/optimizer_update.h"
#include "treino/nn/schedule_steps.h"

namespace treino::nn {

using namespace graph;

namespace {

Value counter(Graph& graph, const std::string& name) {
  return graph.variable(name, {Shape{}, DType::i64}, Role::counter);
}

void advance(Value counter, std::int64_t by) {
  assign(counter, counter + constant(*counter.graph, static_cast<double>(by), DType::i64));
}

Shape with_rows(std::int64_t rows, const Shape& sample) {
  Shape shape{rows};
  for (std::int64_t extent : sample) shape.append(extent);
  return shape;
}

struct Batch {
  Value samples;  // [batch, sample...] as stored
  Value labels;   // [batch] i32 or [batch, classes] f32
};

// The next rows in the feed's order; moves its offset.
Batch read_batch(Graph& graph, const BatchGeometry& geometry) {
  const Feed& feed = geometry.feed;
  const std::int64_t entries = geometry.order == 0 ? geometry.rows : geometry.order;
  const TensorType label_type = geometry.one_hot
                                    ? TensorType{Shape{geometry.rows, geometry.classes}, DType::f32}
                                    : TensorType{Shape{geometry.rows}, DType::i32};
  const Value order = graph.variable(feed.order, {Shape{entries}, DType::i32}, Role::data);
  const Value samples = graph.variable(
      feed.samples, {with_rows(geometry.rows, geometry.sample), geometry.sample_type}, Role::data);
  const Value labels = graph.variable(feed.labels, label_type, Role::data);
  const Value offset = counter(graph, feed.offset);
  const Value rows = window(order, offset, geometry.batch);
  advance(offset, geometry.batch);
  return {gather_rows(samples, rows), gather_rows(labels, rows)};
}

// The batch as the recipe's augmentations leave it, and its targets; those of 8-bit samples stay
// 8-bit.
Batch augmented(const StepSpec& spec, Batch batch, Value targets, Value seed, Value position) {
  Value& samples = batch.samples;
  const Shape stored = samples.shape();
  // Pictures that are stored flat have the model's shape.
  if (stored.rank() != 4 && spec.model.input().rank() == 3)
    samples = reshape(samples, with_rows(stored[0], spec.model.input()));
  std::uint32_t stream = 0;
  for (const Augmentation& one : spec.input.augment) {
    const auto attributes =
        attributes_of(one, samples.shape().sub(1, samples.shape().rank()), stream++);
    if (!attributes) continue;
    samples = augment(samples, seed, position, *attributes);
    if (attributes->change == Change::mixup)
      targets = augment(targets, seed, position, *attributes);
  }
  samples = reshape(samples, stored);
  return {samples, targets};
}

// Adds this batch to the feed's sums.
void add_metrics(Graph& graph, const BatchGeometry& geometry, Loss loss, Value sample_losses,
                 Value outputs, Value labels) {
  const auto add = [&](const char* name, Value amount) {
    const Value sum =
        graph.variable(geometry.feed.metric + "." + name, {Shape{}, DType::f64}, Role::metric);
    assign(sum, sum + amount);
  };
  add("loss_sum", reduce_sum(cast(sample_losses, DType::f64), {0}));
  add("correct", reduce_sum(correct_of(loss, outputs, labels), {0}));
  add("samples", constant(graph, static_cast<double>(geometry.batch), DType::f64));
}

// Counts this batch's samples by true class and guess. Exact up to 2^24 samples a pair.
void add_confusion(Graph& graph, const BatchGeometry& geometry, Loss loss, Value outputs,
                   Value labels) {
  const Shape pairs{geometry.classes, geometry.classes};
  const Value sum =
      graph.variable(geometry.feed.metric + ".confusion", {pairs, DType::f32}, Role::metric);
  assign(sum,
         sum + scatter_rows(one_hot(guess_of(loss, outputs), geometry.classes), labels, pairs));
}

// The losses [batch] times their classes' weights.
Value weighted(Graph& graph, const ClassWeights& weights, Value losses, Value labels) {
  if (weights.values.empty()) return losses;
  const auto classes = static_cast<std::int64_t>(weights.values.size());
  const Value table =
      graph.variable("loss.class_weights", {Shape{classes}, DType::f32}, Role::data);
  const Value targets = labels.shape().rank() == 2 ? labels : one_hot(labels, classes);
  return losses * reduce_sum(targets * table, {1});
}

// Remembers the first step (counted from 1) whose loss is not finite.
void watch_loss(Graph& graph, Value loss, Value step) {
  const Value bad = graph.variable("metric.bad_step", {Shape{}, DType::f64}, Role::metric);
  const Value zero = constant(graph, 0, DType::f64);
  const Value first = select(greater_equal(bad, zero), bad, step + 1.0);
  assign(bad, select(is_finite(cast(loss, DType::f64)), bad, first));
}

// Gradients scaled down together to a norm of at most `limit` (Pascanu et al. 2013).
void clip(std::vector<Trained>& parameters, double limit) {
  Value sum;
  for (const Trained& p : parameters) {
    std::vector<int> axes;
    for (int axis = 0; axis < p.gradient.shape().rank(); ++axis) axes.push_back(axis);
    const Value part = reduce_sum(square(p.gradient), axes);
    sum = sum.graph == nullptr ? part : sum + part;
  }
  if (sum.graph == nullptr) return;
  const Value most = constant(*sum.graph, limit, sum.dtype());
  const Value factor = limit / max(sqrt(sum), most);
  for (Trained& p : parameters) p.gradient = p.gradient * factor;
}

// The model's outputs [batch, n], logits where the loss folds the last function in.
Value forward(Emit& emit, const StepSpec& spec, Value samples) {
  Graph& graph = emit.graph();
  graph.set_scope("input");
  const Value x = samples.dtype() == DType::i32  // an embedding's numbers
                      ? reshape(samples, with_rows(samples.shape()[0], spec.model.input()))
                      : scale_input(graph, spec.input, samples, spec.model.input());
  graph.set_precision(spec.train.precision);
  return emit.sequence(
      "", without_activation(spec.model.layers(), folded_activation(spec.train.loss)), x);
}

void check(const StepSpec& spec, const BatchGeometry& geometry) {
  check_loss(spec.model, spec.train, geometry.classes);
  if (geometry.sample.elements() != spec.model.input().elements()) {
    throw Error::mistake(fmt::format("the model's input is {} but the data's samples are {}",
                                     to_string(spec.model.input()), to_string(geometry.sample)));
  }
  const std::vector<Layer>& layers = spec.model.layers();
  if (geometry.sample_type == DType::i32 && (layers.empty() || layers[0].name() != "embedding"))
    throw Error::mistake("the samples are a text's numbers; begin the model with embedding");
}

}  // namespace

Feed Feed::named(const std::string& name) {
  return {fmt::format("data.{}.samples", name), fmt::format("data.{}.labels", name),
          fmt::format("data.{}.order", name), fmt::format("counter.{}", name),
          fmt::format("metric.{}", name)};
}

void emit_train_step(Graph& graph, const StepSpec& spec, const BatchGeometry& geometry) {
  check(spec, geometry);
  graph.set_scope("batch");
  const Batch batch = read_batch(graph, geometry);
  const Value step = counter(graph, "counter.step"), position = counter(graph, "counter.position");
  const Value seed = counter(graph, "counter.seed");
  const std::int64_t width = spec.model.output().elements();
  const Batch seen = augmented(spec, batch, targets_of(batch.labels, width), seed, position);
  Emit emit(graph, seed, position);
  const Value outputs = forward(emit, spec, seen.samples);

  graph.set_scope("loss");
  const Value losses = weighted(graph, spec.train.class_weights,
                                loss_of(spec.train, outputs, seen.labels), batch.labels);
  const Value loss = mean(losses, {0});
  std::vector<Trained> parameters;
  for (const LayerVariable& variable : emit.variables()) {
    if (variable.role != Role::parameter) continue;
    parameters.push_back({variable.name, variable.value, gradient(loss, variable.value)});
  }

  graph.set_scope("optimizer");
  if (spec.train.clip_norm > 0) clip(parameters, spec.train.clip_norm);
  const Value completed = cast(step, DType::f64);
  const Value rate =
      schedule_factor(spec.train.schedule, completed, static_cast<double>(geometry.steps_per_epoch),
                      static_cast<double>(spec.train.epochs)) *
      nn::rate(spec.train.optimizer);
  emit_update(graph, spec.train.optimizer, rate, completed, parameters);

  graph.set_scope("metrics");
  add_metrics(graph, geometry, spec.train.loss, losses, outputs, batch.labels);
  watch_loss(graph, loss, completed);
  advance(step, 1);
  advance(position, geometry.batch);
  graph.set_scope("");
}

void emit_evaluate_step(Graph& graph, const StepSpec& spec, const BatchGeometry& geometry) {
  check(spec, geometry);
  graph.set_scope("batch");
  const Batch batch = read_batch(graph, geometry);
  Emit emit(graph, false);
  const Value outputs = forward(emit, spec, batch.samples);
  graph.set_scope("loss");
  const Value losses = loss_of(spec.train, outputs, targets_of(batch.labels, outputs.shape()[1]));
  graph.set_scope("metrics");
  add_metrics(graph, geometry, spec.train.loss, losses, outputs, batch.labels);
  if (geometry.confusion) add_confusion(graph, geometry, spec.train.loss, outputs, batch.labels);
  graph.set_scope("");
}

void emit_predict(Graph& graph, const StepSpec& spec, const BatchGeometry& geometry) {
  check(spec, geometry);
  graph.set_scope("batch");
  const Value samples = graph.variable(
      "input.samples", {with_rows(geometry.batch, geometry.sample), geometry.sample_type},
      Role::data);
  Emit emit(graph, false);
  const Value outputs = forward(emit, spec, samples);
  graph.set_scope("output");
  const Value result = activate(folded_activation(spec.train.loss), outputs);
  assign(graph.variable("output.probabilities", result.type(), Role::data), result);
  graph.set_scope("");
}

std::vector<NamedTensor> initial_state(const StepSpec& spec, const BatchGeometry& geometry) {
  std::vector<NamedTensor> state =
      initial_values(spec.model, static_cast<std::uint64_t>(spec.train.seed));
  for (NamedTensor& constant : input_constants(spec.input, geometry.sample, geometry.sample_type))
    state.push_back(std::move(constant));
  for (NamedTensor& slot : initial_slots(spec.train.optimizer, spec.model))
    state.push_back(std::move(slot));
  state.push_back({"counter.seed", HostTensor::scalar<std::int64_t>(DType::i64, spec.train.seed)});
  if (!spec.train.class_weights.values.empty()) {
    const std::vector<double>& weights = spec.train.class_weights.values;
    HostTensor table(DType::f32, Shape{static_cast<std::int64_t>(weights.size())});
    std::transform(weights.begin(), weights.end(), table.as<float>().begin(),
                   [](double weight) { return static_cast<float>(weight); });
    state.push_back({"loss.class_weights", std::move(table)});
  }
  state.push_back({"metric.bad_step", HostTensor::scalar<double>(DType::f64, -1)});
  return state;
}

void balance(TrainOptions& train, const HostTensor& labels, std::int64_t classes) {
  ClassWeights& weights = train.class_weights;
  if (weights.balanced) {
    std::vector<double> counts(static_cast<std::size_t>(classes));
    for (const std::int32_t label : labels.as<std::int32_t>()) {
      ++counts[static_cast<std::size_t>(label)];
    }
    const auto samples = static_cast<double>(labels.shape.elements());
    for (double& count : counts) {
      count = count > 0 ? samples / (static_cast<double>(classes) * count) : 0;
    }
    weights = {std::move(counts), false};
  }
  const auto given = static_cast<std::int64_t>(weights.values.size());
  if (given != 0 && given != classes) {
    throw Error::mistake(
        fmt::format("train.class_weights has {} numbers but the data have {} classes; use one a "
                    "class, or \"balanced\"",
                    given, classes));
  }
}

}  // namespace treino::nn
