// SPDX-License-Identifier: Apache-2.0
#include "treino/train/programs.h"

#include <algorithm>

#include "treino/compiler/compile.h"

namespace treino::train {

FeedPrograms Programs::compile(const std::string& name, Emitter emit, const nn::StepSpec& spec,
                               nn::BatchGeometry geometry, const EpochPlan& plan,
                               std::vector<std::pair<std::string, std::string>>* dump) {
  FeedPrograms programs;
  programs.feed = geometry.feed;
  programs.plan = plan;
  if (geometry.order == 0) geometry.order = plan.entries;
  geometry.steps_per_epoch = plan.steps();
  const auto make = [&](std::int64_t batch, const std::string& program_name) {
    geometry.batch = batch;
    Graph graph;
    emit(graph, spec, geometry);
    for (const Variable& variable : graph.variables()) {
      const bool known = std::any_of(variables_.begin(), variables_.end(),
                                     [&](const Variable& v) { return v.name == variable.name; });
      if (!known) variables_.push_back(variable);
    }
    return compiler::compile(graph, device_.target(),
                             {.name = program_name, .optimize = optimize_, .dump = dump});
  };
  if (plan.full > 0) programs.full = make(plan.batch, name);
  if (plan.remainder > 0) programs.remainder = make(plan.remainder, name + " (last batch)");
  return programs;
}

Store& Programs::make_store() {
  store_ = device_.make_store(variables_);
  return *store_;
}

void Programs::load(FeedPrograms& programs) {
  if (programs.plan.full > 0) programs.run_full = device_.load(programs.full, *store_);
  if (programs.plan.remainder > 0)
    programs.run_remainder = device_.load(programs.remainder, *store_);
}

std::vector<std::string> Programs::choices(const FeedPrograms& programs) {
  std::vector<std::string> lines;
  for (const Executable* executable : {programs.run_full.get(), programs.run_remainder.get()}) {
    if (executable == nullptr) continue;
    for (std::string& line : executable->choices()) lines.push_back(std::move(line));
  }
  return lines;
}

void Programs::add_heavy(const FeedPrograms& programs, std::vector<KernelChoice>& to) {
  for (const Executable* executable : {programs.run_full.get(), programs.run_remainder.get()}) {
    if (executable == nullptr) continue;
    for (KernelChoice& choice : executable->heavy_choices()) {
      const auto is_known = [&](const KernelChoice& known) { return known.same_op(choice); };
      if (std::none_of(to.begin(), to.end(), is_known)) to.push_back(std::move(choice));
    }
  }
}

namespace {

double scalar(const Store& store, const std::string& name) {
  return store.read(store.find(name), DType::f64).as<double>()[0];
}

}  // namespace

Metrics read_metrics(const Store& store, const nn::Feed& feed) {
  const double samples = scalar(store, feed.metric + ".samples");
  const double count = std::max(samples, 1.0);
  return {scalar(store, feed.metric + ".loss_sum") / count,
          scalar(store, feed.metric + ".correct") / count, static_cast<std::int64_t>(samples)};
}

void reset_metrics(Store& store, const nn::Feed& feed) {
  for (const char* sum : {".loss_sum", ".correct", ".samples"}) {
    store.write(store.find(feed.metric + sum), HostTensor::scalar(DType::f64, 0.0));
  }
}

void write_known(Store& store, const std::string& name, const HostTensor& value) {
  const auto& variables = store.variables();
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (variables[i].name == name) store.write(static_cast<int>(i), value);
  }
}

Metrics evaluate_feed(Store& store, FeedPrograms& programs) {
  reset_metrics(store, programs.feed);
  programs.feeder->seek(0);
  for (std::int64_t step = 0; step < programs.plan.steps();)
    step += programs.feeder->run(programs.plan.steps() - step);
  return read_metrics(store, programs.feed);
}

}  // namespace treino::train
