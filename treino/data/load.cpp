// SPDX-License-Identifier: Apache-2.0
#include "treino/data/load.h"

#include <fmt/format.h>

#include <filesystem>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/base/suggest.h"
#include "treino/base/utf8.h"
#include "treino/data/arrays.h"
#include "treino/data/catalogue.h"
#include "treino/data/cifar.h"
#include "treino/data/csv.h"
#include "treino/data/download.h"
#include "treino/data/files.h"
#include "treino/data/generated.h"
#include "treino/data/idx.h"
#include "treino/data/image_folder.h"
#include "treino/data/index.h"
#include "treino/data/labels.h"
#include "treino/data/locate.h"
#include "treino/data/split.h"
#include "treino/data/stream.h"

namespace treino::data {

namespace {

bool looks_like_path(const std::string& name) {
  return name.find('/') != name.npos || name == "." || name == "..";
}

const Row& row_of(const std::string& name) {
  if (const Row* row = find_row(name)) return *row;
  const std::string plain = name.substr(0, name.find(':'));
  std::vector<std::string_view> names;
  for (const Row* row : catalogue()) {
    if (plain == row->name) {
      throw Error::mistake(fmt::format(
          "{} has no labels \"{}\"{}", plain, name.substr(plain.size() + 1),
          row->variant[0] == '\0' ? "" : fmt::format("; it has {}:{}", plain, row->variant)));
    }
    names.emplace_back(row->name);
  }
  throw Error::mistake(fmt::format("there is no data set \"{}\"{}", name, suggestion(name, names)));
}

// The formats a path of the user's own may have, told from what is there.
struct OwnFormat {
  bool (*fits)(const std::string& path);
  std::vector<std::string> (*sources)(const std::string& path);
  void (*read)(const std::string& path, const LoadOptions&, Dataset&);
};

std::vector<std::string> itself(const std::string& path) {
  return {path};
}

void read_own_table(const std::string& path, const LoadOptions& options, Dataset& dataset) {
  read_csv(path, {.label = options.label}, dataset);
  dataset.undivided = true;
}

void read_own_idx(const std::string& path, const LoadOptions&, Dataset& dataset) {
  read_idx_set(path, 256, dataset);
  number_classes(dataset);
}

std::vector<std::string> both_idx(const std::string& path) {
  std::vector<std::string> files = idx_files(path, "train");
  for (std::string& file : idx_files(path, "t10k")) files.push_back(std::move(file));
  return files;
}

bool has_cifar(const std::string& path, const CifarLayout& layout) {
  return is_file(join(path, layout.test_name)) ||
         is_file(join(join(path, layout.subfolder), layout.test_name)) ||
         is_file(join(path, layout.archive));
}

constexpr OwnFormat kOwnFormats[] = {
    {is_array_file, itself, read_arrays},
    {is_file, itself, read_own_table},
    {[](const std::string& path) { return !idx_files(path, "train").empty(); }, both_idx,
     read_own_idx},
    {[](const std::string& path) { return has_cifar(path, kCifar10); },
     [](const std::string& path) { return cifar_files(path, kCifar10); },
     [](const std::string& path, const LoadOptions& options, Dataset& dataset) {
       kCifar10Row.read(path, options, dataset);
     }},
    {[](const std::string& path) { return has_cifar(path, kCifar100); },
     [](const std::string& path) { return cifar_files(path, kCifar100); },
     [](const std::string& path, const LoadOptions& options, Dataset& dataset) {
       kCifar100Row.read(path, options, dataset);
     }},
    {[](const std::string& path) { return !array_files(path).empty(); }, array_files, read_arrays},
    {is_image_folder, image_folder_files, read_image_folder},
};

// The options that shape what is read. The test part is split off later: its seed is that of the
// training, and every seed would have an index of its own.
std::string option_text(const LoadOptions& options) {
  return fmt::format("fit {} {}x{}, channels {}, label {}, strict {}",
                     static_cast<int>(options.geometry.fit), options.geometry.height,
                     options.geometry.width, options.channels, options.label, options.strict);
}

template <class Read>
void read_or_index(const LoadOptions& options, const std::string& folder,
                   const std::string& identity, std::vector<std::string> sources, Dataset& dataset,
                   Read&& read) {
  const IndexKey key{folder, identity + "\n" + option_text(options), std::move(sources)};
  if (!options.index || !read_index(key, dataset)) {
    read();
    if (options.index) write_index(key, dataset);
  }
  if (dataset.undivided) split_off_test(options, dataset);
}

bool wants_stream(const std::string& path, const LoadOptions& options) {
  if (options.stream == Stream::never) return false;
  if (!can_stream(path)) {
    if (options.stream == Stream::when_large) return false;
    throw Error::mistake(
        fmt::format("--stream {}: only a .safetensors file with train.samples and train.labels (or "
                    "x_train and y_train) can be streamed",
                    path));
  }
  const std::int64_t memory = available_memory();
  return options.stream == Stream::always || (memory >= 0 && sample_bytes(path) > memory / 2);
}

Dataset load_path(const std::string& path, const LoadOptions& options) {
  Dataset dataset;
  std::error_code error;
  const std::string whole = std::filesystem::weakly_canonical(path, error).string();
  dataset.name = std::filesystem::path(whole).filename().string();
  dataset.origin = path;
  if (!is_file(path) && !is_folder(path))
    throw Error::mistake(fmt::format("{}: there is no such file or folder", path));
  if (wants_stream(path, options)) {
    dataset = open_stream(path);
    dataset.name = std::filesystem::path(whole).filename().string();
    if (dataset.undivided) split_off_test(options, dataset);
    return dataset;
  }
  for (const OwnFormat& format : kOwnFormats) {
    if (!format.fits(path)) continue;
    read_or_index(options, cache_folder("own"), whole, format.sources(path), dataset,
                  [&] { format.read(path, options, dataset); });
    return dataset;
  }
  throw Error::mistake(fmt::format(
      "{}: holds no data set; wanted are class folders of PNG or JPEG pictures, IDX files "
      "(train-images-idx3-ubyte[.gz] ...), CIFAR's .bin files or x.npy and y.npy",
      path));
}

void warn_of_excerpt(const Row& row, Dataset& dataset) {
  const std::int64_t total = dataset.train.size() + dataset.test.size();
  if (total < row.train + row.test) {
    dataset.warnings.push_back(fmt::format("{}: {} of {} samples are here: an excerpt",
                                           dataset.origin, total, row.train + row.test));
  }
}

// A file under its published name but of another size is not the published one: worth a line, no
// more. Checksums are for after a download and for verify().
void warn_of_sizes(const Row& row, const std::string& folder, Dataset& dataset) {
  for (const FileRow& file : row.files) {
    std::error_code error;
    const auto bytes =
        static_cast<std::int64_t>(std::filesystem::file_size(join(folder, file.name), error));
    if (error || bytes == file.bytes) continue;
    dataset.warnings.push_back(fmt::format("{}: {} bytes where the published file has {}",
                                           join(folder, file.name), bytes, file.bytes));
  }
}

void choose_labels(const std::string& variant, Dataset& dataset) {
  for (Labelling& other : dataset.other_labels) {
    if (other.name != variant) continue;
    Labelling was{"fine", dataset.classes, dataset.train.labels, dataset.test.labels};
    dataset.classes = other.classes;
    dataset.train.labels = other.train;
    dataset.test.labels = other.test;
    other = std::move(was);
    dataset.sha256.clear();
    return;
  }
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::images:
      return "images";
    case Kind::table:
      return "table";
    case Kind::text:
      return "text";
    case Kind::questions:
      return "questions";
  }
  return "";
}

namespace {

// They go into files that are UTF-8.
void check_names(const Dataset& dataset) {
  const auto check = [&](const std::vector<std::string>& names, const char* what) {
    for (const std::string& name : names) {
      if (is_utf8(name)) continue;
      std::string shown;
      for (const char c : name) {
        const auto code = static_cast<unsigned char>(c);
        shown += code < 128 ? std::string(1, c) : fmt::format("\\x{:02x}", code);
      }
      throw Error::mistake(one_line(
          fmt::format("{}: the {} \"{}\" is not in UTF-8; rename it, or convert the file (iconv -f "
                      "latin1 -t utf8)",
                      dataset.origin, what, shown)));
    }
  };
  check(dataset.classes, "class");
  check(dataset.features, "column");
}

Dataset load_any(const std::string& name, const LoadOptions& options) {
  if (name.rfind("generated:", 0) == 0) return generate(name);
  const Row* row = find_row(name);
  if (row == nullptr) {
    if (find_row(name.substr(0, name.find(':'))) != nullptr) row_of(name);  // throws
    if (!options.folder.empty()) return load_path(options.folder, options);
    if (looks_like_path(name) || is_file(name) || is_folder(name)) return load_path(name, options);
    row_of(name);  // throws
  }
  if (options.stream == Stream::always)
    throw Error::mistake(fmt::format(
        "--stream {}: sets of the catalogue fit into memory; only a .safetensors file is "
        "streamed",
        name));
  Place place = options.folder.empty() ? locate(*row) : Place{options.folder, options.folder};
  if (!options.folder.empty() &&
      (!is_folder(options.folder) || row->sources(options.folder).empty())) {
    throw Error::mistake(fmt::format("{}: {} is not in this folder; wanted are {}{}",
                                     options.folder, row->name, row->files[0].name,
                                     row->files.size() > 1 ? " and its companions" : ""));
  }
  if (place.folder.empty() && options.download) {
    download(*row, cache_folder(row->name), options);
    place = {cache_folder(row->name), cache_folder(row->name) + " (downloaded)"};
  }
  if (place.folder.empty()) {
    throw Error::mistake(fmt::format("{} is not on this machine; fetch it with: treino data get {}",
                                     row->name, row->name));
  }
  LoadOptions fitting = options;
  if (options.geometry.fit == Geometry::as_is) fitting.geometry = row->geometry;
  Dataset dataset;
  dataset.name = name;
  dataset.origin = place.origin;
  read_or_index(fitting, cache_folder(row->name), row->name, row->sources(place.folder), dataset,
                [&] { row->read(place.folder, fitting, dataset); });
  if (const std::size_t colon = name.find(':'); colon != name.npos)
    choose_labels(name.substr(colon + 1), dataset);
  warn_of_excerpt(*row, dataset);
  // A distribution's package packs the same files anew.
  if (place.folder != row->system_folder) warn_of_sizes(*row, place.folder, dataset);
  return dataset;
}

}  // namespace

Dataset load(const std::string& name, const LoadOptions& options) {
  Dataset dataset = load_any(name, options);
  check_names(dataset);
  return dataset;
}

std::vector<Entry> list() {
  std::vector<Entry> entries;
  for (const Row* row : catalogue()) {
    Entry entry{row->name,   row->title, row->licence, row->citation, row->kind,
                row->sample, row->train, row->test,    row->classes};
    for (const FileRow& file : row->files) entry.bytes += file.bytes;
    entry.addresses.assign(row->addresses.begin(), row->addresses.end());
    entry.recipe = row->recipe;
    entry.variant = row->variant;
    entry.folder = locate(*row).folder;
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string path(const std::string& name) {
  return locate(row_of(name)).folder;
}

std::string get(const std::string& name, const LoadOptions& options, bool refresh) {
  const Row& row = row_of(name);
  const Place place = locate(row);
  if (!refresh && !place.folder.empty() && place.folder != cache_folder(row.name))
    return place.folder;
  if (!refresh && !place.folder.empty() && is_complete(row, place.folder)) return place.folder;
  download(row, cache_folder(row.name), options, refresh);
  return cache_folder(row.name);
}

std::int64_t remove(const std::string& name) {
  const Row& row = row_of(name);
  const std::string folder = cache_folder(row.name);
  std::error_code error;
  std::int64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder, error)) {
    if (file.is_regular_file(error)) bytes += static_cast<std::int64_t>(file.file_size(error));
  }
  std::filesystem::remove_all(folder, error);
  if (error) throw Error::work(fmt::format("{}: {}", folder, error.message()));
  return bytes;
}

std::vector<Verdict> verify(const std::string& name, const std::string& folder) {
  const Row& row = row_of(name);
  const std::string place = folder.empty() ? locate(row).folder : folder;
  std::vector<Verdict> verdicts;
  for (const FileRow& file : row.files) {
    const std::string path = place.empty() ? std::string() : join(place, file.name);
    const bool there = !path.empty() && is_file(path);
    verdicts.push_back({file.name, !there                                ? "missing"
                                   : sha256_of_file(path) == file.sha256 ? "ok"
                                                                         : "differs"});
  }
  return verdicts;
}

}  // namespace treino::data
