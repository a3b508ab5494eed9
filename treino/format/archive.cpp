// SPDX-License-Identifier: Apache-2.0
#include "treino/format/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <vector>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/format/byte_source.h"

namespace treino::format {

namespace {

// Text, pictures and tables shrink to a tenth at best, all-equal bytes to a thousandth. What claims
// more than this was made to fill a memory or a disk.
constexpr std::int64_t kMostRatio = 100, kAlwaysAllowed = std::int64_t{64} << 20;
constexpr std::int64_t kMostFiles = 20'000'000;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_unsafe_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != name.npos) return true;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    if (name.substr(0, end) == "..") return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

}  // namespace

// The library gets its bytes from a ByteSource, which compares gzip's checksum (the library's own
// gzip filter does not).
struct Archive::Handle {
  ByteSource source;
  archive* reader = archive_read_new();
  std::exception_ptr failure;  // of the source, carried past the library's C code

  template <class... Arguments>
  explicit Handle(Arguments&&... arguments) : source(std::forward<Arguments>(arguments)...) {}
  ~Handle() { archive_read_free(reader); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  static la_ssize_t read(archive* reader, void* user, const void** buffer) {
    auto& handle = *static_cast<Handle*>(user);
    try {
      const std::string_view piece = handle.source.next();
      *buffer = piece.data();
      return static_cast<la_ssize_t>(piece.size());
    } catch (...) {
      handle.failure = std::current_exception();
      archive_set_error(reader, EIO, "its bytes cannot be read");
      return -1;
    }
  }
};

Archive::Archive(std::string path)
    : path_(std::move(path)), handle_(std::make_unique<Handle>(path_)) {
  open();
}

Archive::Archive(std::string path, std::string_view bytes)
    : path_(std::move(path)), handle_(std::make_unique<Handle>(path_, bytes)) {
  open();
}

Archive::~Archive() = default;

std::string Archive::place() const {
  return path_ + ":" + one_line(name_, 100);
}

void Archive::open() {
  const std::int64_t bytes = handle_->source.size();
  most_unpacked_ = bytes * kMostRatio + kAlwaysAllowed;
  if (bytes == 0) fail("is empty; fetch it again");
  archive_read_support_format_tar(handle_->reader);
  archive_read_support_format_zip_streamable(handle_->reader);
  if (archive_read_open(handle_->reader, handle_.get(), nullptr, Handle::read, nullptr) !=
      ARCHIVE_OK) {
    damaged();
  }
}

void Archive::fail(const std::string& what) const {
  throw Error::mistake(fmt::format("{}: {}", name_.empty() ? path_ : place(), what));
}

void Archive::damaged() const {
  if (handle_->failure) std::rethrow_exception(handle_->failure);
  const char* message = archive_error_string(handle_->reader);
  std::string reason = message != nullptr ? message : "";
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  fail(fmt::format("at byte {}{}: the archive is damaged or ends early ({}); fetch it again",
                   name_.empty() ? handle_->source.position() : done_,
                   name_.empty() ? "" : " of it",
                   reason.empty() ? "unexpected end" : one_line(reason)));
}

std::optional<std::string> Archive::next() {
  archive_entry* entry = nullptr;
  while (true) {
    const int status = archive_read_next_header(handle_->reader, &entry);
    if (status == ARCHIVE_EOF) {
      name_.clear();
      handle_->source.finish();
      if (files_ == 0) fail("holds no files; it is not the archive it should be");
      return std::nullopt;
    }
    name_.clear();
    if (status != ARCHIVE_OK) damaged();
    const char* name = archive_entry_pathname(entry);
    name_ = name != nullptr ? name : "";
    if (is_unsafe_name(name_)) {
      fail(
          "its name leads out of the archive; the archive is refused, do not trust where it is "
          "from");
    }
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR) continue;
    if (type != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
        archive_entry_symlink(entry) != nullptr) {
      fail("is a link or a device; the archive is refused, do not trust where it is from");
    }
    if (++files_ > kMostFiles) fail("is one file too many; the archive is refused");
    size_ = archive_entry_size_is_set(entry) != 0 ? archive_entry_size(entry) : -1;
    if (size_ > most_unpacked_ - unpacked_) {
      fail(fmt::format("claims {} bytes, far more than this archive can hold; it is refused",
                       size_));
    }
    done_ = 0;
    return name_;
  }
}

std::size_t Archive::read_some(std::byte* into, std::size_t count) {
  const la_ssize_t got = archive_read_data(handle_->reader, into, count);
  if (got < 0) damaged();
  done_ += got;
  unpacked_ += got;
  if (unpacked_ > most_unpacked_) {
    fail(fmt::format("{} bytes were unpacked, far more than this archive can hold; it is refused",
                     unpacked_));
  }
  return static_cast<std::size_t>(got);
}

void Archive::read(std::byte* into, std::size_t count) {
  for (std::size_t done = 0; done < count;) {
    const std::size_t got = read_some(into + done, count - done);
    if (got == 0) damaged();
    done += got;
  }
}

void Archive::read_pieces(const std::function<void(std::string_view)>& piece) {
  std::vector<std::byte> buffer(1 << 17);
  while (const std::size_t got = read_some(buffer.data(), buffer.size())) {
    piece({reinterpret_cast<const char*>(buffer.data()), got});
  }
  if (size_ >= 0 && done_ != size_) damaged();
}

HostBytes Archive::read_all() {
  HostBytes bytes;
  if (size_ >= 0) {
    bytes.resize(static_cast<std::size_t>(size_ - done_));
    read(bytes.data(), bytes.size());
    return bytes;
  }
  read_pieces([&](std::string_view piece) {
    const auto* begin = reinterpret_cast<const std::byte*>(piece.data());
    bytes.insert(bytes.end(), begin, begin + piece.size());
  });
  return bytes;
}

std::string Archive::read_text() {
  std::string text;
  read_pieces([&](std::string_view piece) { text += piece; });
  return text;
}

std::string base_name(const std::string& name) {
  return name.substr(name.find_last_of('/') + 1);
}

bool is_archive_name(const std::string& name) {
  for (std::string_view end : {".tar", ".tar.gz", ".tgz", ".zip"}) {
    if (name.size() > end.size() && ends_with(name, end)) return true;
  }
  return false;
}

}  // namespace treino::format
