// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/page_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

template <typename Action>
void for_each_file(const std::vector<std::string>& folders, Action&& action) {
  std::error_code error;
  for (const std::string& folder : folders) {
    for (fs::recursive_directory_iterator
             at(folder, fs::directory_options::follow_directory_symlink, error),
         end;
         at != end; at.increment(error)) {
      if (!at->is_regular_file(error)) continue;
      const int file = ::open(at->path().c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;
      action(file);
      ::close(file);
    }
  }
}

}  // namespace

void warm_page_cache(const std::vector<std::string>& folders) {
  std::vector<char> buffer(1 << 20);
  for_each_file(folders, [&](int file) {
    while (::read(file, buffer.data(), buffer.size()) > 0) {
    }
  });
}

void drop_page_cache(const std::vector<std::string>& folders) {
  for_each_file(folders, [](int file) {
    ::fdatasync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  });
}

}  // namespace treino::experiment
