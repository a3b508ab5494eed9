// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda/trial.h"

namespace treino::cuda::test {

namespace {

std::shared_ptr<Device> cuda_device() {
  using treino::test::cuda_under_test;
  using treino::test::Environment;
  const Environment driver("TREINO_CUDA_DRIVER", cuda_under_test("TREINO_CUDA_DRIVER"));
  const Environment image("TREINO_CUDA_IMAGE", cuda_under_test("TREINO_CUDA_IMAGE"));
  return make_device("cuda");
}

}  // namespace

Trial::Trial(const std::string& recipe, std::int64_t batch) : Trial(recipe, batch, cuda_device()) {}

Trial::Trial(const std::string& recipe, std::int64_t batch, std::shared_ptr<Device> device)
    : device_(std::move(device)),
      recipe_(nn::parse_recipe(recipe, "test.toml",
                               std::vector<nn::Override>{{"train.batch", std::to_string(batch)}})),
      dataset_(data::load(recipe_.data)),
      model_(nn::build_model(recipe_, dataset_.train.sample(),
                             static_cast<std::int64_t>(dataset_.classes.size()))),
      programs_(*device_) {
  nn::standardize(recipe_.input, *dataset_.train.samples);
  const auto compile = [&](const char* name, auto emit, const nn::Feed& feed,
                           const data::Split& split, std::int64_t size) {
    const train::EpochPlan plan = train::plan_epoch(split.size(), size, nn::LastBatch::partial);
    geometry_ = {};
    train::set_tables(split, plan, geometry_);
    geometry_.classes = static_cast<std::int64_t>(dataset_.classes.size());
    geometry_.feed = feed;
    return programs_.compile(name, emit, spec(), geometry_, plan);
  };
  test_ = compile("evaluate", nn::emit_evaluate_step, nn::Feed::named("test"), dataset_.test, 8);
  training_ = compile("train", nn::emit_train_step, {}, dataset_.train, batch);
  geometry_.batch = batch;
  geometry_.steps_per_epoch = training_.plan.steps();
  Store& store = programs_.make_store();
  training_.feeder = train::make_feeder(store, training_, dataset_.train);
  test_.feeder = train::make_feeder(store, test_, dataset_.test);
  programs_.load(training_);
  programs_.load(test_);
  start();
}

void Trial::start() {
  Store& store = programs_.store();
  for (const Variable& variable : store.variables()) {
    if (variable.role != Role::data)
      store.write(variable.name, HostTensor(variable.type.dtype, variable.type.shape));
  }
  for (const auto& value : nn::initial_state(spec(), geometry_))
    store.write(store.find(value.name), value.tensor);
  const auto order = [](const train::FeedPrograms& feed) {
    return train::epoch_order(train::hold_out(feed.plan.samples(), 0, 0).training, feed.plan,
                              nn::Shuffle{}, 7, 0);
  };
  training_.feeder->set_order(order(training_));
  training_.feeder->seek(0);
  test_.feeder->set_order(order(test_));
}

std::string Trial::state() const {
  const Store& store = programs_.store();
  std::string all;
  for (const Variable& variable : store.variables()) {
    const HostTensor value = store.read(variable.name);
    all.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  }
  return all;
}

std::vector<const Program*> Trial::programs() const {
  std::vector<const Program*> all;
  for (const train::FeedPrograms* feed : {&training_, &test_}) {
    all.push_back(&feed->full);
    if (feed->plan.remainder > 0) all.push_back(&feed->remainder);
  }
  return all;
}

}  // namespace treino::cuda::test
