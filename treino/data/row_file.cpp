// SPDX-License-Identifier: Apache-2.0
#include "treino/data/row_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <vector>

#include "treino/base/error.h"
#include "treino/format/safetensors.h"

namespace treino::data {

namespace {

constexpr std::size_t kMostPieces = 256;  // of one call; the system takes 1024

// Reads all pieces, one behind the other in the file.
void read_pieces(int descriptor, std::int64_t offset, std::span<iovec> pieces,
                 const std::string& path) {
  while (!pieces.empty()) {
    const ssize_t got = preadv(descriptor, pieces.data(), static_cast<int>(pieces.size()), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw Error::work(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    if (got == 0)
      throw Error::work(fmt::format("{}: ends at byte {}; it was cut while in use", path, offset));
    offset += got;
    auto left = static_cast<std::size_t>(got);
    while (!pieces.empty() && left >= pieces[0].iov_len) {
      left -= pieces[0].iov_len;
      pieces = pieces.subspan(1);
    }
    if (left == 0) continue;
    pieces[0].iov_base = static_cast<std::byte*>(pieces[0].iov_base) + left;
    pieces[0].iov_len -= left;
  }
}

}  // namespace

RowFile::RowFile(const std::string& path, const std::string& tensor)
    : path_(path), tensor_(tensor) {
  const format::SafeTensorsFile file(path);
  const auto* entry = file.find(tensor);
  if (entry == nullptr) throw Error::mistake(fmt::format("{}: has no tensor {}", path, tensor));
  const auto refuse = [&](const std::string& what) {
    throw Error::mistake(fmt::format("{}: {} {}", path, tensor, what));
  };
  shape_ = entry->shape;
  stored_ = entry->type;
  if (stored_ != DType::u8 && stored_ != DType::f32)
    refuse(fmt::format("is {}; samples that are streamed are u8 or f32", to_string(stored_)));
  if (shape_.rank() < 2 || shape_.rank() > 4) {
    refuse(
        fmt::format("has shape {}; wanted are [n, features], [n, height, width] or [n, height, "
                    "width, channels]",
                    to_string(shape_)));
  }
  if (shape_.elements() == 0) refuse("holds no rows");
  if (shape_.rank() == 3) shape_.append(1);
  dtype_ = shape_.rank() == 2 ? DType::f32 : stored_;
  if (dtype_ == DType::u8 && shape_[3] != 1 && shape_[3] != 3) {
    refuse(fmt::format("has shape {}; pictures have 1 or 3 channels, last", to_string(shape_)));
  }
  const std::int64_t numbers = shape_.elements() / shape_[0];
  row_bytes_ = numbers * host_bytes(dtype_);
  stored_bytes_ = numbers * host_bytes(stored_);
  // Tensors fill the file to its end: SafeTensorsFile has checked that.
  begin_ = static_cast<std::int64_t>(std::filesystem::file_size(path) - file.entries().back().end +
                                     entry->begin);
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    throw Error::work(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
}

RowFile::RowFile(const std::shared_ptr<const RowFile>& all, std::vector<std::int32_t> rows)
    : path_(all->path_),
      tensor_(all->tensor_),
      shape_(all->shape_),
      dtype_(all->dtype_),
      row_bytes_(all->row_bytes_),
      all_(all),
      rows_(std::move(rows)) {
  shape_[0] = static_cast<std::int64_t>(rows_.size());
}

RowFile::~RowFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void RowFile::read(std::span<const std::int32_t> rows, std::byte* into) const {
  if (all_) {
    std::vector<std::int32_t> theirs(rows.size());
    std::ranges::transform(rows, theirs.begin(),
                           [&](std::int32_t row) { return rows_[static_cast<std::size_t>(row)]; });
    return all_->read(theirs, into);
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  const auto row_at = [&](std::int64_t i) {
    return std::int64_t{rows[static_cast<std::size_t>(i)]};
  };
  if (stored_ == dtype_) {
    read_stored(rows, into);
    return convert(into, count, into, row_at);
  }
  std::vector<std::byte> stored(rows.size() * static_cast<std::size_t>(stored_bytes_));
  read_stored(rows, stored.data());
  convert(stored.data(), count, into, row_at);
}

void RowFile::read(std::int64_t first, std::int64_t count, std::byte* into) const {
  if (all_) {
    return all_->read(
        std::span(rows_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
        into);
  }
  std::vector<std::byte> apart;
  if (stored_ != dtype_) apart.resize(static_cast<std::size_t>(count * stored_bytes_));
  std::byte* stored = apart.empty() ? into : apart.data();
  iovec piece{stored, static_cast<std::size_t>(count * stored_bytes_)};
  read_pieces(descriptor_, begin_ + first * stored_bytes_, std::span(&piece, 1), path_);
  convert(stored, count, into, [&](std::int64_t i) { return first + i; });
}

void RowFile::read_stored(std::span<const std::int32_t> rows, std::byte* into) const {
  std::vector<std::int32_t> order(rows.size());  // places in `rows`, by place in the file
  std::iota(order.begin(), order.end(), 0);
  const auto row_at = [&](std::size_t i) { return rows[static_cast<std::size_t>(order[i])]; };
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return std::pair(rows[static_cast<std::size_t>(a)], a) <
           std::pair(rows[static_cast<std::size_t>(b)], b);
  });
  std::array<iovec, kMostPieces> pieces;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t count = 0;
    do {
      pieces[count] = {into + order[first + count] * stored_bytes_,
                       static_cast<std::size_t>(stored_bytes_)};
      ++count;
    } while (first + count < order.size() && count < kMostPieces &&
             row_at(first + count) == row_at(first + count - 1) + 1);
    read_pieces(descriptor_, begin_ + row_at(first) * stored_bytes_, std::span(pieces).first(count),
                path_);
    first += count;
  }
}

template <typename RowAt>
void RowFile::convert(const std::byte* stored, std::int64_t rows, std::byte* into,
                      RowAt&& row_at) const {
  if (dtype_ == DType::u8) return;
  const std::int64_t width = row_bytes_ / static_cast<std::int64_t>(sizeof(float));
  auto* out = reinterpret_cast<float*>(into);
  if (stored_ == DType::u8) {
    for (std::int64_t i = 0; i < rows * width; ++i)
      out[i] = static_cast<float>(std::to_integer<int>(stored[i]));
    return;
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::span<const float> numbers(out + row * width, static_cast<std::size_t>(width));
    if (std::ranges::all_of(numbers, [](float number) { return std::isfinite(number); })) continue;
    throw Error::mistake(fmt::format("{}: {}: sample {} has a number that is not finite", path_,
                                     tensor_, row_at(row)));
  }
}

}  // namespace treino::data
