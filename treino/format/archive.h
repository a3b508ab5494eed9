// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "treino/base/host_bytes.h"

namespace treino::format {

// The regular files in a .tar, .tar.gz (.tgz) or .zip, one after the other, never unpacked to disk.
// Refused as soon as they are met: absolute names, names with "..", links and devices, and archives
// that unpack to far more than they could honestly hold. Throws Error::mistake naming the archive,
// the entry and the byte of it.
class Archive {
 public:
  explicit Archive(std::string path);
  // An archive that is in memory; `path` is what errors name.
  Archive(std::string path, std::string_view bytes);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // The next file's whole name in the archive, "folder/name"; nothing at the end.
  std::optional<std::string> next();
  // Of the file just named, as its header says; -1 where a zip says it only afterwards.
  std::int64_t size() const { return size_; }
  // "archive.tgz:folder/name", for messages; a long name is cut.
  std::string place() const;

  // Exactly `count` bytes.
  void read(std::byte* into, std::size_t count);
  // What is left of the file.
  HostBytes read_all();
  std::string read_text();
  // What is left of the file, piece by piece.
  void read_pieces(const std::function<void(std::string_view)>& piece);

 private:
  struct Handle;
  std::size_t read_some(std::byte* into, std::size_t count);
  void open();
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void damaged() const;

  std::string path_, name_;
  std::unique_ptr<Handle> handle_;
  std::int64_t size_ = 0, done_ = 0;               // of this file
  std::int64_t unpacked_ = 0, most_unpacked_ = 0;  // of the whole archive
  std::int64_t files_ = 0;
};

// The name's last part.
std::string base_name(const std::string& name);
// .tar, .tar.gz, .tgz or .zip
bool is_archive_name(const std::string& name);

}  // namespace treino::format
