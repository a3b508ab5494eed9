// SPDX-License-Identifier: Apache-2.0
#include "treino/train/checkpoint.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/format/safetensors.h"

namespace treino::train {

namespace fs = std::filesystem;

namespace {

std::string path_of(const std::string& folder, const char* name) {
  return (fs::path(folder) / "checkpoint" / name).string();
}

nlohmann::json to_json(const Position& p) {
  return {{"epoch", p.epoch},
          {"step", p.step},
          {"epoch_seconds", p.epoch_seconds},
          {"train_seconds", p.train_seconds},
          {"events_bytes", p.events_bytes},
          {"patience_used", p.patience_used},
          {"best", p.best},
          {"best_epoch", p.best_epoch}};
}

Position from_json(const nlohmann::json& json) {
  Position p;
  p.epoch = json.at("epoch");
  p.step = json.at("step");
  p.epoch_seconds = json.at("epoch_seconds");
  p.train_seconds = json.at("train_seconds");
  p.events_bytes = json.at("events_bytes");
  p.patience_used = json.at("patience_used");
  p.best = json.at("best");
  p.best_epoch = json.at("best_epoch");
  return p;
}

// The device's own precision is kept: the reference device's f32 tensors are doubles.
format::SafeTensors take(const Store& store, bool everything) {
  format::SafeTensors contents;
  for (int i = 0; i < static_cast<int>(store.variables().size()); ++i) {
    const Variable& variable = store.variables()[static_cast<std::size_t>(i)];
    if (variable.role == Role::data) continue;
    if (!everything && variable.role != Role::parameter && variable.role != Role::statistic)
      continue;
    contents.tensors.emplace_back(variable.name, store.read(i, store.exact_dtype(i)));
  }
  return contents;
}

void write(const std::string& path, const format::SafeTensors& contents) {
  make_folders(fs::path(path).parent_path().string());
  format::write_safetensors(path, contents);
}

format::SafeTensors load(const std::string& path, Store& store, bool everything) {
  format::SafeTensors contents = format::read_safetensors(path);
  std::vector<std::pair<int, const HostTensor*>> found;
  for (int i = 0; i < static_cast<int>(store.variables().size()); ++i) {
    const Variable& variable = store.variables()[static_cast<std::size_t>(i)];
    if (variable.role == Role::data) continue;
    if (!everything && variable.role != Role::parameter && variable.role != Role::statistic)
      continue;
    const HostTensor* tensor = contents.find(variable.name);
    if (tensor == nullptr) {
      throw Error::mistake(
          fmt::format("{}: has no {}; it is the checkpoint of another model", path, variable.name));
    }
    if (!(tensor->shape == variable.type.shape)) {
      throw Error::mistake(fmt::format(
          "{}: {} is {} where the recipe's model has {}; it is the checkpoint of another model",
          path, variable.name, to_string(tensor->shape), to_string(variable.type.shape)));
    }
    found.emplace_back(i, tensor);
  }
  for (const auto& [variable, tensor] : found) store.write(variable, *tensor);  // only once all fit
  return contents;
}

}  // namespace

std::function<void()> take_checkpoint(const std::string& folder, const Store& store,
                                      const Position& position) {
  format::SafeTensors contents = take(store, true);
  contents.metadata = {{"position", to_json(position).dump()}};
  return [path = path_of(folder, "state.safetensors"), contents = std::move(contents)] {
    write(path, contents);
  };
}

Position load_checkpoint(const std::string& folder, Store& store) {
  const std::string path = path_of(folder, "state.safetensors");
  const format::SafeTensors contents = load(path, store, true);
  const std::string* position = contents.find_metadata("position");
  try {
    return from_json(nlohmann::json::parse(position != nullptr ? *position : ""));
  } catch (const nlohmann::json::exception&) {
    throw Error::mistake(
        fmt::format("{}: does not say where the training stood; it is damaged", path));
  }
}

bool has_checkpoint(const std::string& folder) {
  return fs::exists(path_of(folder, "state.safetensors"));
}

void save_best(const std::string& folder, const Store& store) {
  write(path_of(folder, "best.safetensors"), take(store, false));
}

void load_best(const std::string& folder, Store& store) {
  load(path_of(folder, "best.safetensors"), store, false);
}

}  // namespace treino::train
