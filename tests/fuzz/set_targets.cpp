// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/set_targets.h"

#include <string>
#include <string_view>

#include "tests/fuzz/inputs.h"
#include "treino/base/error.h"
#include "treino/data/index.h"
#include "treino/data/load.h"
#include "treino/data/stream.h"
#include "treino/data/vocabulary.h"

namespace treino::fuzz {

namespace {

data::Dataset load_from(const char* set, const char* file, std::string_view contents) {
  const MemoryFile memory(contents);
  const Folder& place = folder();
  place.put(file, memory);
  return data::load(set, {.folder = place.path(), .index = false});
}

// What everything downstream relies on.
void demand_sound(const data::Dataset& dataset) {
  demand(dataset.train.size() > 0, "a set without a training sample");
  for (const data::Split* split : {&dataset.train, &dataset.test}) {
    if (!split->labels) continue;
    if (split->samples)
      demand(split->samples->shape[0] == split->size(), "as many samples as labels");
    if (split->texts) demand(split->texts->rows() == split->size(), "as many texts as labels");
    for (const std::int32_t label : split->labels->as<std::int32_t>())
      demand(label >= 0 && static_cast<std::size_t>(label) < dataset.classes.size(),
             "a label without a class");
  }
  data::describe(dataset);
  if (!dataset.train.samples || dataset.train.samples->shape.rank() == 2)
    data::sample_rows(dataset);
}

}  // namespace

void squad(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(text_of(data, size));
  const Folder& place = folder();
  place.put("train-v1.1.json", file);
  const data::Dataset dataset = data::load("squad", {.folder = place.path(), .index = false});
  const data::Texts& texts = *dataset.train.texts;
  for (std::int64_t row = 0; row < texts.rows(); ++row) {
    const auto start = std::stoll(std::string(texts.at(row, 0)));
    demand(start <= static_cast<std::int64_t>(texts.at(row, 1).size()),
           "an answer begins behind its paragraph");
  }
}

void yelp(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(text_of(data, size));
  const Folder& place = folder();
  place.put("train.csv", file);
  const data::Dataset dataset =
      data::load("yelp_full_reviews", {.folder = place.path(), .index = false});
  demand(dataset.train.texts->rows() == dataset.train.labels->shape[0], "as many texts as labels");
}

// Archives of any kind: the reader tells them by their contents.
void imdb(const std::uint8_t* data, std::size_t size) {
  demand_sound(load_from("imdb_reviews", "aclImdb_v1.tar.gz", text_of(data, size)));
}

void caltech101(const std::uint8_t* data, std::size_t size) {
  demand_sound(load_from("caltech101", "101_ObjectCategories.tar.gz", text_of(data, size)));
}

void cifar100(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  const MemoryFile train(halves.first), test(halves.second);
  const Folder& place = folder();
  place.put("train.bin", train);
  place.put("test.bin", test);
  for (const char* name : {"cifar100", "cifar100:coarse"})
    demand_sound(data::load(name, {.folder = place.path(), .index = false}));
}

void iris(const std::uint8_t* data, std::size_t size) {
  demand_sound(load_from("iris", "iris.data", text_of(data, size)));
}

void image_folder(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  const MemoryFile first(halves.first), second(halves.second);
  const Folder& place = folder();
  place.put("a/1.jpg", first);
  place.put("b/2.png", second);
  for (const auto fit : {data::Geometry::as_is, data::Geometry::crop, data::Geometry::pad}) {
    const data::LoadOptions options{.geometry = {fit, 5, 7}, .index = false};
    try {
      demand_sound(data::load(place.path(), options));
    } catch (const Error&) {
      if (fit == data::Geometry::pad) throw;
    }
  }
}

// The cache's index: what is damaged is not there, and never an error.
void index(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(text_of(data, size));
  const Folder& place = folder();
  const data::IndexKey key{place.path(), "fuzz", {}};
  const std::string path = data::index_path(key);
  place.put(path.substr(place.path().size() + 1), file);
  data::Dataset dataset;
  if (data::read_index(key, dataset)) demand_sound(dataset);
}

void stream(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(text_of(data, size));
  const Folder& place = folder();
  place.put("set.safetensors", file);
  const std::string path = place.path() + "/set.safetensors";
  const data::Dataset dataset = data::open_stream(path);
  for (const data::Split* split : {&dataset.train, &dataset.test}) {
    if (!split->file) continue;
    demand(split->file->shape()[0] == split->size(), "as many samples as labels");
    std::int64_t rows = 0;
    data::for_each_piece(*split, [&](const HostTensor& piece) { rows += piece.shape[0]; });
    demand(rows == split->size(), "every row is read once");
  }
}

// vocabulary.json beside a network's weights.
void vocabulary(const std::uint8_t* data, std::size_t size) {
  const std::string text(text_of(data, size));
  const data::Vocabulary read = data::Vocabulary::parse(text, "fuzz.json");
  for (const std::int32_t number : read.encode(text))
    demand(number >= data::Vocabulary::kUnknown && number < read.size(),
           "a number outside the vocabulary");
  const std::string written = read.to_json();
  demand(data::Vocabulary::parse(written, "fuzz.json").to_json() == written,
         "a vocabulary written and read again is another one");
}

}  // namespace treino::fuzz
