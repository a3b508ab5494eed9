// SPDX-License-Identifier: Apache-2.0
// Which device, how many threads, which data: what train, eval, predict and profile all ask.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "treino/data/load.h"
#include "treino/nn/recipe.h"
#include "treino/runtime/device.h"

namespace treino::cli {

struct DeviceChoice {
  std::string device = "cpu";
  int threads = 0;  // 0: the cores this process may use
  bool exact = false, fast = false;
  std::uint64_t vram_limit = 0;  // bytes; 0: none
};

// --device, --threads, --exact, --fast, --vram-limit.
void add_device_options(CLI::App& app, DeviceChoice& choice);
// Makes it; `choice.threads` becomes the number in force.
std::unique_ptr<Device> make_device(DeviceChoice& choice);

// --data names another set, or the folder that holds the recipe's set, or a folder or file of the
// user's own. Decides which and sets recipe.data (absolute for own data) and options.folder.
void choose_data(const std::string& data, nn::Recipe& recipe, data::LoadOptions& options);

}  // namespace treino::cli
