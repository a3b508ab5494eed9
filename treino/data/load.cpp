// SPDX-License-Identifier: Apache-2.0
#include "treino/data/load.h"

#include <fmt/format.h>

#include <filesystem>

#include "treino/base/error.h"
#include "treino/base/suggest.h"
#include "treino/data/catalogue.h"
#include "treino/data/cifar.h"
#include "treino/data/csv.h"
#include "treino/data/download.h"
#include "treino/data/files.h"
#include "treino/data/generated.h"
#include "treino/data/idx.h"
#include "treino/data/image_folder.h"
#include "treino/data/locate.h"
#include "treino/data/split.h"

namespace treino::data {

namespace {

bool looks_like_path(const std::string& name) { return name.find('/') != name.npos || name == "." || name == ".."; }

std::vector<std::string_view> known_names() {
  std::vector<std::string_view> names;
  for (const Row& row : catalogue()) names.emplace_back(row.name);
  return names;
}

const Row& row_of(const std::string& name) {
  if (const Row* row = find_row(name)) return *row;
  throw Error::mistake(fmt::format("there is no data set \"{}\"{}", name, suggestion(name, known_names())));
}

void number_classes(Dataset& dataset) {
  std::int32_t most = 0;
  for (std::int32_t label : dataset.train.labels->as<std::int32_t>()) most = std::max(most, label);
  for (std::int32_t i = 0; i <= most; ++i) dataset.classes.push_back(std::to_string(i));
}

// A folder or file of the user's own: its format is told from what is in it.
Dataset load_path(const std::string& path, const LoadOptions& options) {
  Dataset dataset;
  dataset.name = std::filesystem::path(path).filename().string();
  dataset.origin = path;
  if (is_file(path)) {
    read_csv(path, {}, dataset);
    const Split all = dataset.train;
    const auto chosen = stratified_choice(*all.labels, options.test_fraction, options.seed);
    dataset.train = take(all, chosen, false);
    dataset.test = take(all, chosen, true);
  } else if (!is_folder(path)) {
    throw Error::mistake(fmt::format("{}: there is no such file or folder", path));
  } else if (has_idx(path, "train")) {
    dataset.train = read_idx(path, "train", 256);
    if (has_idx(path, "t10k")) dataset.test = read_idx(path, "t10k", 256);
    number_classes(dataset);
  } else if (is_file(join(path, kCifar10.test_name)) || is_file(join(join(path, kCifar10.subfolder), kCifar10.test_name))) {
    read_cifar(path, kCifar10, dataset);
  } else if (is_image_folder(path)) {
    read_image_folder(path, options, dataset);
  } else {
    throw Error::mistake(fmt::format("{}: holds no data set; wanted are class folders of PNG or JPEG pictures, IDX files "
                                     "(train-images-idx3-ubyte[.gz] ...) or CIFAR's .bin files", path));
  }
  return dataset;
}

void warn_of_excerpt(const Row& row, Dataset& dataset) {
  const std::int64_t total = dataset.train.size() + dataset.test.size();
  if (total < row.train + row.test) {
    dataset.warnings.push_back(fmt::format("{}: {} of {} samples are here: an excerpt", dataset.origin, total, row.train + row.test));
  }
}

}  // namespace

Dataset load(const std::string& name, const LoadOptions& options) {
  if (name.rfind("generated:", 0) == 0) return generate(name);
  const Row* row = find_row(name);
  if (row == nullptr) {
    if (!options.folder.empty()) return load_path(options.folder, options);
    if (looks_like_path(name) || is_file(name) || is_folder(name)) return load_path(name, options);
    row_of(name);  // throws
  }
  Place place = locate(*row);
  if (!options.folder.empty()) {
    if (!row->is_in(options.folder)) {
      throw Error::mistake(fmt::format("{}: {} is not in this folder; wanted are {}{}", options.folder, row->name,
                                       row->files[0].name, row->files.size() > 1 ? " and its companions" : ""));
    }
    place = {options.folder, options.folder};
  }
  if (place.folder.empty() && options.download) {
    download(*row, cache_folder(row->name), options.progress);
    place = {cache_folder(row->name), cache_folder(row->name) + " (downloaded)"};
  }
  if (place.folder.empty()) {
    throw Error::mistake(fmt::format("{} is not on this machine; fetch it with: treino data get {}", row->name, row->name));
  }
  Dataset dataset;
  dataset.name = row->name;
  dataset.origin = place.origin;
  row->read(place.folder, options, dataset);
  warn_of_excerpt(*row, dataset);
  return dataset;
}

std::vector<Entry> list() {
  std::vector<Entry> entries;
  for (const Row& row : catalogue()) {
    entries.push_back({row.name, row.title, row.licence, row.citation, row.train, row.test, row.classes, locate(row).folder});
  }
  return entries;
}

std::string path(const std::string& name) { return locate(row_of(name)).folder; }

std::string get(const std::string& name, const LoadOptions& options) {
  const Row& row = row_of(name);
  if (const Place place = locate(row); !place.folder.empty()) return place.folder;
  download(row, cache_folder(name), options.progress);
  return cache_folder(name);
}

std::vector<Verdict> verify(const std::string& name) {
  const Row& row = row_of(name);
  const Place place = locate(row);
  std::vector<Verdict> verdicts;
  for (const FileRow& file : row.files) {
    const std::string path = place.folder.empty() ? std::string() : join(place.folder, file.name);
    const bool there = !path.empty() && is_file(path);
    verdicts.push_back({file.name, !there ? "missing" : sha256_of_file(path) == file.sha256 ? "ok" : "differs"});
  }
  return verdicts;
}

}  // namespace treino::data
