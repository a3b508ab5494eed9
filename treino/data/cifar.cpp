// SPDX-License-Identifier: Apache-2.0
#include "treino/data/cifar.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/labels.h"

namespace treino::data {

const CifarLayout kCifar10{"cifar-10-batches-bin", "cifar-10-binary.tar.gz", "data_batch_", "test_batch.bin",
                           "batches.meta.txt", 1, 10};
const CifarLayout kCifar100{"cifar-100-binary", "cifar-100-binary.tar.gz", "train", "test.bin",
                            "fine_label_names.txt", 2, 100};

namespace {

constexpr std::int64_t kSide = 32, kPlane = kSide * kSide, kImage = 3 * kPlane;

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Turns records into NHWC images and labels as they come, so that the planes are never held twice.
class Records {
 public:
  explicit Records(const CifarLayout& layout) : layout_(layout) {}

  void reserve(std::size_t records) {
    images_.reserve(images_.size() + records * kImage);
    labels_.reserve(labels_.size() + records);
  }

  void append(const std::byte* record) {
    labels_.push_back(static_cast<std::int32_t>(record[layout_.label_bytes - 1]));
    const std::byte* planes = record + layout_.label_bytes;
    const std::size_t at = images_.size();
    images_.resize(at + kImage);
    for (std::int64_t pixel = 0; pixel < kPlane; ++pixel) {
      for (std::int64_t c = 0; c < 3; ++c) {
        images_[at + static_cast<std::size_t>(3 * pixel + c)] = planes[c * kPlane + pixel];
      }
    }
  }

  std::int64_t count() const { return static_cast<std::int64_t>(labels_.size()); }

  void check(const std::string& file, std::int64_t first) const {
    check_labels(std::span(labels_).subspan(static_cast<std::size_t>(first)), layout_.classes, file,
                 layout_.label_bytes - 1, kImage + layout_.label_bytes);
  }

  Split finish() {
    auto images = std::make_shared<HostTensor>();
    images->dtype = DType::u8;
    images->shape = Shape{count(), kSide, kSide, 3};
    images->bytes = std::move(images_);
    auto labels = std::make_shared<HostTensor>(DType::i32, Shape{count()});
    std::copy(labels_.begin(), labels_.end(), labels->as<std::int32_t>().begin());
    return {images, labels};
  }

 private:
  const CifarLayout& layout_;
  std::vector<std::byte> images_;
  std::vector<std::int32_t> labels_;
};

std::size_t record_bytes(const CifarLayout& layout) { return static_cast<std::size_t>(kImage + layout.label_bytes); }

void check_size(const std::string& file, std::int64_t bytes, const CifarLayout& layout) {
  const auto record = static_cast<std::int64_t>(record_bytes(layout));
  if (bytes > 0 && bytes % record == 0) return;
  throw Error::mistake(fmt::format("{}: {} bytes is not a whole number of {}-byte records; fetch the file again", file,
                                   bytes, record));
}

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

bool is_train(const std::string& name, const CifarLayout& layout) {
  return name.rfind(layout.train_prefix, 0) == 0 && ends_with(name, ".bin");
}

std::optional<std::string> loose_folder(const std::string& folder, const CifarLayout& layout) {
  for (const std::string& candidate : {join(folder, layout.subfolder), folder}) {
    if (is_file(join(candidate, layout.test_name))) return candidate;
  }
  return std::nullopt;
}

// The published archive, else any .tar.gz beside it (an excerpt).
std::optional<std::string> archive_in(const std::string& folder, const CifarLayout& layout) {
  if (is_file(join(folder, layout.archive))) return join(folder, layout.archive);
  if (!is_folder(folder)) return std::nullopt;
  for (const std::string& name : names_in(folder)) {
    if (ends_with(name, ".tar.gz") || ends_with(name, ".tgz")) return join(folder, name);
  }
  return std::nullopt;
}

void read_loose_file(const std::string& path, const CifarLayout& layout, Records& records) {
  const std::vector<std::byte> bytes = read_file(path);
  check_size(path, static_cast<std::int64_t>(bytes.size()), layout);
  const std::int64_t first = records.count();
  for (std::size_t at = 0; at < bytes.size(); at += record_bytes(layout)) records.append(bytes.data() + at);
  records.check(path, first);
}

void read_loose(const std::string& folder, const CifarLayout& layout, Dataset& dataset) {
  Records train(layout), test(layout);
  std::vector<std::string> files;
  std::size_t bytes = 0;
  for (const std::string& name : names_in(folder)) {
    if (is_train(name, layout)) files.push_back(join(folder, name));
    if (is_train(name, layout)) bytes += std::filesystem::file_size(files.back());
  }
  train.reserve(bytes / record_bytes(layout));
  for (const std::string& file : files) read_loose_file(file, layout, train);
  if (files.empty()) {
    throw Error::mistake(fmt::format("{}: no training files {}*.bin beside {}", folder, layout.train_prefix, layout.test_name));
  }
  read_loose_file(join(folder, layout.test_name), layout, test);
  dataset.train = train.finish();
  dataset.test = test.finish();
  if (const std::string names = join(folder, layout.names_file); is_file(names)) {
    const auto text = read_file(names);
    dataset.classes = lines_of({reinterpret_cast<const char*>(text.data()), text.size()});
  }
}

class Archive {
 public:
  explicit Archive(std::string path) : path_(std::move(path)), archive_(archive_read_new()) {
    archive_read_support_filter_gzip(archive_);
    archive_read_support_format_tar(archive_);
    check(archive_read_open_filename(archive_, path_.c_str(), 1 << 20));
  }
  ~Archive() { archive_read_free(archive_); }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // The next regular file's name without folders; nothing at the end.
  std::optional<std::string> next() {
    archive_entry* entry = nullptr;
    while (true) {
      const int status = archive_read_next_header(archive_, &entry);
      if (status == ARCHIVE_EOF) return std::nullopt;
      check(status);
      if (archive_entry_filetype(entry) != AE_IFREG) continue;
      size_ = archive_entry_size(entry);
      const std::string name = archive_entry_pathname(entry);
      return name.substr(name.find_last_of('/') + 1);
    }
  }

  std::int64_t size() const { return size_; }

  void read(std::byte* into, std::size_t count) {
    for (std::size_t done = 0; done < count;) {
      const la_ssize_t got = archive_read_data(archive_, into + done, count - done);
      if (got <= 0) fail();
      done += static_cast<std::size_t>(got);
    }
  }

 private:
  void check(int status) const {
    if (status != ARCHIVE_OK) fail();
  }
  [[noreturn]] void fail() const {
    const char* reason = archive_error_string(archive_);
    throw Error::mistake(fmt::format("{}: the archive is damaged or ends early ({}); fetch it again", path_,
                                     reason != nullptr ? reason : "unexpected end"));
  }

  std::string path_;
  archive* archive_;
  std::int64_t size_ = 0;
};

void read_archive(const std::string& path, const CifarLayout& layout, Dataset& dataset) {
  Archive archive(path);
  std::map<std::string, Records> parts;  // by name: archives do not keep the files in order
  std::vector<std::byte> record(record_bytes(layout));
  while (const auto name = archive.next()) {
    if (*name == layout.names_file) {
      std::string text(static_cast<std::size_t>(std::min<std::int64_t>(archive.size(), 1 << 20)), '\0');
      archive.read(reinterpret_cast<std::byte*>(text.data()), text.size());
      dataset.classes = lines_of(text);
    }
    if (!is_train(*name, layout) && *name != layout.test_name) continue;
    const std::string place = path + ":" + *name;
    check_size(place, archive.size(), layout);
    Records records(layout);
    const std::size_t count = static_cast<std::size_t>(archive.size()) / record.size();
    records.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      archive.read(record.data(), record.size());
      records.append(record.data());
    }
    records.check(place, 0);
    parts.emplace(*name, std::move(records));
  }
  if (parts.count(layout.test_name) == 0 || parts.size() < 2) {
    throw Error::mistake(fmt::format("{}: holds no {}*.bin and {}", path, layout.train_prefix, layout.test_name));
  }
  dataset.test = parts.at(layout.test_name).finish();
  parts.erase(layout.test_name);
  std::int64_t total = 0;
  for (const auto& [name, part] : parts) total += part.count();
  auto images = std::make_shared<HostTensor>();
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{0});
  images->dtype = DType::u8;
  images->shape = Shape{total, kSide, kSide, 3};
  labels->shape = Shape{total};
  images->bytes.reserve(static_cast<std::size_t>(total * kImage));  // touched only as it fills,
  while (!parts.empty()) {  // and parts go one by one: the set is never held twice
    const Split split = parts.begin()->second.finish();
    images->bytes.insert(images->bytes.end(), split.samples->bytes.begin(), split.samples->bytes.end());
    labels->bytes.insert(labels->bytes.end(), split.labels->bytes.begin(), split.labels->bytes.end());
    parts.erase(parts.begin());
  }
  dataset.train = {images, labels};
}

}  // namespace

bool has_cifar(const std::string& folder, const CifarLayout& layout) {
  return loose_folder(folder, layout) || archive_in(folder, layout);
}

void read_cifar(const std::string& folder, const CifarLayout& layout, Dataset& dataset) {
  if (const auto loose = loose_folder(folder, layout)) {
    read_loose(*loose, layout, dataset);
  } else if (const auto archive = archive_in(folder, layout)) {
    read_archive(*archive, layout, dataset);
  } else {
    throw Error::mistake(fmt::format("{}: neither {}/ nor {} is there", folder, layout.subfolder, layout.archive));
  }
}

}  // namespace treino::data
