// SPDX-License-Identifier: Apache-2.0
#include "tests/train/support.h"

#include <algorithm>
#include <csignal>

#include "treino/backend/devices.h"
#include "treino/data/load.h"
#include "treino/format/safetensors.h"

namespace treino::train::test {

namespace {

// Four epochs of the layers, one a string.
std::string recipe(const std::string& name, const std::string& input,
                   const std::vector<std::string>& layers, const std::string& optimizer, int batch,
                   int seed) {
  std::string text = "name = \"" + name + "\"\n" + input + "\n";
  for (const std::string& layer : layers) text += "[[model]]\n" + layer + "\n";
  return text + "[train]\noptimizer = { " + optimizer + " }\nbatch = " + std::to_string(batch) +
         "\nepochs = 4\nseed = " + std::to_string(seed) + "\n";
}

}  // namespace

const std::string kDense =
    recipe("dense", R"(data = "generated:blobs:203:50")",
           {R"(dense = { units = 24, activation = "relu" })", "dropout = { rate = 0.3 }",
            R"(dense = { units = 3, activation = "softmax" })"},
           "adam = { rate = 0.01 }", 16, 5);

const std::string kConv =
    recipe("conv", R"(data = "generated:images:150:40")",
           {R"(conv2d = { filters = 8, kernel = 3, activation = "relu" })", "batch_norm = {}",
            "max_pool = { size = 2 }", "dropout = { rate = 0.2 }", "flatten = {}",
            R"(dense = { units = 4, activation = "softmax" })"},
           "sgd = { rate = 0.02, momentum = 0.9 }", 16, 2);

const std::string kAugmented =
    recipe("augmented", R"(data = "generated:images:150:40"
[input]
augment = [
  { flip = { direction = "both", probability = 0.4 } }, { crop = { pad = 2 } }, { shift = { fill = "edge" } },
  { rotate = { degrees = 20, fill = "reflect" } }, { brightness = 0.3 }, { contrast = 0.3 }, { cutout = 3 }, { mixup = 0.5 },
])",
           {R"(conv2d = { filters = 8, kernel = 3, activation = "relu" })", "flatten = {}",
            R"(dense = { units = 4, activation = "softmax" })"},
           "adam = { rate = 0.01 }", 16, 2);

const std::string kResidual = recipe(
    "residual", R"(data = "generated:images:100:20")",
    {R"(conv2d = { filters = 16, kernel = 3, padding = "same" })",
     R"(residual = { body = [{ batch_norm = {} }, { activation = { function = "relu" } }, { conv2d = { filters = 16, kernel = 3, padding = "same" } }, { dropout = { rate = 0.1 } }] })",
     R"(residual = { body = [{ conv2d = { filters = 8, kernel = 3, stride = 2, padding = "same" } }], shortcut = [{ conv2d = { filters = 8, kernel = 1, stride = 2 } }] })",
     "global_avg_pool = {}", R"(dense = { units = 4, activation = "softmax" })"},
    "rmsprop = { rate = 0.003 }", 9, 3);

FitResult train(const std::string& text, const std::string& folder, const Settings& settings) {
  nn::Recipe recipe = nn::parse_recipe(text, "test.toml", settings.overrides);
  const data::Dataset dataset = data::load(settings.data.empty() ? recipe.data : settings.data);
  const auto device =
      make_device(settings.device, {.threads = settings.threads, .onednn = settings.onednn});
  Observer silent;
  return fit(std::move(recipe), dataset, *device,
             {.out = folder,
              .resume = settings.resume,
              .events = settings.events,
              .threads = settings.threads},
             settings.observer != nullptr ? *settings.observer : silent);
}

FitResult train_in_two(const std::string& recipe, const std::string& folder, Settings settings) {
  settings.overrides.emplace_back("train.epochs", "2");
  train(recipe, folder, settings);
  settings.overrides.pop_back();
  settings.resume = true;
  return train(recipe, folder, settings);
}

std::string state_of(const std::string& folder) {
  std::string all;
  for (const char* file : {"/checkpoint/state.safetensors", "/model.safetensors"}) {
    for (const auto& [name, tensor] : format::read_safetensors(folder + file).tensors) {
      all += name + to_string(tensor.shape);
      all.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    }
  }
  return all;
}

std::vector<Event> events_of(const std::string& folder) {
  return read_events(folder + "/events.jsonl");
}

std::string epochs_of(const std::string& folder) {
  std::string all;
  for (const Event& event : events_of(folder)) {
    if (event.name() != "epoch_stop") continue;
    for (const char* key : {"epoch", "samples", "steps", "loss", "accuracy"})
      all += *event.json(key) + " ";
    all += "\n";
  }
  return all;
}

std::size_t count(const std::vector<Event>& events, const std::string& name) {
  return static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(), [&](const Event& event) { return event.name() == name; }));
}

void StopInEpoch::progress(const Progress& progress) {
  if (progress.epoch != epoch_) return;
  epoch_ = 0;
  std::raise(SIGINT);
}

void StopAfterEpoch::epoch_done(const EpochResult& result) {
  if (result.epoch == epoch_) std::raise(SIGINT);
}

}  // namespace treino::train::test
