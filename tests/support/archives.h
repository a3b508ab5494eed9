// SPDX-License-Identifier: Apache-2.0
// Archives and compressed files, made in memory for tests.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace treino::test {

struct ArchiveFile {
  std::string name, contents;
  mode_t type = AE_IFREG;  // AE_IFLNK: contents are where the link leads
};

enum class Packing { tar, tar_gz, zip };

inline std::string archive_of(const std::vector<ArchiveFile>& files,
                              Packing packing = Packing::tar_gz) {
  archive* writer = archive_write_new();
  if (packing == Packing::zip) {
    archive_write_set_format_zip(writer);
  } else {
    archive_write_set_format_ustar(writer);
    if (packing == Packing::tar_gz) archive_write_add_filter_gzip(writer);
  }
  std::string bytes(1 << 16, '\0');
  for (const ArchiveFile& file : files) bytes.append(file.contents.size() + 4096, '\0');
  std::size_t used = 0;
  if (archive_write_open_memory(writer, bytes.data(), bytes.size(), &used) != ARCHIVE_OK)
    std::abort();
  for (const ArchiveFile& file : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, file.name.c_str());
    archive_entry_set_filetype(entry, file.type);
    archive_entry_set_perm(entry, 0644);
    if (file.type == AE_IFLNK) {
      archive_entry_set_symlink(entry, file.contents.c_str());
    } else {
      archive_entry_set_size(entry, static_cast<la_int64_t>(file.contents.size()));
    }
    if (archive_write_header(writer, entry) != ARCHIVE_OK) std::abort();
    if (file.type == AE_IFREG)
      archive_write_data(writer, file.contents.data(), file.contents.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  bytes.resize(used);
  return bytes;
}

inline std::string gzip(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace treino::test
