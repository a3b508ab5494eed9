// SPDX-License-Identifier: Apache-2.0
#include "treino/data/row_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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

RowFile::RowFile(const std::string& path, const std::string& tensor) : path_(path) {
  const format::SafeTensorsFile file(path);
  const auto* entry = file.find(tensor);
  if (entry == nullptr) throw Error::mistake(fmt::format("{}: has no tensor {}", path, tensor));
  shape_ = entry->shape;
  dtype_ = entry->type;
  if (shape_.rank() < 1 || shape_.elements() == 0)
    throw Error::mistake(fmt::format("{}: {} holds no rows", path, tensor));
  row_bytes_ = shape_.elements() / shape_[0] * host_bytes(dtype_);
  // Tensors fill the file to its end: SafeTensorsFile has checked that.
  begin_ = static_cast<std::int64_t>(std::filesystem::file_size(path) - file.entries().back().end +
                                     entry->begin);
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    throw Error::work(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
}

RowFile::~RowFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void RowFile::read(std::span<const std::int32_t> rows, std::byte* into) const {
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
      pieces[count] = {into + order[first + count] * row_bytes_,
                       static_cast<std::size_t>(row_bytes_)};
      ++count;
    } while (first + count < order.size() && count < kMostPieces &&
             row_at(first + count) == row_at(first + count - 1) + 1);
    read_pieces(descriptor_, begin_ + row_at(first) * row_bytes_, std::span(pieces).first(count),
                path_);
    first += count;
  }
}

void RowFile::read(std::int64_t first, std::int64_t count, std::byte* into) const {
  iovec piece{into, static_cast<std::size_t>(count * row_bytes_)};
  read_pieces(descriptor_, begin_ + first * row_bytes_, std::span(&piece, 1), path_);
}

}  // namespace treino::data
