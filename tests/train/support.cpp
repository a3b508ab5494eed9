// SPDX-License-Identifier: Apache-2.0
#include "tests/train/support.h"

#include <algorithm>
#include <csignal>

#include "treino/backend/devices.h"
#include "treino/data/load.h"
#include "treino/format/safetensors.h"

namespace treino::train::test {

const std::string kDense = R"(
name = "dense"
data = "generated:blobs:203:50"
[[model]]
dense = { units = 24, activation = "relu" }
[[model]]
dropout = { rate = 0.3 }
[[model]]
dense = { units = 3, activation = "softmax" }
[train]
optimizer = { adam = { rate = 0.01 } }
batch = 16
epochs = 4
seed = 5
)";

const std::string kConv = R"(
name = "conv"
data = "generated:images:150:40"
[[model]]
conv2d = { filters = 8, kernel = 3, activation = "relu" }
[[model]]
batch_norm = {}
[[model]]
max_pool = { size = 2 }
[[model]]
dropout = { rate = 0.2 }
[[model]]
flatten = {}
[[model]]
dense = { units = 4, activation = "softmax" }
[train]
optimizer = { sgd = { rate = 0.02, momentum = 0.9 } }
batch = 16
epochs = 4
seed = 2
)";

const std::string kAugmented = R"(
name = "augmented"
data = "generated:images:150:40"
[input]
augment = [
  { flip = { direction = "both", probability = 0.4 } }, { crop = { pad = 2 } }, { shift = { fill = "edge" } },
  { rotate = { degrees = 20, fill = "reflect" } }, { brightness = 0.3 }, { contrast = 0.3 }, { cutout = 3 }, { mixup = 0.5 },
]
[[model]]
conv2d = { filters = 8, kernel = 3, activation = "relu" }
[[model]]
flatten = {}
[[model]]
dense = { units = 4, activation = "softmax" }
[train]
optimizer = { adam = { rate = 0.01 } }
batch = 16
epochs = 4
seed = 2
)";

const std::string kResidual = R"(
name = "residual"
data = "generated:images:100:20"
[[model]]
conv2d = { filters = 16, kernel = 3, padding = "same" }
[[model]]
residual = { body = [{ batch_norm = {} }, { activation = { function = "relu" } }, { conv2d = { filters = 16, kernel = 3, padding = "same" } }, { dropout = { rate = 0.1 } }] }
[[model]]
residual = { body = [{ conv2d = { filters = 8, kernel = 3, stride = 2, padding = "same" } }], shortcut = [{ conv2d = { filters = 8, kernel = 1, stride = 2 } }] }
[[model]]
global_avg_pool = {}
[[model]]
dense = { units = 4, activation = "softmax" }
[train]
optimizer = { rmsprop = { rate = 0.003 } }
batch = 9
epochs = 4
seed = 3
)";

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
