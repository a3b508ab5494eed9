// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/network.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tests/support/places.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::golden {

namespace {

const std::string kFolder = test::source_folder() + "/tests/golden/";

nn::Recipe read_recipe(const std::string& name) {
  const std::string own = kFolder + "networks/" + name + ".toml";
  if (std::filesystem::exists(own)) return nn::load_recipe(own);
  const std::vector<nn::Override> off = {{"model.dropout_1.rate", "0"}};
  return nn::load_recipe(test::source_folder() + "/recipes/" + name + ".toml", off);
}

std::string text_of(const format::SafeTensors& values, const std::string& key) {
  const std::string* text = values.find_metadata(key);
  return text == nullptr ? throw Error::mistake("the golden file lacks " + key) : *text;
}

std::int64_t number_of(const format::SafeTensors& values, const std::string& key) {
  return std::stoll(text_of(values, key));
}

// Variables a state holds: not tables, counters or metrics, nor what [input] keeps.
bool of_state(const Variable& variable) {
  return variable.role == Role::optimizer || variable.role == Role::parameter ||
         (variable.role == Role::statistic && !variable.name.starts_with("input."));
}

HostTensor exact(const HostTensor& value) {
  HostTensor result(DType::f64, value.shape);
  std::ranges::copy(value.as<float>(), result.as<double>().begin());
  return result;
}

HostTensor count(std::int64_t value) {
  return HostTensor::scalar(DType::i64, value);
}

std::vector<double> numbers(const HostTensor& tensor) {
  return {tensor.as<double>().begin(), tensor.as<double>().end()};
}

// A program's own variables and what does not change from step to step written to them.
std::unique_ptr<Store> make_store(Device& device, const Network& network, const Program& program) {
  auto store = device.make_store(program.variables);
  std::map<std::string, HostTensor> fixed;
  for (nn::NamedTensor& value : nn::initial_state(network.spec(), network.geometry()))
    fixed[value.name] = std::move(value.tensor);
  fixed["data.samples"] = network.samples();
  fixed["data.labels"] = network.labels();
  fixed["data.order"] = network.order();
  for (const Variable& variable : program.variables) {
    const auto found = fixed.find(variable.name);
    if (found != fixed.end()) store->write(variable.name, found->second);
  }
  return store;
}

void write_state(Store& store, const State& state) {
  for (const Variable& variable : store.variables())
    if (of_state(variable)) store.write(variable.name, state.at(variable.name));
}

}  // namespace

Network::Network(const std::string& name)
    : name_(name),
      values_(format::read_safetensors(kFolder + "values/" + name + ".safetensors")),
      recipe_(read_recipe(name)),
      model_(nn::build_model(recipe_, Shape{})),
      steps_(number_of(values_, "steps")) {
  const std::string targets_kind = text_of(values_, "targets");
  geometry_.batch = recipe_.train.batch;
  geometry_.rows = number_of(values_, "rows");
  geometry_.order = steps_ * geometry_.batch;
  geometry_.sample = model_.input();
  geometry_.sample_type = text_of(values_, "samples") == "u8" ? DType::u8 : DType::f32;
  geometry_.classes = number_of(values_, "classes");
  geometry_.one_hot = targets_kind != "one";
  geometry_.steps_per_epoch = number_of(values_, "steps_per_epoch");
  Shape table{geometry_.rows};
  for (const std::int64_t extent : model_.input()) table.append(extent);
  samples_ = golden::samples(name, geometry_.sample_type, table, geometry_.classes);
  labels_ = targets(name, targets_kind, geometry_.rows, geometry_.classes);
  order_ = HostTensor(DType::i32, Shape{geometry_.order});
  for (std::int64_t i = 0; i < geometry_.order; ++i)
    order_.as<std::int32_t>()[static_cast<std::size_t>(i)] =
        static_cast<std::int32_t>(golden("order", i)[0]);
}

bool Network::has_convolutions() const {
  for (const std::string& parameter : names("gradient."))
    if (parameter.find("conv2d") != parameter.npos) return true;
  return false;
}

std::string Network::recipe_text() const {
  nn::Recipe unnamed = recipe_;
  unnamed.name.clear();
  return nn::write_recipe(unnamed);
}

std::span<const double> Network::golden(const std::string& tensor, std::int64_t row) const {
  const HostTensor* found = values_.find(tensor);
  if (found == nullptr) throw Error::mistake(name_ + " has no golden " + tensor);
  const auto width = static_cast<std::size_t>(found->shape.elements() / found->shape[0]);
  return found->as<double>().subspan(static_cast<std::size_t>(row) * width, width);
}

std::vector<std::string> Network::names(const std::string& start) const {
  std::vector<std::string> found;
  for (const auto& [tensor, value] : values_.tensors)
    if (tensor.starts_with(start)) found.push_back(tensor.substr(start.size()));
  return found;
}

double Network::largest_gradient(std::int64_t step) const {
  double largest = 0;
  for (const std::string& parameter : names("gradient."))
    largest = std::max(largest, norm(golden("gradient." + parameter, step)));
  return largest;
}

Mask Network::zero_gradient(const std::string& parameter, std::int64_t step) const {
  const auto gradient = golden("gradient." + parameter, step);
  const double limit = 1e-10 * largest_gradient(step);
  if (gradient.size() > kProjections) return Mask(gradient.size(), norm(gradient) < limit);
  Mask mask;
  for (const double number : gradient) mask.push_back(std::abs(number) < limit);
  return mask;
}

Mask Network::after_zero_gradient(const std::string& tensor, std::int64_t step) const {
  std::string parameter = tensor;
  if (tensor.starts_with("optimizer.")) parameter = tensor.substr(tensor.find('.', 10) + 1);
  if (values_.find("gradient." + parameter) == nullptr) return {};  // a statistic
  return zero_gradient(parameter, step);
}

Trainer::Trainer(Device& device, const Network& network, bool with_gradients) : network_(network) {
  nn::emit_train_step(graph_, network.spec(), network.geometry());
  const int emitted = static_cast<int>(graph_.nodes().size());
  for (int i = 0; with_gradients && i < emitted; ++i) {
    if (graph_.node(i).op != Op::gradient) continue;
    // The placeholder's second input is the parameter; the first node of a variable is its own.
    const Value parameter = graph_.node(i).inputs[1];
    for (const Variable& variable : std::vector(graph_.variables())) {
      if (!(graph_.variable(variable.name, variable.type, variable.role) == parameter)) continue;
      graph::assign(graph_.variable("golden." + variable.name, variable.type, Role::metric),
                    Value{&graph_, i, 0});
    }
  }
  const Program program = compiler::compile(graph_, device.target(), {.name = "golden"});
  store_ = make_store(device, network, program);
  program_ = device.load(program, *store_);
}

State Trainer::state() const {
  State state;
  const auto& variables = store_->variables();
  for (std::size_t i = 0; i < variables.size(); ++i)
    if (of_state(variables[i]))
      state[variables[i].name] = store_->read(static_cast<int>(i), DType::f64);
  return state;
}

void Trainer::start(const State& state, std::int64_t step) {
  write_state(*store_, state);
  store_->write("counter.step", count(step));
  store_->write("counter.offset", count(step * network_.geometry().batch));
  store_->write("counter.position", count(step * network_.geometry().batch));
}

double Trainer::step() {
  store_->write("metric.loss_sum", HostTensor::scalar(DType::f64, 0.0));
  program_->run(1);
  const HostTensor sum = store_->read(store_->find("metric.loss_sum"), DType::f64);
  return sum.as<double>()[0] / static_cast<double>(network_.geometry().batch);
}

std::vector<double> Trainer::gradient(const std::string& parameter) const {
  return numbers(store_->read(store_->find("golden." + parameter), DType::f64));
}

State starting_state(const Network& network) {
  State state;
  Graph graph;
  nn::emit_train_step(graph, network.spec(), network.geometry());
  for (const Variable& variable : graph.variables())
    if (of_state(variable)) state[variable.name] = HostTensor(DType::f64, variable.type.shape);
  for (const nn::NamedTensor& value : nn::initial_state(network.spec(), network.geometry())) {
    if (!state.contains(value.name)) continue;
    state[value.name] = exact(value.name.starts_with("optimizer.")
                                  ? value.tensor
                                  : starting_value(network.name(), value.name, value.tensor.shape));
  }
  return state;
}

Evaluation evaluate(Device& device, const Network& network, const State& state) {
  Graph graph;
  nn::emit_evaluate_step(graph, network.spec(), network.geometry());
  const Program program = compiler::compile(graph, device.target(), {.name = "evaluate"});
  const auto store = make_store(device, network, program);
  write_state(*store, state);
  device.load(program, *store)->run(1);
  const auto sum = [&](const char* name) {
    return store->read(store->find(name), DType::f64).as<double>()[0];
  };
  return {sum("metric.loss_sum") / sum("metric.samples"), sum("metric.correct")};
}

std::vector<double> predict(Device& device, const Network& network, const State& state) {
  Graph graph;
  nn::emit_predict(graph, network.spec(), network.geometry());
  const Program program = compiler::compile(graph, device.target(), {.name = "predict"});
  const auto store = make_store(device, network, program);
  write_state(*store, state);
  Shape shape{network.geometry().batch};
  for (const std::int64_t extent : network.geometry().sample) shape.append(extent);
  HostTensor first(network.geometry().sample_type, shape);
  std::copy_n(network.samples().bytes.begin(), first.bytes.size(), first.bytes.begin());
  store->write("input.samples", first);
  device.load(program, *store)->run(1);
  return numbers(store->read(store->find("output.probabilities"), DType::f64));
}

}  // namespace treino::golden
