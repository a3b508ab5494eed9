// SPDX-License-Identifier: Apache-2.0
#include "treino/data/download.h"

#include <archive.h>
#include <archive_entry.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "treino/base/error.h"
#include "treino/data/files.h"

namespace treino::data {

namespace fs = std::filesystem;

namespace {

// Holds an exclusive lock on folder/.lock as long as it lives.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) {
    const std::string path = join(folder, ".lock");
    descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0 || flock(descriptor_, LOCK_EX) != 0) {
      throw Error::work(fmt::format("{}: {}; set XDG_CACHE_HOME to a folder you can write", path, std::strerror(errno)));
    }
  }
  ~FolderLock() { close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

struct Transfer {
  std::FILE* file = nullptr;
  std::string name;
  std::int64_t resumed = 0, expected = 0;
  Progress* progress = nullptr;
  CURL* curl = nullptr;
  std::string failure;  // of writing
};

std::size_t on_data(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.resumed > 0 && status == 200) {  // the server sends the whole file again
    transfer.resumed = 0;
    if (ftruncate(fileno(transfer.file), 0) != 0 || std::fseek(transfer.file, 0, SEEK_SET) != 0) return 0;
  }
  const std::size_t written = std::fwrite(data, size, count, transfer.file);
  if (written != count) transfer.failure = std::strerror(errno);
  return written * size;
}

int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.progress != nullptr && now > 0) {
    transfer.progress->downloading(transfer.name, transfer.resumed + now,
                                   total > 0 ? transfer.resumed + total : transfer.expected);
  }
  return 0;
}

// Brings path.part to its full length; returns what went wrong, or nothing.
std::string transfer_to(const std::string& address, const std::string& part, Transfer& transfer) {
  transfer.file = std::fopen(part.c_str(), "ab");
  if (transfer.file == nullptr) throw Error::work(fmt::format("{}: {}", part, std::strerror(errno)));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> closer(transfer.file, std::fclose);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  transfer.curl = curl.get();
  std::fseek(transfer.file, 0, SEEK_END);
  transfer.resumed = std::ftell(transfer.file);
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 8L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, 8L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, 30L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "treino");
  curl_easy_setopt(curl.get(), CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.resumed));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = curl_easy_perform(curl.get());
  if (!transfer.failure.empty()) throw Error::work(fmt::format("{}: {}", part, transfer.failure));
  if (code == CURLE_OK) return {};
  return reason[0] != '\0' ? reason : curl_easy_strerror(code);
}

// Takes one member out of a zip into folder/member.
void unpack_member(const std::string& zip, const std::string& member, const std::string& path) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_zip(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_filename(reader.get(), zip.c_str(), 1 << 16) != ARCHIVE_OK) {
    throw Error::work(fmt::format("{}: {}", zip, archive_error_string(reader.get())));
  }
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    if (archive_entry_pathname(entry) != member) continue;
    const int out = open((path + ".part").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const bool good = out >= 0 && archive_read_data_into_fd(reader.get(), out) == ARCHIVE_OK;
    if (out >= 0) close(out);
    if (!good) throw Error::work(fmt::format("{}: {} could not be unpacked", zip, member));
    fs::rename(path + ".part", path);
    return;
  }
  throw Error::work(fmt::format("{}: holds no {}", zip, member));
}

std::string by_hand(const Row& row, const std::string& folder) {
  return fmt::format("put its files into {} yourself, or name their folder with --data or TREINO_DATA ({} files: {} ...)",
                     folder, row.files.size(), row.files[0].name);
}

}  // namespace

std::string fetch(const std::string& address, const std::string& path, std::int64_t bytes, const std::string& sha256,
                  Progress* progress) {
  const std::string part = path + ".part";
  Transfer transfer;
  transfer.name = fs::path(path).filename().string();
  transfer.expected = bytes;
  transfer.progress = progress;
  std::error_code error;
  if (bytes > 0 && static_cast<std::int64_t>(fs::file_size(part, error)) >= bytes && !error) fs::remove(part);
  if (std::string reason = transfer_to(address, part, transfer); !reason.empty()) {
    if (fs::file_size(part, error) == 0) fs::remove(part, error);
    return reason;
  }
  if (!sha256.empty() && sha256_of_file(part) != sha256) {
    fs::remove(part, error);
    return "what it sent has another checksum";
  }
  fs::rename(part, path);
  return {};
}

void download(const Row& row, const std::string& folder, Progress* progress) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error::work(fmt::format("{}: {}; set XDG_CACHE_HOME to a folder you can write", folder, error.message()));
  const FolderLock lock(folder);
  std::int64_t missing = 0;
  for (const FileRow& file : row.files) {
    if (!is_file(join(folder, file.name))) missing += file.bytes;
  }
  const auto space = fs::space(folder, error);
  if (!error && missing > static_cast<std::int64_t>(space.available)) {
    throw Error::work(fmt::format("{}: {} MiB are needed but {} MiB are free", folder, missing >> 20, space.available >> 20));
  }
  for (const FileRow& file : row.files) {
    const std::string path = join(folder, file.name);
    if (is_file(path)) continue;
    const bool is_member = file.archive[0] != '\0';
    const std::string target = is_member ? join(folder, file.archive) : path;
    std::string failures;
    bool done = is_member && is_file(target);
    for (const char* address : row.addresses) {
      if (done) break;
      const std::string url = std::string(address) + (is_member ? file.archive : file.name);
      if (progress != nullptr) progress->note("fetching " + url);
      const std::string reason = fetch(url, target, is_member ? 0 : file.bytes, is_member ? "" : file.sha256, progress);
      done = reason.empty();
      if (!done) failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", url, reason);
    }
    if (!done) throw Error::work(fmt::format("{} could not be fetched ({}); {}", row.name, failures, by_hand(row, folder)));
    if (!is_member) continue;
    unpack_member(target, file.name, path);
    if (sha256_of_file(path) != file.sha256) {
      fs::remove(path);
      fs::remove(target);
      throw Error::work(fmt::format("{}: {} has another checksum than published; try again later", target, file.name));
    }
  }
}

}  // namespace treino::data
