// SPDX-License-Identifier: Apache-2.0
#include "recipe_step.h"

#include <chrono>
#include <cstring>
#include <numeric>

#include "treino/backend/devices.h"
#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/nn/recipe.h"
#include "treino/nn/summary.h"

namespace treino::bench {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void take(HostTensor& tensor, const std::string& path) {
  const std::string bytes = read_whole_file(path);
  if (bytes.size() < tensor.bytes.size())
    throw Error::mistake(path + ": fewer bytes than the labels' samples need");
  std::memcpy(tensor.bytes.data(), bytes.data(), tensor.bytes.size());
}

}  // namespace

RecipeStep::RecipeStep(const StepOptions& options) : predict_(options.predict) {
  std::vector<nn::Override> fields;
  if (!options.precision.empty()) fields.emplace_back("train.precision", options.precision);
  nn::Recipe recipe = nn::load_recipe(options.recipe, fields);
  name_ = recipe.name;
  if (options.batch > 0) recipe.train.batch = options.batch;
  const std::vector<double>& extents = recipe.input.shape;
  geometry_.batch = recipe.train.batch;
  geometry_.rows = geometry_.batch * options.epoch;
  if (!options.labels.empty())
    geometry_.rows = static_cast<std::int64_t>(read_whole_file(options.labels).size() / 4);
  geometry_.sample = extents.empty() ? Shape{32, 32, 3} : Shape{};
  for (double extent : extents) geometry_.sample.append(static_cast<std::int64_t>(extent));
  geometry_.steps_per_epoch = geometry_.rows / geometry_.batch;
  const nn::Model model = nn::build_model(recipe, geometry_.sample);
  geometry_.classes = model.output().elements();
  parameters_ = nn::parameter_count(model);
  const nn::StepSpec spec{model, recipe.input, recipe.train};

  DeviceOptions device;
  device.threads = options.threads;
  device.onednn = options.onednn;
  device_ = make_device(options.device, device);
  Graph graph;
  if (predict_)
    nn::emit_predict(graph, spec, geometry_);
  else
    nn::emit_train_step(graph, spec, geometry_);
  Clock::time_point start = Clock::now();
  program_ = compiler::compile(graph, device_->target(), {.name = predict_ ? "predict" : "train"});
  compile_seconds_ = since(start);
  store_ = device_->make_store(program_.variables);
  const auto has = [&](const std::string& name) {
    for (const Variable& variable : program_.variables)
      if (variable.name == name) return true;
    return false;
  };
  for (const nn::NamedTensor& value : nn::initial_state(spec, geometry_))
    if (has(value.name)) store_->write(value.name, value.tensor);
  read_samples(options);
  start = Clock::now();
  executable_ = device_->load(program_, *store_);
  load_seconds_ = since(start);
}

void RecipeStep::read_samples(const StepOptions& options) {
  Rng rng(1, 1);
  const std::int64_t rows = predict_ ? geometry_.batch : geometry_.rows;
  Shape shape{rows};
  for (std::int64_t extent : geometry_.sample) shape.append(extent);
  auto samples = std::make_shared<HostTensor>(DType::u8, shape);
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{geometry_.rows});
  if (options.samples.empty()) {
    for (auto& x : samples->as<std::uint8_t>()) x = static_cast<std::uint8_t>(rng.next_u32());
  } else {
    take(*samples, options.samples);
  }
  if (predict_) {
    input_ = *samples;
    store_->write("input.samples", input_);
    return;
  }
  if (options.labels.empty()) {
    for (auto& x : labels->as<std::int32_t>())
      x = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(geometry_.classes)));
  } else {
    take(*labels, options.labels);
  }
  HostTensor order(DType::i32, Shape{geometry_.rows});
  const std::span<std::int32_t> rows_in_order = order.as<std::int32_t>();
  std::iota(rows_in_order.begin(), rows_in_order.end(), 0);
  for (std::size_t i = rows_in_order.size(); i > 1; --i)
    std::swap(rows_in_order[i - 1], rows_in_order[rng.below(i)]);
  store_->bind(store_->find("data.samples"), samples);
  store_->bind(store_->find("data.labels"), labels);
  store_->write("data.order", order);
}

std::int64_t RecipeStep::device_bytes() const {
  const std::int64_t own = device_->own_memory();
  return own > 0 ? own : state_bytes() + program_.arena_bytes;
}

std::int64_t RecipeStep::state_bytes() const {
  std::int64_t bytes = 0;
  for (const Variable& variable : program_.variables)
    bytes += variable.type.shape.elements() * host_bytes(variable.type.dtype);
  return bytes;
}

void RecipeStep::rewind() {
  if (!predict_) store_->write("counter.offset", HostTensor::scalar<std::int64_t>(DType::i64, 0));
  done_ = 0;
}

void RecipeStep::run(std::int64_t steps) {
  if (predict_) {
    for (std::int64_t i = 0; i < steps; ++i) {
      store_->write("input.samples", input_);
      executable_->run(1);
    }
    return;
  }
  while (steps > 0) {
    if (done_ >= geometry_.steps_per_epoch) rewind();
    const std::int64_t now = std::min(steps, geometry_.steps_per_epoch - done_);
    executable_->run(now);
    done_ += now;
    steps -= now;
  }
}

StepTimes RecipeStep::profile() {
  if (++done_ > geometry_.steps_per_epoch) rewind(), ++done_;
  return executable_->profile(1);
}

}  // namespace treino::bench
