// SPDX-License-Identifier: Apache-2.0
#include "treino/train/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/system_file.h"
#include "treino/base/version.h"
#include "treino/format/safetensors.h"
#include "treino/train/checkpoint.h"

namespace treino::train {

namespace fs = std::filesystem;

std::string new_run_folder(const std::string& name) {
  std::string safe;
  for (char c : name) safe += c == '/' || c == ':' || c == ' ' ? '-' : c;
  const std::string base =
      fmt::format("runs/{}-{:%Y%m%d-%H%M%S}", safe, fmt::localtime(std::time(nullptr)));
  std::string folder = base;
  for (int i = 2; fs::exists(folder); ++i) folder = fmt::format("{}-{}", base, i);
  make_folders(folder);
  return folder;
}

bool holds_training(const std::string& folder) {
  const fs::path run(folder);
  return fs::exists(run / "recipe.toml") &&
         (fs::exists(run / "model.safetensors") || has_checkpoint(folder));
}

std::string find_run(const std::string& name) {
  std::string folder = name;
  if (name == "latest") {
    fs::file_time_type newest{};
    folder.clear();
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("runs", error)) {
      if (!holds_training(entry.path().string())) continue;
      const auto time = fs::last_write_time(entry.path() / "recipe.toml");
      if (folder.empty() || time > newest) newest = time, folder = entry.path().string();
    }
    if (folder.empty())
      throw Error::mistake("runs/: there is no run yet; train one with: treino train mnist");
  }
  if (!fs::exists(fs::path(folder) / "recipe.toml")) {
    throw Error::mistake(fmt::format("{}: is no run folder (it has no recipe.toml)", folder));
  }
  return folder;
}

namespace {

std::string environment_path(const std::string& folder) {
  return (fs::path(folder) / "environment.json").string();
}

}  // namespace

std::int64_t peak_memory() {
  const std::string text = value_in("/proc/self/status", "VmHWM");
  return text.empty() ? 0 : std::atoll(text.c_str()) * 1024;
}

void write_environment(const std::string& folder, const Environment& environment) {
  utsname system{};
  uname(&system);
  nlohmann::ordered_json json;
  json["treino"] = kVersion;
  json["device"] = environment.device;
  json["threads"] = environment.threads;
  json["cpu"] = cpu_model();
  json["memory"] = value_in("/proc/meminfo", "MemTotal");
  json["system"] = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  json["data"] = {
      {"name", environment.data_name},
      {"origin", environment.data_origin},
      {"sha256", environment.data_sha256},
      {"folder", environment.data_folder},
      {"classes", environment.classes},
      {"sample", std::vector<std::int64_t>(environment.sample.begin(), environment.sample.end())},
      {"type", std::string(to_string(environment.sample_type))}};
  if (!environment.features.empty()) json["data"]["features"] = environment.features;
  if (environment.label_column >= 0) json["data"]["label_column"] = environment.label_column;
  if (environment.fold.of > 0) {
    json["data"]["fold"] = environment.fold.number;
    json["data"]["folds"] = environment.fold.of;
  }
  json["kernels"] = environment.choices;
  auto heavy = nlohmann::ordered_json::array();
  for (const KernelChoice& choice : environment.heavy.ops) {
    heavy.push_back({{"op", choice.op},
                     {"shape", choice.shape},
                     {"kernel", choice.kernel},
                     {"slices", choice.slices}});
  }
  json["choices"] = {{"instruction_set", environment.heavy.instruction_set},
                     {"revision", environment.heavy.revision},
                     {"ops", heavy}};
  write_whole_file(environment_path(folder),
                   json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Environment read_environment(const std::string& folder) {
  const std::string path = environment_path(folder);
  const auto json = nlohmann::json::parse(read_whole_file(path), nullptr, false);
  try {
    Environment environment;
    environment.device = json.at("device");
    environment.threads = json.at("threads");
    const auto& data = json.at("data");
    environment.data_name = data.at("name");
    environment.data_origin = data.at("origin");
    environment.data_sha256 = data.at("sha256");
    environment.data_folder = data.value("folder", "");
    environment.classes = data.at("classes").get<std::vector<std::string>>();
    environment.features = data.value("features", std::vector<std::string>{});
    environment.label_column = data.value("label_column", std::int64_t{-1});
    environment.fold = {data.value("fold", 0), data.value("folds", 0)};
    environment.sample = Shape(data.at("sample").get<std::vector<std::int64_t>>());
    const std::string type = data.at("type");
    environment.sample_type = type == "u8" ? DType::u8 : type == "i32" ? DType::i32 : DType::f32;
    environment.choices = json.at("kernels").get<std::vector<std::string>>();
    if (!json.contains("choices")) return environment;
    environment.heavy.instruction_set = json.at("choices").at("instruction_set");
    environment.heavy.revision = json.at("choices").value("revision", 0);
    for (const auto& choice : json.at("choices").at("ops")) {
      environment.heavy.ops.push_back(
          {choice.at("op"), choice.at("shape"), choice.at("kernel"), choice.at("slices")});
    }
    return environment;
  } catch (const nlohmann::json::exception&) {
    throw Error::mistake(fmt::format("{}: is damaged; the run cannot be used without it", path));
  }
}

std::function<void()> take_model(const std::string& folder, const Store& store) {
  format::SafeTensors contents;
  for (int i = 0; i < static_cast<int>(store.variables().size()); ++i) {
    const Variable& variable = store.variables()[static_cast<std::size_t>(i)];
    if (variable.role != Role::parameter && variable.role != Role::statistic) continue;
    contents.tensors.emplace_back(variable.name, store.read(i));
  }
  contents.metadata.emplace_back("format", "treino");
  return [path = (fs::path(folder) / "model.safetensors").string(),
          contents = std::move(contents)] { format::write_safetensors(path, contents); };
}

}  // namespace treino::train
