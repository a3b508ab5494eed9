// SPDX-License-Identifier: Apache-2.0
#include "treino/format/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "treino/base/error.h"

namespace treino::format {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;
constexpr int kGzip = 15 + 16;  // zlib's window bits for gzip alone, checksum included

}  // namespace

struct ByteSource::State {
  std::string path;
  int descriptor = -1;
  std::string_view memory;  // what is left, where there is no file
  std::int64_t position = 0, size = 0;
  std::vector<char> raw, unpacked;
  std::string_view pending;  // of raw, not yet unpacked
  bool first = true, gzip = false, in_member = false, raw_ended = false;
  z_stream stream{};

  ~State() {
    if (gzip) inflateEnd(&stream);
    if (descriptor >= 0) close(descriptor);
  }

  std::string_view next_raw() {
    if (descriptor < 0) {
      const std::string_view piece = memory.substr(0, kPiece);
      memory.remove_prefix(piece.size());
      position += static_cast<std::int64_t>(piece.size());
      return piece;
    }
    raw.resize(kPiece);
    std::size_t done = 0;
    while (done < kPiece) {  // pipes and network folders give less than asked for
      const ssize_t got = ::read(descriptor, raw.data() + done, kPiece - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error::work(fmt::format("{}: {}", path, std::strerror(errno)));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    position += static_cast<std::int64_t>(done);
    return {raw.data(), done};
  }

  [[noreturn]] void damaged(const char* what) const {
    throw Error::mistake(fmt::format("{}: at byte {} of {}: the gzip data {}; fetch the file again",
                                     path, position - static_cast<std::int64_t>(pending.size()),
                                     size, what));
  }

  std::string_view next_unpacked() {
    unpacked.resize(kPiece);
    while (true) {
      if (pending.empty() && !raw_ended) {
        pending = next_raw();
        raw_ended = pending.empty();
      }
      if (!in_member) {
        // After one member: another, or the end; zeros may pad the file.
        while (!pending.empty() && pending.front() == '\0') pending.remove_prefix(1);
        if (pending.empty() && raw_ended) return {};
        if (pending.empty()) continue;
        if (inflateReset(&stream) != Z_OK) damaged("cannot be read");
        in_member = true;
      }
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(pending.data()));
      stream.avail_in = static_cast<uInt>(pending.size());
      stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
      stream.avail_out = static_cast<uInt>(unpacked.size());
      const int status = inflate(&stream, Z_NO_FLUSH);
      pending = pending.substr(pending.size() - stream.avail_in);
      if (status == Z_STREAM_END) in_member = false;
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) damaged("is damaged");
      const std::size_t made = unpacked.size() - stream.avail_out;
      if (made > 0) return {unpacked.data(), made};
      if (in_member && pending.empty() && raw_ended) damaged("ends early");
    }
  }

  std::string_view next() {
    if (first) {
      first = false;
      pending = next_raw();
      gzip = pending.size() >= 2 && pending[0] == '\x1f' && pending[1] == '\x8b';
      if (gzip && inflateInit2(&stream, kGzip) != Z_OK) damaged("cannot be read");
      in_member = gzip;
      if (!gzip) return std::exchange(pending, {});
    }
    return gzip ? next_unpacked() : next_raw();
  }
};

ByteSource::ByteSource(std::string path) : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  state_->descriptor = open(state_->path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (state_->descriptor < 0 || fstat(state_->descriptor, &status) != 0) {
    throw Error::mistake(fmt::format("{}: {}", state_->path, std::strerror(errno)));
  }
  state_->size = status.st_size;
}

ByteSource::ByteSource(std::string path, std::string_view bytes)
    : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  state_->memory = bytes;
  state_->size = static_cast<std::int64_t>(bytes.size());
}

ByteSource::~ByteSource() = default;

std::string_view ByteSource::next() {
  return state_->next();
}

void ByteSource::finish() {
  while (!next().empty()) {
  }
}

std::int64_t ByteSource::position() const {
  return state_->position - static_cast<std::int64_t>(state_->pending.size());
}

std::int64_t ByteSource::size() const {
  return state_->size;
}

}  // namespace treino::format
