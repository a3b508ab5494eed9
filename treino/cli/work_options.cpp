// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/work_options.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "treino/backend/devices.h"
#include "treino/base/error.h"
#include "treino/base/thread_team.h"
#include "treino/data/catalogue.h"

namespace treino::cli {

namespace fs = std::filesystem;

namespace {

// What CLI::AsSizeValue reads: it would take a minus for a very large size.
std::string is_size(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && number > 0 && number < 0x1p53 && text.find('-') == text.npos)
    return {};
  return fmt::format("{} is no size: use a number above 0 with a unit, such as 512MiB or 4GiB",
                     text);
}

}  // namespace

void add_device_options(CLI::App& app, DeviceChoice& choice) {
  app.add_option("--device", choice.device,
                 "cpu, cuda (NVIDIA GPU), or reference (slow, double precision)")
      ->capture_default_str();
  app.add_option("--threads", choice.threads, "default: the cores this process may use")
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  app.add_flag("--exact", choice.exact,
               "convolutions by their definition: no Winograd, no oneDNN, no cuDNN; slower");
  app.add_flag("--fast", choice.fast,
               "on a GPU: algorithms of cuDNN too that do not give the same bits again")
      ->excludes("--exact");
  app.add_option("--vram-limit", choice.vram_limit,
                 "most of the GPU's memory to take (512MiB, 4GiB); default: what is free")
      ->check(is_size, "")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
}

std::unique_ptr<Device> make_device(DeviceChoice& choice) {
  if (choice.vram_limit > 0 && choice.device != "cuda") {
    throw Error::mistake("--vram-limit is of a GPU's memory, and --device is " + choice.device +
                         "; leave it out, or add --device cuda");
  }
  if (choice.fast && choice.device != "cuda") {
    throw Error::mistake("--fast is for a GPU, and --device is " + choice.device +
                         "; leave it out, or add --device cuda");
  }
  if (choice.threads == 0) choice.threads = usable_threads();
  return treino::make_device(choice.device,
                             {.threads = choice.threads,
                              .exact = choice.exact,
                              .fast = choice.fast,
                              .vram_limit = static_cast<std::int64_t>(choice.vram_limit)});
}

namespace {

bool is_name(const std::string& data) {
  return data::find_row(data) != nullptr || data.rfind("generated:", 0) == 0;
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path full = fs::absolute(path, error);
  return error ? path : full.lexically_normal().string();
}

}  // namespace

void choose_data(const std::string& data, nn::Recipe& recipe, data::LoadOptions& options) {
  if (is_name(data)) {
    recipe.data = data;
    return;
  }
  std::error_code error;
  if (!data.empty() && !fs::exists(data, error)) {
    throw Error::mistake(fmt::format(
        "--data {}: no such folder or file, and no data set of that name (see: treino data list)",
        data));
  }
  const data::Row* row = data::find_row(recipe.data);
  if (data.empty()) {
    if (!is_name(recipe.data) && fs::exists(recipe.data, error)) {
      recipe.data = absolute(recipe.data);
    }
  } else if (row != nullptr && !row->sources(data).empty()) {
    options.folder = absolute(data);
  } else {
    recipe.data = absolute(data);
  }
}

}  // namespace treino::cli
