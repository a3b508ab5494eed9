// SPDX-License-Identifier: Apache-2.0
#include "treino/data/arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/data/files.h"
#include "treino/data/labels.h"
#include "treino/format/npy.h"
#include "treino/format/safetensors.h"

namespace treino::data {

namespace {

using Arrays = std::vector<std::pair<std::string, HostTensor>>;
using Words = std::initializer_list<const char*>;

constexpr Words kTrainSamples{
    "x_train", "X_train", "train_images", "train_samples", "train.samples", "train_x",
    "x",       "X",       "samples",      "images",        "data"};
constexpr Words kTrainLabels{"y_train", "train_labels", "train.labels", "train_y", "y",
                             "Y",       "labels",       "label",        "target"};
constexpr Words kTestSamples{"x_test",       "X_test",       "test_images",
                             "test_samples", "test.samples", "test_x"};
constexpr Words kTestLabels{"y_test", "test_labels", "test.labels", "test_y"};

const Arrays::value_type* find(const Arrays& arrays, Words words) {
  for (const char* word : words) {
    for (const auto& array : arrays) {
      if (array.first == word) return &array;
    }
  }
  return nullptr;
}

Arrays read_all(const std::string& path) {
  if (path.ends_with(".npz")) return format::read_npz(path);
  if (path.ends_with(".safetensors")) return format::read_safetensors(path).tensors;
  Arrays arrays;
  for (const std::string& file : array_files(path)) {
    const std::string name = file.substr(file.find_last_of('/') + 1);
    arrays.emplace_back(name.substr(0, name.size() - 4), format::read_npy(file));
  }
  return arrays;
}

template <class T>
void to_floats(const std::string& place, const HostTensor& from, HostTensor& to) {
  const auto values = from.as<T>();
  const auto out = to.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = static_cast<float>(values[i]);
    if (!std::isfinite(out[i]))
      throw Error::mistake(
          one_line(fmt::format("{}: element {} is not a finite number", place, i)));
  }
}

HostTensor samples_of(const std::string& path, const Arrays::value_type& array) {
  const std::string place = fmt::format("{}:{}", path, array.first);
  const HostTensor& from = array.second;
  Shape shape = from.shape;
  if (shape.rank() < 2 || shape.elements() == 0 || shape.rank() > 4) {
    throw Error::mistake(one_line(fmt::format(
        "{}: samples of shape {} cannot be used; wanted are [n, features], [n, height, width] "
        "or [n, height, width, channels]",
        place, to_string(shape))));
  }
  if (from.dtype == DType::u8 && shape.rank() >= 3) {
    if (shape.rank() == 3) shape.append(1);
    if (shape[3] != 1 && shape[3] != 3) {
      throw Error::mistake(one_line(fmt::format(
          "{}: pictures have 1 or 3 channels, last; these are {}", place, to_string(shape))));
    }
    HostTensor pictures = from;
    pictures.shape = shape;
    return pictures;
  }
  if (shape.rank() == 3) shape.append(1);
  HostTensor numbers = HostTensor::unfilled(DType::f32, shape);
  switch (from.dtype) {
    case DType::f32:
      to_floats<float>(place, from, numbers);
      break;
    case DType::f64:
      to_floats<double>(place, from, numbers);
      break;
    case DType::u8:
      to_floats<std::uint8_t>(place, from, numbers);
      break;
    case DType::i32:
      to_floats<std::int32_t>(place, from, numbers);
      break;
    case DType::i64:
      to_floats<std::int64_t>(place, from, numbers);
      break;
  }
  return numbers;
}

Split split_of(const std::string& path, const Arrays::value_type& samples,
               const Arrays::value_type& labels) {
  Split split;
  split.samples = std::make_shared<HostTensor>(samples_of(path, samples));
  split.labels = std::make_shared<HostTensor>(class_numbers(
      labels.second, split.samples->shape[0], fmt::format("{}:{}", path, labels.first)));
  return split;
}

}  // namespace

bool is_array_file(const std::string& path) {
  return is_file(path) && (path.ends_with(".npz") || path.ends_with(".safetensors"));
}

std::vector<std::string> array_files(const std::string& folder) {
  std::vector<std::string> files;
  Arrays names;
  for (const std::string& name : names_in(folder)) {
    if (!name.ends_with(".npy") || !is_file(join(folder, name))) continue;
    files.push_back(join(folder, name));
    names.emplace_back(name.substr(0, name.size() - 4), HostTensor());
  }
  if (find(names, kTrainSamples) == nullptr || find(names, kTrainLabels) == nullptr) files.clear();
  return files;
}

void read_arrays(const std::string& path, const LoadOptions&, Dataset& dataset) {
  const Arrays arrays = read_all(path);
  const auto* samples = find(arrays, kTrainSamples);
  const auto* labels = find(arrays, kTrainLabels);
  if (samples == nullptr || labels == nullptr) {
    std::string names;
    for (const auto& [name, tensor] : arrays) names += (names.empty() ? "" : ", ") + name;
    throw Error::mistake(one_line(fmt::format(
        "{}: has no samples and labels (x_train, y_train or x, y); it holds: {}", path, names)));
  }
  dataset.train = split_of(path, *samples, *labels);
  const auto* test_samples = find(arrays, kTestSamples);
  const auto* test_labels = find(arrays, kTestLabels);
  dataset.undivided = test_samples == nullptr || test_labels == nullptr;
  if (!dataset.undivided) {
    dataset.test = split_of(path, *test_samples, *test_labels);
    const Shape& train_shape = dataset.train.samples->shape;
    const Shape& test_shape = dataset.test.samples->shape;
    if (!(train_shape.sub(1, train_shape.rank()) == test_shape.sub(1, test_shape.rank())) ||
        dataset.train.samples->dtype != dataset.test.samples->dtype) {
      throw Error::mistake(one_line(fmt::format(
          "{}: {} is {} {} but {} is {} {}", path, samples->first,
          to_string(dataset.train.samples->dtype), to_string(train_shape), test_samples->first,
          to_string(dataset.test.samples->dtype), to_string(test_shape))));
    }
  }
  number_classes(dataset);
}

}  // namespace treino::data
