// SPDX-License-Identifier: Apache-2.0
#include "treino/data/cifar.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/labels.h"
#include "treino/data/parallel.h"
#include "treino/format/archive.h"

namespace treino::data {

const CifarLayout kCifar10{"cifar-10-batches-bin", "cifar-10-binary.tar.gz", "data_batch_",
                           "test_batch.bin",       "batches.meta.txt",       10};
const CifarLayout kCifar100{"cifar-100-binary",
                            "cifar-100-binary.tar.gz",
                            "train",
                            "test.bin",
                            "fine_label_names.txt",
                            100,
                            20,
                            "coarse_label_names.txt"};

namespace {

constexpr std::size_t kSide = 32, kPlane = kSide * kSide, kImage = 3 * kPlane;

std::size_t record_bytes(const CifarLayout& layout) {
  return kImage + (layout.coarse_classes > 0 ? 2 : 1);
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_train(const std::string& name, const CifarLayout& layout) {
  return name.rfind(layout.train_prefix, 0) == 0 && ends_with(name, ".bin");
}

// One .bin file: bytes out of an archive, or a file yet to be read.
struct Part {
  std::string place;  // for messages; the path of a file
  std::size_t size = 0;
  HostBytes bytes;
};
using Parts = std::map<std::string, Part>;  // by name: archives do not keep the files in order

struct Names {
  std::vector<std::string> fine, coarse;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void take_names(const std::string& name, std::string_view text, const CifarLayout& layout,
                Names& names) {
  if (name == layout.names_file) names.fine = lines_of(text);
  if (name == layout.coarse_names_file) names.coarse = lines_of(text);
}

bool is_names_file(const std::string& name, const CifarLayout& layout) {
  return name == layout.names_file || name == layout.coarse_names_file;
}

// Planes to channels last, and the labels, of every record of `part` from sample `first` on.
struct Target {
  HostTensor& images;
  std::span<std::int32_t> labels, coarse;
};

void spread_records(std::span<const std::byte> records, const CifarLayout& layout,
                    std::size_t first, const Target& target) {
  const std::size_t record = record_bytes(layout), count = records.size() / record;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* from = records.data() + i * record;
    if (layout.coarse_classes > 0) target.coarse[first + i] = static_cast<std::int32_t>(*from++);
    target.labels[first + i] = static_cast<std::int32_t>(*from++);
    std::byte* to = target.images.bytes.data() + (first + i) * kImage;
    for (std::size_t pixel = 0; pixel < kPlane; ++pixel) {
      to[3 * pixel] = from[pixel];
      to[3 * pixel + 1] = from[kPlane + pixel];
      to[3 * pixel + 2] = from[2 * kPlane + pixel];
    }
  }
}

// A file is read piece by piece, so that it is never held beside its images.
void spread(const Part& part, const CifarLayout& layout, std::size_t first, const Target& target) {
  constexpr std::size_t kRecordsAtOnce = 256;
  const std::size_t record = record_bytes(layout), count = part.size / record;
  if (!part.bytes.empty()) {
    spread_records(part.bytes, layout, first, target);
  } else {
    std::size_t at = first;
    read_in_pieces(part.place, part.size, kRecordsAtOnce * record,
                   [&](std::span<const std::byte> piece) {
                     spread_records(piece, layout, at, target);
                     at += piece.size() / record;
                   });
  }
  const auto stride = static_cast<std::int64_t>(record);
  check_labels(target.labels.subspan(first, count), layout.classes, part.place,
               layout.coarse_classes > 0 ? 1 : 0, stride);
  if (layout.coarse_classes == 0) return;
  check_labels(target.coarse.subspan(first, count), layout.coarse_classes, part.place, 0, stride);
}

std::size_t records_of(const Part& part, const CifarLayout& layout) {
  const std::size_t record = record_bytes(layout);
  if (part.size == 0 || part.size % record != 0) {
    throw Error::mistake(
        fmt::format("{}: {} bytes is not a whole number of {}-byte records; fetch the file again",
                    part.place, part.size, record));
  }
  return part.size / record;
}

struct Decoded {
  Split split;
  std::shared_ptr<const HostTensor> coarse;
};

// The parts' records one after the other; each part is let go as soon as it is spread.
Decoded decode(std::vector<Part*> parts, const CifarLayout& layout) {
  std::vector<std::size_t> first{0};
  for (const Part* part : parts) first.push_back(first.back() + records_of(*part, layout));
  const auto total = static_cast<std::int64_t>(first.back());
  auto images = std::make_shared<HostTensor>(HostTensor::unfilled(
      DType::u8,
      Shape{total, static_cast<std::int64_t>(kSide), static_cast<std::int64_t>(kSide), 3}));
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{total});
  auto coarse = std::make_shared<HostTensor>(DType::i32, Shape{total});
  const Target target{*images, labels->as<std::int32_t>(), coarse->as<std::int32_t>()};
  parallel_for(parts.size(), [&](std::size_t i) {
    spread(*parts[i], layout, first[i], target);
    HostBytes().swap(parts[i]->bytes);
  });
  return {{images, labels, nullptr}, layout.coarse_classes > 0 ? coarse : nullptr};
}

std::optional<std::string> loose_folder(const std::string& folder, const CifarLayout& layout) {
  for (const std::string& candidate : {join(folder, layout.subfolder), folder}) {
    if (is_file(join(candidate, layout.test_name))) return candidate;
  }
  return std::nullopt;
}

Parts read_loose(const std::vector<std::string>& files, const CifarLayout& layout, Names& names) {
  Parts parts;
  for (const std::string& file : files) {
    const std::string name = format::base_name(file);
    if (is_names_file(name, layout)) {
      const HostBytes text = read_file(file);
      take_names(name, {reinterpret_cast<const char*>(text.data()), text.size()}, layout, names);
    } else {
      parts.emplace(name, Part{file, size_of_file(file), {}});
    }
  }
  return parts;
}

Parts read_archive(const std::string& path, const CifarLayout& layout, Names& names) {
  format::Archive archive(path);
  Parts parts;
  while (const auto entry = archive.next()) {
    const std::string name = format::base_name(*entry);
    if (is_names_file(name, layout)) take_names(name, archive.read_text(), layout, names);
    if (is_train(name, layout) || name == layout.test_name) {
      Part part{archive.place(), 0, archive.read_all()};
      part.size = part.bytes.size();
      parts.emplace(name, std::move(part));
    }
  }
  if (parts.count(layout.test_name) == 0 || parts.size() < 2) {
    throw Error::mistake(
        fmt::format("{}: holds no {}*.bin and {}", path, layout.train_prefix, layout.test_name));
  }
  return parts;
}

constexpr const char* kNames[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                  "dog",      "frog",       "horse", "ship", "truck"};

constexpr const char* kAddresses[] = {
    "https://www.cs.toronto.edu/~kriz/",
    "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/"};
constexpr const char* kAddresses100[] = {"https://www.cs.toronto.edu/~kriz/"};
constexpr FileRow kFiles[] = {{"cifar-10-binary.tar.gz", 170'052'171,
                               "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}};
constexpr FileRow kFiles100[] = {
    {"cifar-100-binary.tar.gz", 168'513'733,
     "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}};

}  // namespace

std::vector<std::string> cifar_files(const std::string& folder, const CifarLayout& layout) {
  std::vector<std::string> files;
  if (const auto loose = loose_folder(folder, layout)) {
    for (const std::string& name : names_in(*loose)) {
      if (is_train(name, layout) || name == layout.test_name || is_names_file(name, layout)) {
        files.push_back(join(*loose, name));
      }
    }
    return files;
  }
  // The published archive, else any .tar.gz beside it (an excerpt).
  if (is_file(join(folder, layout.archive))) return {join(folder, layout.archive)};
  if (!is_folder(folder)) return {};
  for (const std::string& name : names_in(folder)) {
    if (format::is_archive_name(name) && is_file(join(folder, name))) return {join(folder, name)};
  }
  return {};
}

void read_cifar(const std::string& folder, const CifarLayout& layout, Dataset& dataset) {
  const std::vector<std::string> files = cifar_files(folder, layout);
  if (files.empty()) {
    throw Error::mistake(
        fmt::format("{}: neither {}/ nor {} is there", folder, layout.subfolder, layout.archive));
  }
  Names names;
  const bool packed = format::is_archive_name(files[0]);
  Parts parts = packed ? read_archive(files[0], layout, names) : read_loose(files, layout, names);
  std::vector<Part*> train;
  for (auto& [name, part] : parts) {
    if (name != layout.test_name) train.push_back(&part);
  }
  if (train.empty()) {
    throw Error::mistake(fmt::format("{}: no training files {}*.bin beside {}", folder,
                                     layout.train_prefix, layout.test_name));
  }
  Decoded training = decode(std::move(train), layout);
  Decoded test = decode({&parts.at(layout.test_name)}, layout);
  dataset.train = training.split;
  dataset.test = test.split;
  if (static_cast<int>(names.fine.size()) == layout.classes) dataset.classes = names.fine;
  if (layout.coarse_classes == 0) return;
  if (static_cast<int>(names.coarse.size()) != layout.coarse_classes)
    names.coarse = cifar100_coarse_names();
  dataset.other_labels.push_back({"coarse", names.coarse, training.coarse, test.coarse});
}

const Row kCifar10Row{
    .name = "cifar10",
    .title = "CIFAR-10 small colour photographs",
    .licence = "not stated by its authors",
    .citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
    .kind = Kind::images,
    .sample = "32 x 32 x 3",
    .train = 50'000,
    .test = 10'000,
    .classes = 10,
    .addresses = kAddresses,
    .files = kFiles,
    .sources = [](const std::string& folder) { return cifar_files(folder, kCifar10); },
    .read =
        [](const std::string& folder, const LoadOptions&, Dataset& dataset) {
          read_cifar(folder, kCifar10, dataset);
          if (dataset.classes.empty()) dataset.classes.assign(std::begin(kNames), std::end(kNames));
        },
    .recipe = "cifar10",
};

const Row kCifar100Row{
    .name = "cifar100",
    .title = "CIFAR-100 small colour photographs, 100 fine classes in 20 coarse ones",
    .licence = "not stated by its authors",
    .citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
    .kind = Kind::images,
    .sample = "32 x 32 x 3",
    .train = 50'000,
    .test = 10'000,
    .classes = 100,
    .addresses = kAddresses100,
    .files = kFiles100,
    .sources = [](const std::string& folder) { return cifar_files(folder, kCifar100); },
    .read =
        [](const std::string& folder, const LoadOptions&, Dataset& dataset) {
          read_cifar(folder, kCifar100, dataset);
          if (dataset.classes.empty()) dataset.classes = cifar100_fine_names();
        },
    .recipe = "cifar100",
    .variant = "coarse",
};

}  // namespace treino::data
