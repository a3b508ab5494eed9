// SPDX-License-Identifier: Apache-2.0
#include "treino/data/index.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/data/files.h"
#include "treino/data/labels.h"
#include "treino/format/safetensors.h"

namespace treino::data {

namespace {

namespace fs = std::filesystem;
using format::SafeTensorsFile;
using Json = nlohmann::ordered_json;

constexpr const char* kVersion = "treino index 2";
constexpr std::int64_t kLeastBytes = std::int64_t{8} << 20;  // smaller sets are decoded at once
constexpr std::size_t kManyFiles = 500;                      // unless they are many files

// FNV-1a, 64 bits.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string stamps_of(const IndexKey& key) {
  std::string stamps = key.identity;
  for (const std::string& source : key.sources) stamps += "\n" + stamp_of(source);
  // Long lists are kept as a hash: a folder may hold a million pictures.
  return key.sources.size() < 50 ? stamps
                                 : fmt::format("{:016x} {}", hash_of(stamps), key.sources.size());
}

struct Part {
  const char* name;
  Split Dataset::*split;
};
constexpr Part kParts[] = {
    {"train", &Dataset::train}, {"test", &Dataset::test}, {"unlabelled", &Dataset::unlabelled}};

std::int64_t bytes_of(const Dataset& dataset) {
  std::size_t bytes = 0;
  for (const Part& part : kParts) {
    const Split& split = dataset.*part.split;
    if (split.samples) bytes += split.samples->bytes.size();
    if (split.texts) bytes += split.texts->memory().size();
  }
  return static_cast<std::int64_t>(bytes);
}

// Null when there is none of that name. Indexes are written whole and replaced, never written over.
std::shared_ptr<HostTensor> tensor_of(const SafeTensorsFile& file, const std::string& name) {
  const SafeTensorsFile::Entry* entry = file.find(name);
  return entry == nullptr ? nullptr : std::make_shared<HostTensor>(file.map(*entry));
}

std::string metadata_of(const SafeTensorsFile& file, std::string_view key) {
  for (const auto& [name, value] : file.metadata()) {
    if (name == key) return value;
  }
  return {};
}

std::shared_ptr<Texts> texts_of(const Json& columns, HostBytes memory, const HostTensor& cells,
                                const std::string& path) {
  const auto numbers = cells.as<std::int64_t>();
  std::vector<Texts::Cell> list;
  list.reserve(numbers.size() / 2);
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2)
    list.push_back({numbers[i], numbers[i + 1]});
  return std::make_shared<Texts>(columns.get<std::vector<std::string>>(), std::move(memory),
                                 std::move(list), path);
}

bool are_labels(const HostTensor& labels, std::int64_t count, std::size_t classes) {
  if (labels.dtype != DType::i32 || labels.shape.rank() != 1 || labels.shape[0] != count)
    return false;
  const auto values = labels.as<std::int32_t>();
  return first_outside(values, classes) == values.size();
}

bool is_sound(const Split& split, std::size_t classes) {
  if (split.samples) {
    const HostTensor& samples = *split.samples;
    if ((samples.dtype != DType::u8 || samples.shape.rank() != 4) &&
        (samples.dtype != DType::f32 || (samples.shape.rank() != 2 && samples.shape.rank() != 4)))
      return false;
    if (!split.labels || samples.shape[0] != split.size() || samples.shape.elements() == 0)
      return false;
  }
  if (split.labels && !are_labels(*split.labels, split.size(), classes)) return false;
  return !split.labels || !split.texts || split.texts->rows() == split.size();
}

// Whether a reader could have made it. The file's frame has been checked, but its bytes have no
// checksum, and what is used without another look are counts, shapes and labels.
bool is_sound(const Dataset& dataset) {
  const std::size_t classes = dataset.classes.size();
  for (const Part& part : kParts)
    if (!is_sound(dataset.*part.split, classes)) return false;
  const Split &train = dataset.train, &test = dataset.test;
  if (dataset.undivided && (!train.samples || test.size() > 0)) return false;
  if (!train.samples != !test.samples && test.size() > 0) return false;
  if (train.samples && test.samples &&
      (train.samples->dtype != test.samples->dtype || !(train.sample() == test.sample())))
    return false;
  for (const Labelling& other : dataset.other_labels) {
    if (!other.train || !are_labels(*other.train, train.size(), other.classes.size()) ||
        (other.test && !are_labels(*other.test, test.size(), other.classes.size())))
      return false;
  }
  return train.size() > 0 && (train.samples || train.texts);
}

bool read(const SafeTensorsFile& file, const std::string& path, Dataset& dataset) {
  const Json about = Json::parse(metadata_of(file, "about"));
  Dataset result = dataset;
  about.at("classes").get_to(result.classes);
  about.at("features").get_to(result.features);
  result.label_column = about.value("label_column", std::int64_t{-1});
  about.at("warnings").get_to(result.warnings);
  about.at("broken").get_to(result.broken);
  about.at("sha256").get_to(result.sha256);
  result.undivided = about.value("undivided", false);
  for (const Part& part : kParts) {
    Split& split = result.*part.split;
    const std::string name = part.name;
    split.samples = tensor_of(file, name + ".samples");
    split.labels = tensor_of(file, name + ".labels");
    if (const auto memory = tensor_of(file, name + ".texts")) {
      const auto cells = tensor_of(file, name + ".cells");
      if (!cells) return false;
      split.texts = texts_of(about.at("columns").at(name), std::move(memory->bytes), *cells, path);
    }
  }
  for (const Json& other : about.at("other_labels")) {
    const std::string name = other.at("name");
    result.other_labels.push_back({name, other.at("classes").get<std::vector<std::string>>(),
                                   tensor_of(file, "train." + name),
                                   tensor_of(file, "test." + name)});
  }
  if (!is_sound(result)) return false;
  dataset = std::move(result);
  return true;
}

void write(const IndexKey& key, Dataset& dataset) {
  format::NamedTensors tensors;
  std::vector<std::unique_ptr<HostTensor>> made;  // that only the file has
  Json about = {{"classes", dataset.classes},
                {"features", dataset.features},
                {"label_column", dataset.label_column},
                {"warnings", dataset.warnings},
                {"broken", dataset.broken},
                {"sha256", dataset.sha256},
                {"columns", Json::object()},
                {"other_labels", Json::array()},
                {"undivided", dataset.undivided}};
  for (const Part& part : kParts) {
    const Split& split = dataset.*part.split;
    const std::string name = part.name;
    if (split.samples) tensors.emplace_back(name + ".samples", split.samples.get());
    if (split.labels) tensors.emplace_back(name + ".labels", split.labels.get());
    if (!split.texts) continue;
    const Texts& texts = *split.texts;
    auto memory = std::make_unique<HostTensor>();
    memory->dtype = DType::u8;
    memory->shape = Shape{static_cast<std::int64_t>(texts.memory().size())};
    memory->bytes = texts.memory();
    auto cells = std::make_unique<HostTensor>(
        DType::i64, Shape{static_cast<std::int64_t>(texts.cells().size()), 2});
    for (std::size_t i = 0; i < texts.cells().size(); ++i) {
      cells->as<std::int64_t>()[2 * i] = texts.cells()[i].begin;
      cells->as<std::int64_t>()[2 * i + 1] = texts.cells()[i].length;
    }
    about["columns"][name] = texts.columns();
    tensors.emplace_back(name + ".texts", memory.get());
    tensors.emplace_back(name + ".cells", cells.get());
    made.push_back(std::move(memory));
    made.push_back(std::move(cells));
  }
  for (const Labelling& other : dataset.other_labels) {
    about["other_labels"].push_back({{"name", other.name}, {"classes", other.classes}});
    tensors.emplace_back("train." + other.name, other.train.get());
    if (other.test) tensors.emplace_back("test." + other.name, other.test.get());
  }
  make_folders(key.folder);
  format::write_safetensors(
      index_path(key), tensors,
      {{"format", kVersion},
       {"key", stamps_of(key)},
       {"about", about.dump(-1, ' ', false, Json::error_handler_t::replace)}});
}

}  // namespace

std::string index_path(const IndexKey& key) {
  return join(key.folder, fmt::format("index-{:016x}.safetensors", hash_of(key.identity)));
}

bool read_index(const IndexKey& key, Dataset& dataset) {
  const std::string path = index_path(key);
  if (!is_file(path)) return false;
  try {
    const SafeTensorsFile file(path);
    if (metadata_of(file, "format") != kVersion || metadata_of(file, "key") != stamps_of(key))
      return false;
    return read(file, path, dataset);
  } catch (const Error&) {  // damaged, or it cannot be read: the published files are there
    return false;
  } catch (const Json::exception&) {
    return false;
  }
}

void write_index(const IndexKey& key, Dataset& dataset) {
  const std::int64_t bytes = bytes_of(dataset);
  if (bytes < kLeastBytes && key.sources.size() < kManyFiles) return;
  // That of an undivided set depends on what will be its test part.
  if (dataset.sha256.empty() && !dataset.undivided) dataset.sha256 = digest(dataset);
  try {
    make_folders(key.folder);
    std::error_code error;
    const auto space = fs::space(key.folder, error);
    // Room is left for others: an index is a convenience.
    if (error || static_cast<std::int64_t>(space.available) < 2 * bytes + (std::int64_t{256} << 20))
      return;
    write(key, dataset);
  } catch (const Error&) {
  }
}

}  // namespace treino::data
