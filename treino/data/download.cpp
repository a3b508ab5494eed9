// SPDX-License-Identifier: Apache-2.0
#include "treino/data/download.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/file_lock.h"
#include "treino/data/fetch.h"
#include "treino/data/files.h"
#include "treino/format/archive.h"

namespace treino::data {

namespace fs = std::filesystem;

namespace {

// Locks folder/.lock; says so when another process has it, and waits.
std::unique_ptr<FileLock> locked(const std::string& folder, Progress* progress) {
  try {
    auto lock = std::make_unique<FileLock>(join(folder, ".lock"));
    if (lock->try_take()) return lock;
    if (progress != nullptr)
      progress->note(fmt::format("another process is fetching into {}; waiting for it", folder));
    lock->take();
    return lock;
  } catch (const Error& error) {
    throw Error::work(
        fmt::format("{}; set XDG_CACHE_HOME to a folder you can write", error.what()));
  }
}

bool is_member(const FileRow& file) {
  return file.archive[0] != '\0';
}

bool is_whole(const std::string& path, const FileRow& file) {
  std::error_code error;
  return static_cast<std::int64_t>(fs::file_size(path, error)) == file.bytes && !error;
}

// Where the file may be had, in order.
std::vector<std::string> urls_of(const Row& row, const FileRow& file, const LoadOptions& options) {
  const char* name = is_member(file) ? file.archive : file.name;
  std::vector<std::string> urls;
  const char* variable = std::getenv("TREINO_MIRROR");
  std::string mirror = !options.mirror.empty() ? options.mirror
                       : variable != nullptr   ? variable
                                               : "";
  while (!mirror.empty() && mirror.back() == '/') mirror.pop_back();
  if (!mirror.empty()) urls.push_back(fmt::format("{}/{}/{}", mirror, row.name, name));
  for (const std::string_view address : row.addresses) {
    urls.push_back(address.back() == '/' ? fmt::format("{}{}", address, name)
                                         : std::string(address));
  }
  return urls;
}

// Takes one member out of a zip into `path`.
void take_member(const std::string& zip, const FileRow& file, const std::string& path) {
  format::Archive archive(zip);
  while (const auto name = archive.next()) {
    if (format::base_name(*name) != file.name) continue;
    const std::string contents = archive.read_text();
    write_whole_file(path + ".part", contents);
    if (sha256_of_file(path + ".part") != file.sha256) {
      fs::remove(path + ".part");
      throw Error::mistake(fmt::format("{} in it has another checksum than published", file.name));
    }
    fs::rename(path + ".part", path);
    return;
  }
  throw Error::mistake(fmt::format("holds no {}", file.name));
}

std::string fetch_file(const Row& row, const FileRow& file, const std::string& folder,
                       const std::string& url, const LoadOptions& options) {
  const std::string path = join(folder, file.name);
  if (!is_member(file))
    return fetch({url, path, file.bytes, file.sha256, options.patience, options.progress});
  const std::string zip = join(folder, file.archive);
  if (std::string reason = fetch({url, zip, 0, "", options.patience, options.progress});
      !reason.empty())
    return reason;
  try {
    take_member(zip, file, path);
    return {};
  } catch (const Error& error) {
    std::error_code ignored;
    fs::remove(zip, ignored);
    if (error.fault() == Fault::work) throw;
    return fmt::format("what it sent is not {} ({})", row.title, error.what());
  }
}

std::string by_hand(const Row& row, const std::string& folder) {
  return fmt::format(
      "put its files into {} yourself, or name their folder with --data, TREINO_DATA or a mirror "
      "of yours with "
      "TREINO_MIRROR ({} files: {} ...)",
      folder, row.files.size(), row.files[0].name);
}

void check_space(const std::string& folder, std::int64_t missing) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error || missing <= static_cast<std::int64_t>(space.available)) return;
  throw Error::work(fmt::format(
      "{}: {} MiB are needed but {} MiB are free; set XDG_CACHE_HOME to a folder with room", folder,
      (missing >> 20) + 1, space.available >> 20));
}

}  // namespace

bool is_complete(const Row& row, const std::string& folder) {
  std::size_t there = 0, whole = 0;
  for (const FileRow& file : row.files) {
    there += is_file(join(folder, file.name));
    whole += is_whole(join(folder, file.name), file);
  }
  return there == 0 || whole == row.files.size();
}

void download(const Row& row, const std::string& folder, const LoadOptions& options, bool refresh) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error::work(fmt::format("{}: {}; set XDG_CACHE_HOME to a folder you can write", folder,
                                  error.message()));
  const std::unique_ptr<FileLock> lock = locked(folder, options.progress);
  std::vector<const FileRow*> missing;
  std::int64_t bytes = 0;
  for (const FileRow& file : row.files) {
    const std::string path = join(folder, file.name);
    if (!refresh && is_whole(path, file)) continue;
    if (refresh) {  // what was begun is of an older one
      fs::remove(path + ".part", error);
      if (is_member(file)) fs::remove(join(folder, file.archive) + std::string(".part"), error);
    }
    missing.push_back(&file);
    bytes += file.bytes -
             static_cast<std::int64_t>(is_file(path + ".part") ? fs::file_size(path + ".part") : 0);
  }
  check_space(folder, bytes);
  for (const FileRow* file : missing) {
    std::string failures;
    bool done = false;
    for (const std::string& url : urls_of(row, *file, options)) {
      if (options.progress != nullptr) options.progress->note("fetching " + url);
      const std::string reason = fetch_file(row, *file, folder, url, options);
      done = reason.empty();
      if (done) break;
      failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", url, reason);
    }
    if (!done)
      throw Error::work(fmt::format("{} could not be fetched ({}); {}", row.name, failures,
                                    by_hand(row, folder)));
  }
}

}  // namespace treino::data
