// SPDX-License-Identifier: Apache-2.0
#include "treino/data/idx.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/labels.h"

namespace treino::data {

namespace {

constexpr std::uint32_t kLabels = 0x801, kImages = 0x803;

// The published name, with or without .gz; some mirrors write a dot before "idx".
std::string find(const std::string& folder, const std::string& stem, const char* kind) {
  for (const char* separator : {"-", "."}) {
    for (const char* suffix : {"", ".gz"}) {
      const std::string path = join(folder, fmt::format("{}-{}{}{}-ubyte{}", stem, kind, separator,
                                                        std::string_view(kind) == "images" ? "idx3" : "idx1", suffix));
      if (is_file(path)) return path;
    }
  }
  return {};
}

std::uint32_t big_endian_at(const std::vector<std::byte>& bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint32_t>(bytes[offset + i]);
  return value;
}

// Checks the header and returns its extents.
std::vector<std::int64_t> read_header(const std::string& path, const std::vector<std::byte>& bytes, std::uint32_t wanted) {
  const std::size_t axes = wanted & 0xff, header = 4 + 4 * axes;
  const auto demand = [&](std::size_t length) {
    if (bytes.size() >= length) return;
    throw Error::mistake(fmt::format("{}: ends inside its header, at byte {} of {}", path, bytes.size(), header));
  };
  demand(4);
  const std::uint32_t magic = big_endian_at(bytes, 0);
  if (magic != wanted) {
    const char* hint = magic == kLabels || magic == kImages ? "; are the image and label files swapped?" : "";
    throw Error::mistake(fmt::format("{}: at byte 0: magic number {:#06x} where an IDX file of {} has {:#06x}{}", path,
                                     magic, wanted == kImages ? "images" : "labels", wanted, hint));
  }
  demand(header);
  std::vector<std::int64_t> extents;
  std::int64_t product = 1;
  for (std::size_t i = 0; i < axes; ++i) {
    extents.push_back(big_endian_at(bytes, 4 + 4 * i));
    if (extents.back() == 0 || extents.back() > INT32_MAX || product > (std::int64_t{1} << 40) / extents.back()) {
      throw Error::mistake(fmt::format("{}: at byte {}: an extent of {} makes no sense", path, 4 + 4 * i, extents.back()));
    }
    product *= extents.back();
  }
  const std::size_t present = bytes.size() - header;
  if (static_cast<std::size_t>(product) != present) {
    throw Error::mistake(fmt::format("{}: its header promises {} bytes of data, but {} follow; fetch the file again",
                                     path, product, present));
  }
  return extents;
}

}  // namespace

bool has_idx(const std::string& folder, const std::string& stem) {
  return !find(folder, stem, "images").empty() && !find(folder, stem, "labels").empty();
}

Split read_idx(const std::string& folder, const std::string& stem, int classes) {
  const std::string images_path = find(folder, stem, "images"), labels_path = find(folder, stem, "labels");
  std::vector<std::byte> bytes = read_maybe_gzip(images_path);
  const auto extents = read_header(images_path, bytes, kImages);
  bytes.erase(bytes.begin(), bytes.begin() + 16);
  auto images = std::make_shared<HostTensor>();
  images->dtype = DType::u8;
  images->shape = Shape{extents[0], extents[1], extents[2], 1};
  images->bytes = std::move(bytes);

  const std::vector<std::byte> label_bytes = read_maybe_gzip(labels_path);
  const std::int64_t count = read_header(labels_path, label_bytes, kLabels)[0];
  if (count != extents[0]) {
    throw Error::mistake(fmt::format("{} has {} images but {} has {} labels", images_path, extents[0], labels_path, count));
  }
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{count});
  const auto values = labels->as<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(label_bytes[8 + i]);
  check_labels(values, classes, labels_path, 8, 1);
  return {images, labels};
}

}  // namespace treino::data
