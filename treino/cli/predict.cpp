// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "treino/base/error.h"
#include "treino/cli/commands.h"
#include "treino/cli/input_options.h"
#include "treino/cli/terminal.h"
#include "treino/cli/work_options.h"
#include "treino/data/load.h"
#include "treino/data/rows.h"
#include "treino/data/texts.h"
#include "treino/train/evaluate.h"

namespace treino::cli {

namespace {

struct Options {
  std::string run;
  std::vector<std::string> inputs;
  std::int64_t top = 1;
  DeviceChoice device;
  bool json = false, lines = false;
};

// One thing to name: a picture, or a row of a table.
struct Input {
  std::string name;
  HostTensor sample;  // [1, sample...]
};

bool is_table(const std::string& path) {
  const std::string_view plain =
      path.ends_with(".gz") ? std::string_view(path).substr(0, path.size() - 3) : path;
  return plain.ends_with(".csv") || plain.ends_with(".tsv") || plain.ends_with(".data");
}

void add_rows(const std::string& path, const train::Environment& environment,
              std::vector<Input>& inputs) {
  const Shape& sample = environment.sample;
  const HostTensor rows =
      data::read_rows(path, {sample.elements(), environment.features, environment.label_column});
  const auto width = static_cast<std::size_t>(sample.elements()) * sizeof(float);
  for (std::int64_t i = 0; i < rows.shape[0]; ++i) {
    HostTensor row(DType::f32, Shape{1, sample.elements()});
    std::copy_n(rows.bytes.begin() + static_cast<std::ptrdiff_t>(width) * i, width,
                row.bytes.begin());
    inputs.push_back({fmt::format("{}:{}", path, i + 1), std::move(row)});
  }
}

void add_picture(const std::string& path, const Shape& sample, const data::Geometry& geometry,
                 std::vector<Input>& inputs) {
  HostTensor picture = data::read_image(path, static_cast<int>(sample[2]));
  picture = data::fit_image(picture, geometry);  // as the training pictures were
  if (picture.shape[0] != sample[0] || picture.shape[1] != sample[1]) {
    tell("{}: is {}x{}, resized to the network's {}x{}\n", path, picture.shape[1], picture.shape[0],
         sample[1], sample[0]);
    picture = data::resize_image(picture, sample[0], sample[1]);
  }
  picture.shape = Shape{1, sample[0], sample[1], sample[2]};
  inputs.push_back({path, std::move(picture)});
}

// Each line of the file (- is standard input), or with `whole` all of it, is a text of its own.
void add_texts(const std::string& path, bool whole, const train::Predictor& predictor,
               std::vector<Input>& inputs) {
  data::Texts texts;
  std::vector<std::string> names;
  const auto add = [&](const std::string& text, const std::string& name) {
    texts.add(text);
    names.push_back(name);
  };
  std::ifstream file;
  if (path != "-") {
    file.open(path);
    if (!file || std::filesystem::is_directory(path))
      throw Error::mistake(fmt::format("{}: is no file that can be read", path));
  }
  std::istream& from = path == "-" ? std::cin : file;
  std::string line, all;
  for (std::int64_t number = 1; std::getline(from, line); ++number) {
    if (whole)
      all += line + "\n";
    else if (!line.empty())
      add(line, fmt::format("{}:{}", path, number));
  }
  if (whole) add(all, path);
  const std::int64_t length = predictor.environment().sample[0];
  const HostTensor numbers = predictor.vocabulary()->encode(texts, length);
  const auto bytes =
      static_cast<std::ptrdiff_t>(length) * static_cast<std::ptrdiff_t>(sizeof(std::int32_t));
  for (std::size_t i = 0; i < names.size(); ++i) {
    HostTensor one(DType::i32, Shape{1, length});
    std::copy_n(numbers.bytes.begin() + static_cast<std::ptrdiff_t>(i) * bytes, bytes,
                one.bytes.begin());
    inputs.push_back({names[i], std::move(one)});
  }
}

std::vector<Input> read_inputs(const Options& options, const train::Predictor& predictor) {
  const train::Environment& environment = predictor.environment();
  const data::Geometry geometry = geometry_of(predictor.recipe().input);
  std::vector<Input> inputs;
  if (predictor.vocabulary()) {
    for (const std::string& path : options.inputs)
      add_texts(path, !options.lines && path != "-", predictor, inputs);
    return inputs;
  }
  for (const std::string& path : options.inputs) {
    const bool wants_table = environment.sample_type == DType::f32;
    if (wants_table != is_table(path)) {
      throw Error::mistake(
          fmt::format("{}: the network takes {}", path,
                      wants_table ? "rows of numbers (.csv, .tsv)" : "pictures (PNG or JPEG)"));
    }
    if (wants_table) {
      add_rows(path, environment, inputs);
    } else {
      add_picture(path, environment.sample, geometry, inputs);
    }
  }
  return inputs;
}

// One number stands for the probability of the second of two classes.
std::vector<float> probabilities_of(const HostTensor& output) {
  const auto row = output.as<float>();
  if (row.size() == 1) return {1 - row[0], row[0]};
  return {row.begin(), row.end()};
}

std::vector<std::size_t> by_probability(const std::vector<float>& probabilities) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return probabilities[a] != probabilities[b] ? probabilities[a] > probabilities[b] : a < b;
  });
  return order;
}

int predict_inputs(Options options) {
  const std::string folder = train::find_run(options.run);
  const auto device = make_device(options.device);
  train::Predictor predictor(folder, *device);
  const std::vector<std::string>& classes = predictor.environment().classes;
  for (const Input& input : read_inputs(options, predictor)) {
    const std::vector<float> probabilities = probabilities_of(predictor.predict(input.sample));
    std::vector<std::size_t> order = by_probability(probabilities);
    order.resize(std::min(order.size(), static_cast<std::size_t>(options.top)));
    if (options.json) {
      nlohmann::ordered_json json{{"input", input.name},
                                  {"class", classes.at(order[0])},
                                  {"index", order[0]},
                                  {"probability", probabilities[order[0]]}};
      for (std::size_t i : order) {
        json["top"].push_back({{"class", classes.at(i)}, {"probability", probabilities[i]}});
      }
      fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      continue;
    }
    fmt::print("{}", input.name);
    for (std::size_t i : order) fmt::print("  {} {:.4f}", classes.at(i), probabilities[i]);
    fmt::print("\n");
  }
  return 0;
}

}  // namespace

void add_predict(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.add_option("RUN", options->run, "a run's folder, or latest")->required();
  app.add_option("INPUT", options->inputs,
                 "PNG or JPEG pictures, tables of rows (.csv, .tsv), or texts")
      ->required();
  app.add_option("--top", options->top, "show the K likeliest classes")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K")
      ->capture_default_str();
  add_device_options(app, options->device);
  app.add_flag("--lines", options->lines,
               "of a network for texts: each line of a file is a text of its own (the lines of\n"
               "standard input, -, always are)");
  app.add_flag("--json", options->json, "one JSON object a line");
  app.footer(
      "Examples:\n"
      "  treino predict latest digit.png\n"
      "  treino predict runs/mine --top 3 photos/*.jpg\n"
      "  treino predict runs/iris --json flowers.csv\n"
      "  treino predict runs/imdb review.txt\n"
      "  echo \"a fine film\" | treino predict runs/imdb -");
  app.callback([options, &action] { action = [options] { return predict_inputs(*options); }; });
}

}  // namespace treino::cli
