// SPDX-License-Identifier: Apache-2.0
// How a target hands one input to a reader of files.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace treino::fuzz {

inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "finding: %s\n", what);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A file in memory that readers open by its path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view contents) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    while (!contents.empty()) {
      const ssize_t written = ::write(descriptor_, contents.data(), contents.size());
      demand(written > 0, "the input cannot be kept in memory");
      contents.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// A folder with files of given names; the files are links to what is in memory.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "treino-fuzz-XXXXXX").string();
    demand(mkdtemp(pattern.data()) != nullptr, "no temporary folder can be made");
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      std::filesystem::remove_all(entry.path());
  }
  void put(const std::string& name, const MemoryFile& file) const {
    const std::filesystem::path place = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(place.parent_path());
    std::filesystem::create_symlink(file.path(), place);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline const Folder& folder() {
  static const Folder one;
  one.clear();
  return one;
}

// The input's first two bytes say how long the first of two files is.
struct Halves {
  std::string_view first, second;
};
inline Halves halves_of(std::string_view input) {
  if (input.size() < 2) return {input, {}};
  const std::size_t length = static_cast<unsigned char>(input[0]) |
                             static_cast<std::size_t>(static_cast<unsigned char>(input[1])) << 8;
  input.remove_prefix(2);
  return {input.substr(0, length), input.substr(std::min(length, input.size()))};
}

}  // namespace treino::fuzz
