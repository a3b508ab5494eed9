// SPDX-License-Identifier: Apache-2.0
#include "treino/data/idx.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/labels.h"
#include "treino/data/parallel.h"

namespace treino::data {

namespace {

constexpr std::uint32_t kLabels = 0x801, kImages = 0x803;

// The published name, with or without .gz; some mirrors write a dot before "idx".
std::string find(const std::string& folder, const std::string& stem, const char* kind) {
  for (const char* separator : {"-", "."}) {
    for (const char* suffix : {"", ".gz"}) {
      const std::string path =
          join(folder, fmt::format("{}-{}{}{}-ubyte{}", stem, kind, separator,
                                   std::string_view(kind) == "images" ? "idx3" : "idx1", suffix));
      if (is_file(path)) return path;
    }
  }
  return {};
}

std::uint32_t big_endian_at(const HostBytes& bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<std::uint32_t>(bytes[offset + i]);
  return value;
}

// Checks the header and returns its extents.
std::vector<std::int64_t> read_header(const std::string& path, const HostBytes& bytes,
                                      std::uint32_t wanted) {
  const std::size_t axes = wanted & 0xff, header = 4 + 4 * axes;
  const auto demand = [&](std::size_t length) {
    if (bytes.size() >= length) return;
    throw Error::mistake(
        fmt::format("{}: ends inside its header, at byte {} of {}", path, bytes.size(), header));
  };
  demand(4);
  const std::uint32_t magic = big_endian_at(bytes, 0);
  if (magic != wanted) {
    const char* hint =
        magic == kLabels || magic == kImages ? "; are the image and label files swapped?" : "";
    throw Error::mistake(
        fmt::format("{}: at byte 0: magic number {:#06x} where an IDX file of {} has {:#06x}{}",
                    path, magic, wanted == kImages ? "images" : "labels", wanted, hint));
  }
  demand(header);
  std::vector<std::int64_t> extents;
  std::int64_t product = 1;
  for (std::size_t i = 0; i < axes; ++i) {
    extents.push_back(big_endian_at(bytes, 4 + 4 * i));
    if (extents.back() == 0 || extents.back() > INT32_MAX ||
        product > (std::int64_t{1} << 40) / extents.back()) {
      throw Error::mistake(fmt::format("{}: at byte {}: an extent of {} makes no sense", path,
                                       4 + 4 * i, extents.back()));
    }
    product *= extents.back();
  }
  const std::size_t present = bytes.size() - header;
  if (static_cast<std::size_t>(product) != present) {
    throw Error::mistake(
        fmt::format("{}: its header promises {} bytes of data, but {} follow; fetch the file again",
                    path, product, present));
  }
  return extents;
}

std::shared_ptr<const HostTensor> read_images(const std::string& path) {
  HostBytes bytes = read_maybe_gzip(path);
  const auto extents = read_header(path, bytes, kImages);
  bytes.erase(bytes.begin(), bytes.begin() + 16);
  auto images = std::make_shared<HostTensor>();
  images->dtype = DType::u8;
  images->shape = Shape{extents[0], extents[1], extents[2], 1};
  images->bytes = std::move(bytes);
  return images;
}

std::shared_ptr<const HostTensor> read_labels(const std::string& path, int classes) {
  const HostBytes bytes = read_maybe_gzip(path);
  auto labels =
      std::make_shared<HostTensor>(DType::i32, Shape{read_header(path, bytes, kLabels)[0]});
  const auto values = labels->as<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int32_t>(bytes[8 + i]);
  check_labels(values, classes, path, 8, 1);
  return labels;
}

}  // namespace

std::vector<std::string> idx_files(const std::string& folder, const std::string& stem) {
  std::vector<std::string> files{find(folder, stem, "images"), find(folder, stem, "labels")};
  if (files[0].empty() || files[1].empty()) files.clear();
  return files;
}

void read_idx_set(const std::string& folder, int classes, Dataset& dataset) {
  const std::vector<std::string> train = idx_files(folder, "train"),
                                 test = idx_files(folder, "t10k");
  if (train.empty()) {
    throw Error::mistake(fmt::format(
        "{}: train-images-idx3-ubyte[.gz] and train-labels-idx1-ubyte[.gz] are not there", folder));
  }
  parallel_for(test.empty() ? 2 : 4, [&](std::size_t i) {
    Split& split = i < 2 ? dataset.train : dataset.test;
    const std::string& path = (i < 2 ? train : test)[i % 2];
    if (i % 2 == 0) {
      split.samples = read_images(path);
    } else {
      split.labels = read_labels(path, classes);
    }
  });
  for (const auto& [split, files] :
       {std::pair{&dataset.train, &train}, std::pair{&dataset.test, &test}}) {
    if (!split->samples || split->samples->shape[0] == split->labels->shape[0]) continue;
    throw Error::mistake(fmt::format("{} has {} images but {} has {} labels", (*files)[0],
                                     split->samples->shape[0], (*files)[1],
                                     split->labels->shape[0]));
  }
  if (!test.empty() &&
      !(dataset.train.samples->shape.sub(1, 4) == dataset.test.samples->shape.sub(1, 4))) {
    throw Error::mistake(fmt::format("{}: its images are {} but those of {} are {}", test[0],
                                     to_string(dataset.test.samples->shape.sub(1, 3)), train[0],
                                     to_string(dataset.train.samples->shape.sub(1, 3))));
  }
}

}  // namespace treino::data
