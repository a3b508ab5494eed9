// SPDX-License-Identifier: Apache-2.0
#include "treino/data/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/data/labels.h"
#include "treino/format/safetensors.h"

namespace treino::data {

namespace {

using format::SafeTensorsFile;

constexpr std::int64_t kPieceBytes = std::int64_t{8} << 20;

struct Names {
  const char* samples;
  const char* labels;
};
constexpr Names kTrain[] = {{"train.samples", "train.labels"}, {"x_train", "y_train"}};
constexpr Names kTest[] = {{"test.samples", "test.labels"}, {"x_test", "y_test"}};

const Names* find(const SafeTensorsFile& file, std::span<const Names> list) {
  for (const Names& names : list)
    if (file.find(names.samples) != nullptr && file.find(names.labels) != nullptr) return &names;
  return nullptr;
}

Split open_split(const SafeTensorsFile& file, const std::string& path, const Names& names) {
  Split split;
  split.file = std::make_shared<RowFile>(path, names.samples);
  split.labels = std::make_shared<HostTensor>(
      class_numbers(file.read(*file.find(names.labels)), split.file->shape()[0],
                    fmt::format("{}:{}", path, names.labels)));
  return split;
}

// The index files of the cache know names and checksum.
void read_about(const SafeTensorsFile& file, Dataset& dataset) {
  for (const auto& [key, value] : file.metadata()) {
    if (key != "about") continue;
    const auto about = nlohmann::json::parse(value, nullptr, false);
    if (!about.is_object()) return;
    const auto classes = about.find("classes");
    if (classes != about.end() && classes->is_array()) {
      for (const auto& name : *classes)
        if (name.is_string()) dataset.classes.push_back(name);
    }
    const auto sum = about.find("sha256");
    if (sum != about.end() && sum->is_string()) dataset.sha256 = *sum;
  }
}

// The smallest memory limit of this process's control groups less what they use; -1: none.
std::int64_t group_memory_left() {
  std::ifstream groups("/proc/self/cgroup");
  std::int64_t left = -1;
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::", 0) != 0) continue;
    for (std::filesystem::path path("/sys/fs/cgroup" + line.substr(3));;
         path = path.parent_path()) {
      std::ifstream most(path / "memory.max"), used(path / "memory.current");
      std::int64_t limit = 0, now = 0;
      if (most >> limit && used >> now) {
        const std::int64_t here = std::max<std::int64_t>(limit - now, 0);
        left = left < 0 ? here : std::min(left, here);
      }
      if (path == "/sys/fs/cgroup" || !path.has_relative_path()) break;
    }
  }
  return left;
}

}  // namespace

bool can_stream(const std::string& path) {
  std::error_code error;
  if (!path.ends_with(".safetensors") || !std::filesystem::is_regular_file(path, error))
    return false;
  return find(SafeTensorsFile(path), kTrain) != nullptr;
}

Dataset open_stream(const std::string& path) {
  const SafeTensorsFile file(path);
  const Names* train = find(file, kTrain);
  if (train == nullptr)
    throw Error::mistake(
        fmt::format("{}: has no train.samples and train.labels (or x_train and y_train); "
                    "it cannot be streamed",
                    path));
  Dataset dataset;
  dataset.name = std::filesystem::path(path).filename().string();
  dataset.origin = path;
  dataset.train = open_split(file, path, *train);
  const Names* test = find(file, kTest);
  dataset.undivided = test == nullptr;
  if (test != nullptr) {
    dataset.test = open_split(file, path, *test);
    const Shape &a = dataset.train.file->shape(), &b = dataset.test.file->shape();
    if (!(a.sub(1, a.rank()) == b.sub(1, b.rank())) ||
        dataset.train.file->dtype() != dataset.test.file->dtype())
      throw Error::mistake(fmt::format("{}: {} is {} but {} is {}", path, train->samples,
                                       to_string(a), test->samples, to_string(b)));
  }
  read_about(file, dataset);
  number_classes(dataset);
  return dataset;
}

std::int64_t sample_bytes(const std::string& path) {
  const SafeTensorsFile file(path);
  std::int64_t bytes = 0;
  for (const auto& entry : file.entries())
    bytes += static_cast<std::int64_t>(entry.end - entry.begin);
  return bytes;
}

std::int64_t available_memory() {
  std::ifstream lines("/proc/meminfo");
  std::int64_t available = -1;
  for (std::string key; lines >> key;) {
    std::int64_t kilobytes = 0;
    if (key == "MemAvailable:" && lines >> kilobytes) available = kilobytes * 1024;
    lines.ignore(1000, '\n');
  }
  const std::int64_t group = group_memory_left();
  return group < 0 ? available : available < 0 ? group : std::min(available, group);
}

void for_each_piece(const Split& split, const std::function<void(const HostTensor&)>& look) {
  if (!split.file) return look(*split.samples);
  const RowFile& file = *split.file;
  const std::int64_t rows = file.shape()[0];
  const std::int64_t most = std::max<std::int64_t>(kPieceBytes / file.row_bytes(), 1);
  for (std::int64_t first = 0; first < rows; first += most) {
    Shape shape = file.shape();
    shape[0] = std::min(most, rows - first);
    HostTensor piece(file.dtype(), shape);
    file.read(first, shape[0], piece.bytes.data());
    look(piece);
  }
}

}  // namespace treino::data
