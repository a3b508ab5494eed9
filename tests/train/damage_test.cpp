// SPDX-License-Identifier: Apache-2.0
// What goes wrong says so in one line, and leaves what was there as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"
#include "treino/backend/devices.h"
#include "treino/base/file.h"
#include "treino/base/file_lock.h"
#include "treino/data/load.h"
#include "treino/format/safetensors.h"
#include "treino/train/evaluate.h"

namespace treino::train::test {
namespace {

using testing::HasSubstr;
using treino::test::error_of;
using treino::test::TemporaryFolder;

class Damage : public testing::Test {
 protected:
  // A run of two epochs.
  Damage() {
    Settings settings;
    settings.overrides = {{"train.epochs", "2"}};
    train(kDense, run(), settings);
  }

  std::string run() const { return folder_ / "run"; }
  std::string file(const std::string& name) const { return run() + "/" + name; }
  std::string checkpoint() const { return file("checkpoint/state.safetensors"); }

  std::string resume_error(const std::string& recipe = kDense, Settings settings = {}) {
    settings.resume = true;
    return error_of([&] { train(recipe, run(), settings); });
  }

  // Changes the checkpoint's metadata or tensors.
  template <class Change>
  void edit_checkpoint(Change change) {
    format::SafeTensors contents = format::read_safetensors(checkpoint());
    change(contents);
    format::write_safetensors(checkpoint(), contents);
  }

  TemporaryFolder folder_;
};

TEST_F(Damage, ALossThatIsNotFiniteNamesTheStepAndKeepsTheLastGoodCheckpoint) {
  const std::string out = folder_ / "nan";
  Settings settings;
  settings.overrides = {{"train.optimizer", "{ sgd = { rate = 1e30 } }"}, {"train.loss", "mse"}};
  const std::string line = error_of([&] { train(kDense, out, settings); }, Fault::work);
  EXPECT_THAT(line,
              testing::MatchesRegex(
                  "the loss is not finite from step [23] \\(epoch 1\\) on; try a smaller rate .*"));
  const std::vector<Event> events = events_of(out);
  EXPECT_EQ(events.back().name(), "exit");
  EXPECT_EQ(events.back().number("status"), 1);
  const double step = events.back().number("step").value();
  EXPECT_THAT(line, HasSubstr("from step " + std::to_string(static_cast<int>(step)) + " "));
  EXPECT_EQ(count(events, "epoch_stop"), 0U);
  // The checkpoint of before the first step is there: with another rate training goes on from it.
  settings.overrides[0].second = "{ sgd = { rate = 0.01 } }";
  train(kDense, folder_ / "clean", settings);
  settings.resume = true;
  train(kDense, out, settings);
  EXPECT_TRUE(state_of(out) == state_of(folder_ / "clean"));
}

// The step that is named is the first whose loss is no number: here all samples are good but one.
TEST_F(Damage, TheNamedStepIsTheOneWithTheBadSample) {
  data::Dataset dataset = data::load("generated:blobs:64:10");
  auto samples = std::make_shared<HostTensor>(*dataset.train.samples);
  samples->as<float>()[4 * 40] =
      std::numeric_limits<float>::quiet_NaN();  // sample 40: step 3 of 16s
  dataset.train.samples = samples;
  nn::Recipe recipe =
      nn::parse_recipe(kDense, "test.toml", std::vector<nn::Override>{{"train.shuffle", "false"}});
  const auto device = make_device("cpu", {.threads = 1});
  Observer silent;
  EXPECT_THAT(error_of([&] { fit(recipe, dataset, *device, {.out = folder_ / "bad"}, silent); },
                       Fault::work),
              HasSubstr("from step 3 (epoch 1) on"));
}

TEST_F(Damage, ARunThatExistsIsNotOverwritten) {
  const std::string before = state_of(run());
  EXPECT_THAT(error_of([&] { train(kDense, run()); }),
              HasSubstr("holds a run already; go on with --resume"));
  EXPECT_TRUE(state_of(run()) == before);
}

TEST_F(Damage, AFolderThatCannotBeWritten) {
  folder_.write("file", "x");
  EXPECT_THAT(error_of([&] { train(kDense, folder_ / "file/run"); }, Fault::work),
              HasSubstr(folder_ / "file/run"));
  EXPECT_THAT(error_of([&] { train(kDense, "/proc/run"); }, Fault::work), HasSubstr("/proc/run"));
}

TEST_F(Damage, TheCheckpointOfAnotherModel) {
  Settings settings;
  settings.overrides = {{"model.dense_1.units", "25"}};
  const std::string before = state_of(run());
  EXPECT_THAT(resume_error(kDense, settings),
              testing::AnyOf(HasSubstr("another model"), HasSubstr("kernels")));
  std::filesystem::remove_all(folder_ / "other");
  train(kDense, folder_ / "other", settings);
  std::filesystem::copy_file(folder_ / "other/checkpoint/state.safetensors", checkpoint(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(resume_error(), HasSubstr("it is the checkpoint of another model"));
  EXPECT_FALSE(state_of(run()) == before);
}

TEST_F(Damage, ACheckpointWithoutATensor) {
  edit_checkpoint(
      [](format::SafeTensors& contents) { contents.tensors.erase(contents.tensors.begin()); });
  EXPECT_THAT(resume_error(), HasSubstr("it is the checkpoint of another model"));
}

TEST_F(Damage, ACheckpointThatIsGone) {
  std::filesystem::remove(checkpoint());
  EXPECT_THAT(resume_error(), HasSubstr("state.safetensors: there is no such file"));
}

TEST_F(Damage, AFolderInWhichAnotherProcessTrains) {
  FileLock other(file(".lock"));
  ASSERT_TRUE(other.try_take());
  EXPECT_THAT(resume_error(), HasSubstr("another process is training in this folder"));
}

TEST_F(Damage, ARunThatNeverBeganIsNotInTheWay) {
  Settings settings;
  settings.events = "/nowhere/at/all";
  settings.overrides = {{"train.epochs", "1"}};
  const std::string dead = folder_ / "dead";
  EXPECT_THAT(error_of([&] { train(kDense, dead, settings); }, Fault::work),
              HasSubstr("/nowhere/at/all"));
  settings.events.clear();
  EXPECT_EQ(train(kDense, dead, settings).epochs.size(), 1U);
  EXPECT_THAT(error_of([&] { train(kDense, dead, settings); }), HasSubstr("holds a run already"));
}

// Of one step, whose loss is that before its update.
TEST_F(Damage, WeightsThatAreNotFiniteAfterTheLastStep) {
  Settings settings;
  settings.overrides = {{"train.epochs", "1"},
                        {"train.batch", "1000"},
                        {"train.optimizer", "sgd"},
                        {"train.optimizer.rate", "1e300"}};
  EXPECT_THAT(error_of([&] { train(kDense, folder_ / "wild", settings); }, Fault::work),
              HasSubstr("is not finite after epoch 1; try a smaller rate"));
}

class CheckedFit : public testing::Test {
 protected:
  std::string error(const nn::Recipe& recipe, const data::Dataset& dataset) {
    const auto device = make_device("cpu", {.threads = 1});
    Observer silent;
    return error_of([&] { fit(recipe, dataset, *device, {.out = folder_ / "run"}, silent); });
  }
  TemporaryFolder folder_;
  nn::Recipe recipe_ = nn::parse_recipe(kDense, "test.toml");
  data::Dataset dataset_ = data::load("generated:blobs:60:20");
};

TEST_F(CheckedFit, RefusesWhatTheRecipesReaderWould) {
  for (const std::int64_t batch : {0, -1}) {
    recipe_.train.batch = batch;
    EXPECT_THAT(error(recipe_, dataset_), HasSubstr("train.batch is"));
  }
  recipe_.train.batch = 8;
  recipe_.train.optimizer = nn::Adam{.rate = -1};
  EXPECT_THAT(error(recipe_, dataset_), HasSubstr("train.optimizer.adam.rate is -1"));
}

TEST_F(CheckedFit, RefusesLabelsThatAreNoClasses) {
  for (data::Split data::Dataset::*part : {&data::Dataset::train, &data::Dataset::test}) {
    data::Dataset wrong = dataset_;
    auto labels = std::make_shared<HostTensor>(*(wrong.*part).labels);
    labels->as<std::int32_t>()[5] = 40;
    (wrong.*part).labels = labels;
    EXPECT_THAT(error(recipe_, wrong), HasSubstr("sample 5 has label 40, but there are"));
  }
}

TEST_F(Damage, ACheckpointCutAnywhere) {
  const std::string whole = read_whole_file(checkpoint());
  for (std::size_t share = 0; share < 8; ++share) {
    write_whole_file(checkpoint(), whole.substr(0, whole.size() * share / 8));
    EXPECT_THAT(resume_error(), HasSubstr("state.safetensors: not a sound safetensors file"))
        << share;
  }
}

TEST_F(Damage, ACheckpointThatDoesNotSayWhereItStood) {
  edit_checkpoint([](format::SafeTensors& contents) { contents.metadata.clear(); });
  EXPECT_THAT(resume_error(), HasSubstr("does not say where the training stood; it is damaged"));
  edit_checkpoint([](format::SafeTensors& contents) {
    contents.metadata = {{"position", R"({"epoch":"two"})"}};
  });
  EXPECT_THAT(resume_error(), HasSubstr("does not say where the training stood; it is damaged"));
}

// Numbers that would have the device read beside the data, were they believed.
TEST_F(Damage, ACheckpointThatContradictsItself) {
  const std::string whole = read_whole_file(checkpoint());
  const auto with_position = [&](const char* from, const char* to) {
    write_whole_file(checkpoint(), whole);
    edit_checkpoint([&](format::SafeTensors& contents) {
      std::string& text = contents.metadata.at(0).second;
      const std::size_t at = text.find(from);
      ASSERT_NE(at, text.npos) << text;
      text.replace(at, std::string(from).size(), to);
    });
    return resume_error();
  };
  EXPECT_THAT(with_position("\"step\":0", "\"step\":-5"), HasSubstr("it is damaged"));
  EXPECT_THAT(with_position("\"step\":0", "\"step\":900"), HasSubstr("it is damaged"));
  EXPECT_THAT(with_position("\"step\":0", "\"step\":2"), HasSubstr("it is damaged"));
  EXPECT_THAT(with_position("\"epoch\":2", "\"epoch\":7"), HasSubstr("it is damaged"));
  write_whole_file(checkpoint(), whole);
  edit_checkpoint([](format::SafeTensors& contents) {
    for (auto& [name, tensor] : contents.tensors) {
      if (name == "counter.step") tensor = HostTensor::scalar<std::int64_t>(DType::i64, -3);
    }
  });
  EXPECT_THAT(resume_error(), HasSubstr("it is damaged"));
}

TEST_F(Damage, AnotherBatchOnResume) {
  Settings settings;
  settings.overrides = {{"train.batch", "8"}, {"train.epochs", "4"}};
  resume_error(kDense, settings);
}

TEST_F(Damage, OtherDataOnResume) {
  Settings settings;
  settings.data = "generated:blobs:204:50";
  EXPECT_THAT(resume_error(kDense, settings), HasSubstr("was trained on other data"));
}

TEST_F(Damage, AnotherDeviceOnResume) {
  Settings settings;
  settings.device = "reference";
  EXPECT_THAT(resume_error(kDense, settings), HasSubstr("was trained on device cpu"));
}

TEST_F(Damage, AnEnvironmentThatIsNoJson) {
  write_whole_file(file("environment.json"), "{\"device\":");
  EXPECT_THAT(resume_error(), HasSubstr("environment.json: is damaged"));
  const auto device = make_device("cpu");
  EXPECT_THAT(error_of([&] { Predictor(run(), *device); }),
              HasSubstr("environment.json: is damaged"));
}

TEST_F(Damage, ASampleShapeThatMakesNoSense) {
  const std::string text = read_whole_file(file("environment.json"));
  const std::size_t at = text.find("\"sample\": [");
  ASSERT_NE(at, text.npos);
  const std::size_t end = text.find(']', at);
  const auto device = make_device("cpu");
  for (const char* shape :
       {"[1,1,1,1,1,1,1,1,1]", "[-4]", "[0]", "[4000000000, 4000000000, 4000000000]"}) {
    write_whole_file(file("environment.json"),
                     text.substr(0, at) + "\"sample\": " + shape + text.substr(end + 1));
    error_of([&] { Predictor(run(), *device); });
  }
}

TEST_F(Damage, WeightsThatAreCutOrOfAnotherModel) {
  const auto device = make_device("cpu");
  const std::string whole = read_whole_file(file("model.safetensors"));
  for (std::size_t share = 0; share < 8; ++share) {
    write_whole_file(file("model.safetensors"), whole.substr(0, whole.size() * share / 8));
    EXPECT_THAT(error_of([&] { Predictor(run(), *device); }), HasSubstr("model.safetensors"))
        << share;
  }
  format::SafeTensors other;
  other.tensors.emplace_back("dense_1.kernel", HostTensor(DType::f32, Shape{4, 3}));
  format::write_safetensors(file("model.safetensors"), other);
  EXPECT_THAT(error_of([&] { Predictor(run(), *device); }),
              HasSubstr("it belongs to another model"));
  EXPECT_THAT(error_of([&] { Predictor(folder_ / "nowhere", *device); }), HasSubstr("nowhere"));
}

TEST_F(Damage, NoTrainingSamplesOrNoStep) {
  const auto device = make_device("cpu");
  Observer silent;
  const nn::Recipe recipe = nn::parse_recipe(kDense, "test.toml");
  EXPECT_THAT(error_of([&] {
                fit(recipe, data::Dataset{.name = "empty"}, *device, {.out = folder_ / "x"},
                    silent);
              }),
              HasSubstr("empty: has no training samples"));
  Settings settings;
  settings.data = "generated:blobs:20:10";
  settings.overrides = {{"train.batch", "64"}, {"train.last_batch", "drop"}};
  train(kDense, folder_ / "small", settings);  // the batch shrinks to the data: one step an epoch
  EXPECT_EQ(events_of(folder_ / "small").back().number("status"), 0);
  settings.overrides = {{"train.validation", "0.99"}};
  EXPECT_THAT(error_of([&] { train(kDense, folder_ / "held", settings); }),
              HasSubstr("train.validation"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "held/recipe.toml"));
}

}  // namespace
}  // namespace treino::train::test
