// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "treino/data/load.h"

namespace treino::data {

// Makes one tensor of picture files, decoded on all cores, brought to one size as
// options.geometry says. A file that is no sound picture goes to dataset.broken, or is an error
// when options.strict says so.
class ImageCollector {
 public:
  ImageCollector(const LoadOptions& options, Dataset& dataset)
      : options_(options), dataset_(dataset) {}

  // `place` is what messages name, and the file to read unless its bytes are given.
  void add(std::string place, std::int32_t label, std::optional<HostBytes> encoded = std::nullopt);

  // Samples u8 [n, height, width, 1 or 3] and labels, in the order of add(). `source` is named when
  // there is no picture at all.
  Split finish(const std::string& source);

 private:
  struct Item {
    std::string place;
    std::int32_t label = 0;
    std::optional<HostBytes> encoded;
    HostTensor image;
    std::string problem;
  };
  void flush();
  void decode(Item& item) const;
  void append(const Item& item);

  const LoadOptions& options_;
  Dataset& dataset_;
  std::vector<Item> waiting_;
  std::size_t waiting_bytes_ = 0;
  HostBytes pixels_;
  std::vector<std::int32_t> labels_;
  Shape shape_;  // of every picture, with the stored channels
  std::string first_;
  bool any_colour_ = false;
};

}  // namespace treino::data
