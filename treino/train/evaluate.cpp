// SPDX-License-Identifier: Apache-2.0
#include "treino/train/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/compiler/compile.h"
#include "treino/data/labels.h"
#include "treino/data/stream.h"
#include "treino/format/safetensors.h"
#include "treino/nn/steps.h"
#include "treino/train/order.h"
#include "treino/train/programs.h"

namespace treino::train {

namespace fs = std::filesystem;

struct Predictor::Loaded {
  std::int64_t batch;
  std::unique_ptr<Store> store;
  std::unique_ptr<Executable> executable;
};

Predictor::Predictor(const std::string& folder, Device& device)
    : device_(device),
      recipe_(nn::load_recipe((fs::path(folder) / "recipe.toml").string())),
      environment_(read_environment(folder)) {
  model_ = std::make_unique<nn::Model>(nn::build_model(
      recipe_, environment_.sample, static_cast<std::int64_t>(environment_.classes.size())));
  const std::string path = (fs::path(folder) / "model.safetensors").string();
  weights_ = format::read_safetensors(path).tensors;
  vocabulary_ = read_vocabulary(folder);
  for (const nn::LayerVariable& variable : nn::variables(*model_)) {
    const auto it = std::find_if(weights_.begin(), weights_.end(),
                                 [&](const auto& t) { return t.first == variable.name; });
    if (it == weights_.end() || !(it->second.shape == variable.shape)) {
      throw Error::mistake(fmt::format("{}: has no {} of shape {}; it belongs to another model",
                                       path, variable.name, to_string(variable.shape)));
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
  write_weights(*entry->store, geometry);
  entry->executable = device_.load(program, *entry->store);
  programs_.push_back(std::move(entry));
  return *programs_.back();
}

void Predictor::write_weights(Store& store, const nn::BatchGeometry& geometry) const {
  const nn::StepSpec spec{*model_, recipe_.input, recipe_.train};
  for (const auto& value : nn::initial_state(spec, geometry))
    write_known(store, value.name, value.tensor);
  for (const auto& [name, value] : weights_) write_known(store, name, value);
}

data::Split Predictor::encoded(const data::Split& split) const {
  if (!split.texts || split.samples) return split;
  if (!vocabulary_)
    throw Error::mistake("the set is made of texts, which the network was not trained on");
  return encode_split(split, *vocabulary_, environment_.sample[0]);
}

void Predictor::check_samples(const Shape& sample, DType type) const {
  if (sample == environment_.sample && type == environment_.sample_type) return;
  throw Error::mistake(fmt::format(
      "samples are {} {} where the network was trained on {} {}", to_string(type),
      to_string(sample), to_string(environment_.sample_type), to_string(environment_.sample)));
}

Predictor::Measured Predictor::measure(const data::Split& given) {
  if (given.size() == 0) throw Error::mistake("there are no samples to measure");
  const data::Split split = encoded(given);
  check_samples(split.sample(), split.type());
  const EpochPlan plan =
      plan_epoch(split.size(), std::min(kEvaluationBatch, split.size()), nn::LastBatch::partial);
  nn::BatchGeometry geometry;
  set_tables(split, plan, geometry);
  geometry.classes = static_cast<std::int64_t>(environment_.classes.size());
  geometry.confusion = true;
  Programs programs(device_);
  FeedPrograms feed = programs.compile("evaluate", nn::emit_evaluate_step,
                                       {*model_, recipe_.input, recipe_.train}, geometry, plan);
  Store& store = programs.make_store();
  write_weights(store, geometry);
  feed.feeder = make_feeder(store, feed, split);
  feed.feeder->set_order(epoch_order(hold_out(split.size(), 0, 0).training, plan, {0}, 0, 0));
  programs.load(feed);
  const Metrics metrics = evaluate_feed(store, feed);
  return {metrics, store.read(store.find(feed.feed.metric + ".confusion"))};
}

HostTensor Predictor::predict(const HostTensor& samples) {
  const std::int64_t count = samples.shape[0];
  check_samples(samples.shape.sub(1, samples.shape.rank()), samples.dtype);
  HostTensor result;
  const std::size_t row =
      samples.bytes.size() / static_cast<std::size_t>(std::max<std::int64_t>(count, 1));
  for (std::int64_t first = 0; first < count; first += kEvaluationBatch) {
    const std::int64_t batch = std::min(kEvaluationBatch, count - first);
    Loaded& program = loaded(batch);
    Shape shape = samples.shape;
    shape[0] = batch;
    HostTensor piece(samples.dtype, shape);
    std::copy_n(
        samples.bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * row),
        piece.bytes.size(), piece.bytes.begin());
    program.store->write(program.store->find("input.samples"), piece);
    program.executable->run(1);
    const HostTensor output = program.store->read("output.probabilities");
    if (result.bytes.empty()) {
      Shape all = output.shape;
      all[0] = count;
      result = HostTensor(DType::f32, all);
    }
    const std::size_t width = output.bytes.size() / static_cast<std::size_t>(batch);
    std::copy(output.bytes.begin(), output.bytes.end(),
              result.bytes.begin() +
                  static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * width));
  }
  return result;
}

namespace {

// Where each of `names` stands in `known`; -1: nowhere. In its own place where the names are but
// 0, 1, 2 ... and not all of them known.
std::vector<std::int32_t> places_of(const std::vector<std::string>& names,
                                    const std::vector<std::string>& known) {
  std::vector<std::int32_t> places, own;
  bool numbered = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = std::find(known.begin(), known.end(), names[i]);
    places.push_back(found == known.end() ? -1 : static_cast<std::int32_t>(found - known.begin()));
    own.push_back(i < known.size() ? static_cast<std::int32_t>(i) : -1);
    numbered = numbered && names[i] == std::to_string(i);
  }
  return numbered && std::ranges::count(places, -1) > 0 ? own : places;
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i)
    text += (i == 0 ? "" : ", ") + treino::quoted(names[i], 30);
  return names.size() > kMost ? text + fmt::format(" and {} more", names.size() - kMost) : text;
}

std::shared_ptr<const HostTensor> columns_in_order(const HostTensor& samples,
                                                   const std::vector<std::int32_t>& places) {
  auto result = std::make_shared<HostTensor>(samples.dtype, samples.shape);
  const auto from = samples.as<float>();
  const auto to = result->as<float>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::size_t column = i % places.size();
    to[i - column + static_cast<std::size_t>(places[column])] = from[i];
  }
  return result;
}

// A table's columns by the names they had in the training, where both have names.
void order_columns(const Predictor& predictor, const data::Dataset& dataset, data::Split& split) {
  const std::vector<std::string>& known = predictor.environment().features;
  if (known.empty() || dataset.features.empty() || known == dataset.features || !split.samples ||
      split.samples->dtype != DType::f32)
    return;
  const std::vector<std::int32_t> places = places_of(dataset.features, known);
  const auto unknown = std::ranges::find(places, -1);
  if (unknown != places.end() || places.size() != known.size()) {
    throw Error::mistake(fmt::format("{}: has the columns {}, but the network was trained on {}",
                                     dataset.name, list_of(dataset.features), list_of(known)));
  }
  split.samples = columns_in_order(*split.samples, places);
}

}  // namespace

data::Split known_to(const Predictor& predictor, const data::Dataset& dataset,
                     const data::Split& given) {
  data::Split split = given;
  order_columns(predictor, dataset, split);
  const std::vector<std::string>& known = predictor.environment().classes;
  if (dataset.classes == known || !split.labels) return split;
  const std::vector<std::int32_t> places = places_of(dataset.classes, known);
  auto labels = std::make_shared<HostTensor>(DType::i32, split.labels->shape);
  const auto from = split.labels->as<std::int32_t>();
  const auto to = labels->as<std::int32_t>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto label = static_cast<std::size_t>(from[i]);
    to[i] = label < places.size() ? places[label] : -1;
    if (to[i] < 0) {
      throw Error::mistake(fmt::format(
          "{}: has samples of class {}, but the network knows {}", dataset.name,
          label < places.size() ? treino::quoted(dataset.classes[label]) : std::to_string(from[i]),
          list_of(known)));
    }
  }
  split.labels = labels;
  return split;
}

Evaluation evaluate(Predictor& predictor, const data::Split& given) {
  if (given.size() == 0) throw Error::mistake("there are no samples to evaluate");
  const data::Split split = predictor.encoded(given);
  const auto labels = split.labels->as<std::int32_t>();
  const std::size_t classes = predictor.environment().classes.size();
  if (const std::size_t i = data::first_outside(labels, classes); i < labels.size()) {
    throw Error::mistake(fmt::format("sample {} has label {}, but the network knows {} classes", i,
                                     labels[i], classes));
  }
  const Predictor::Measured measured = predictor.measure(split);
  Evaluation result;
  result.metrics = measured.metrics;
  const auto counts = measured.confusion.as<float>();
  for (std::size_t c = 0; c < classes; ++c) {
    const auto row = counts.subspan(c * classes, classes);
    result.confusion.emplace_back(row.begin(), row.end());
  }
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
