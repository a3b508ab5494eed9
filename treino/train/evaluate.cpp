// SPDX-License-Identifier: Apache-2.0
#include "treino/train/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "treino/base/error.h"
#include "treino/compiler/compile.h"
#include "treino/format/safetensors.h"
#include "treino/nn/steps.h"
#include "treino/train/programs.h"

namespace treino::train {

namespace fs = std::filesystem;

struct Predictor::Loaded {
  std::int64_t batch;
  std::unique_ptr<Store> store;
  std::unique_ptr<Executable> executable;
};

Predictor::Predictor(const std::string& folder, Device& device)
    : device_(device), recipe_(nn::load_recipe((fs::path(folder) / "recipe.toml").string())),
      environment_(read_environment(folder)) {
  model_ = std::make_unique<nn::Model>(
      nn::build_model(recipe_, environment_.sample, static_cast<std::int64_t>(environment_.classes.size())));
  const std::string path = (fs::path(folder) / "model.safetensors").string();
  weights_ = format::read_safetensors(path).tensors;
  for (const nn::LayerVariable& variable : nn::variables(*model_)) {
    const auto it = std::find_if(weights_.begin(), weights_.end(), [&](const auto& t) { return t.first == variable.name; });
    if (it == weights_.end() || !(it->second.shape == variable.shape)) {
      throw Error::mistake(fmt::format("{}: has no {} of shape {}; it belongs to another model", path, variable.name, to_string(variable.shape)));
    }
  }
}

Predictor::~Predictor() = default;

Predictor::Loaded& Predictor::loaded(std::int64_t batch) {
  for (const auto& entry : programs_) {
    if (entry->batch == batch) return *entry;
  }
  nn::BatchGeometry geometry;
  geometry.batch = geometry.rows = batch;
  geometry.sample = environment_.sample;
  geometry.sample_type = environment_.sample_type;
  geometry.classes = static_cast<std::int64_t>(environment_.classes.size());
  const nn::StepSpec spec{*model_, recipe_.input, recipe_.train};
  Graph graph;
  nn::emit_predict(graph, spec, geometry);
  const Program program = compiler::compile(graph, device_.target(), {.name = "predict"});
  auto entry = std::make_unique<Loaded>();
  entry->batch = batch;
  entry->store = device_.make_store(program.variables);
  const auto& variables = entry->store->variables();
  const auto write = [&](const std::string& name, const HostTensor& value) {
    const auto it = std::find_if(variables.begin(), variables.end(), [&](const Variable& v) { return v.name == name; });
    if (it != variables.end()) entry->store->write(static_cast<int>(it - variables.begin()), value);
  };
  for (const auto& value : nn::initial_state(spec, geometry)) write(value.name, value.tensor);
  for (const auto& [name, value] : weights_) write(name, value);
  entry->executable = device_.load(program, *entry->store);
  programs_.push_back(std::move(entry));
  return *programs_.back();
}

HostTensor Predictor::predict(const HostTensor& samples) {
  constexpr std::int64_t kBatch = 64;
  const std::int64_t count = samples.shape[0];
  if (!(samples.shape.sub(1, samples.shape.rank()) == environment_.sample) || samples.dtype != environment_.sample_type) {
    throw Error::mistake(fmt::format("samples are {} where the network was trained on {}",
                                     to_string(samples.shape.sub(1, samples.shape.rank())), to_string(environment_.sample)));
  }
  HostTensor result;
  const std::size_t row = samples.bytes.size() / static_cast<std::size_t>(std::max<std::int64_t>(count, 1));
  for (std::int64_t first = 0; first < count; first += kBatch) {
    const std::int64_t batch = std::min(kBatch, count - first);
    Loaded& program = loaded(batch);
    Shape shape = samples.shape;
    shape[0] = batch;
    HostTensor piece(samples.dtype, shape);
    std::copy_n(samples.bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * row), piece.bytes.size(), piece.bytes.begin());
    program.store->write(program.store->find("input.samples"), piece);
    program.executable->run(1);
    const HostTensor output = program.store->read("output.probabilities");
    if (result.bytes.empty()) {
      Shape all = output.shape;
      all[0] = count;
      result = HostTensor(DType::f32, all);
    }
    const std::size_t width = output.bytes.size() / static_cast<std::size_t>(batch);
    std::copy(output.bytes.begin(), output.bytes.end(), result.bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * width));
  }
  return result;
}

Evaluation evaluate(Predictor& predictor, const data::Split& split) {
  const HostTensor output = predictor.predict(*split.samples);
  const auto probabilities = output.as<float>();
  const auto labels = split.labels->as<std::int32_t>();
  const std::size_t classes = predictor.environment().classes.size();
  const bool is_likelihood = predictor.recipe().train.loss == nn::Loss::cross_entropy;
  Evaluation result;
  result.confusion.assign(classes, std::vector<std::int64_t>(classes, 0));
  double correct = 0, loss = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto* row = probabilities.data() + i * classes;
    const auto label = static_cast<std::size_t>(labels[i]);
    if (label >= classes) throw Error::mistake(fmt::format("sample {} has label {}, but the network knows {} classes", i, label, classes));
    const auto guess = static_cast<std::size_t>(std::max_element(row, row + classes) - row);
    ++result.confusion[label][guess];
    correct += guess == label ? 1 : 0;
    if (is_likelihood) loss -= std::log(std::max(static_cast<double>(row[label]), 1e-45));
  }
  const double count = static_cast<double>(std::max<std::size_t>(labels.size(), 1));
  result.metrics = {loss / count, correct / count, static_cast<std::int64_t>(labels.size())};
  for (std::size_t c = 0; c < classes; ++c) {
    ClassReport report;
    report.name = predictor.environment().classes[c];
    std::int64_t predicted = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      report.support += result.confusion[c][k];
      predicted += result.confusion[k][c];
    }
    const auto hits = static_cast<double>(result.confusion[c][c]);
    report.precision = predicted > 0 ? hits / static_cast<double>(predicted) : 0;
    report.recall = report.support > 0 ? hits / static_cast<double>(report.support) : 0;
    const double sum = report.precision + report.recall;
    report.f1 = sum > 0 ? 2 * report.precision * report.recall / sum : 0;
    result.classes.push_back(report);
  }
  return result;
}

}  // namespace treino::train
