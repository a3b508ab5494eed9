// SPDX-License-Identifier: Apache-2.0
#include "treino/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "treino/base/error.h"

namespace treino {

namespace {

constexpr std::string_view kPartMark = ".part-";  // then the writer's process number

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }
  bool reset() {  // false: close reported an error (a quota, a network file system)
    const int number = number_;
    number_ = -1;
    return number < 0 || ::close(number) == 0;
  }

 private:
  int number_;
};

std::string remedy(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "; free some space or choose another folder";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; choose a folder you may write to";
    default:
      return "";
  }
}

Error write_error(const std::string& path, int code) {
  return Error::work(
      fmt::format("{}: cannot be written: {}{}", path, std::strerror(code), remedy(code)));
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// 0, or the errno of the first write that failed.
int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

std::string read_whole_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error::mistake(fmt::format("{}: there is no such file", path));
    throw Error::work(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode))
    throw Error::mistake(fmt::format("{}: is a folder, wanted is a file", path));
  std::string contents;
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size > 0) contents.reserve(static_cast<std::size_t>(size));
  ::lseek(file.get(), 0, SEEK_SET);
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw Error::work(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    if (got == 0) return contents;
    contents.append(buffer, static_cast<std::size_t>(got));
  }
}

namespace {

// Where links lead to, whether that is there or not.
std::string behind_links(std::filesystem::path path) {
  constexpr int kMost = 40;  // as the kernel follows
  std::error_code error;
  for (int i = 0; i < kMost && std::filesystem::is_symlink(path, error); ++i)
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
  return path.string();
}

// As write_all, one after another.
int write_parts(int file, std::span<const std::string_view> parts) {
  int code = 0;
  for (const std::string_view part : parts) {
    if (code == 0) code = write_all(file, part);
  }
  return code;
}

// Into what is there already and no file that could be replaced: a device, a pipe.
void write_into(const std::string& path, std::span<const std::string_view> parts) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  int code = file.get() < 0 ? errno : write_parts(file.get(), parts);
  if (code == 0 && !file.reset()) code = errno;
  if (code != 0) throw write_error(path, code);
}

}  // namespace

void write_whole_file(const std::string& given, std::span<const std::string_view> parts) {
  const std::string path = behind_links(given);
  std::error_code error;
  if (std::filesystem::is_other(std::filesystem::status(path, error)))
    return write_into(path, parts);
  const std::string beside = fmt::format("{}{}{}", path, kPartMark, ::getpid());
  Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) throw write_error(path, errno);
  int code = write_parts(file.get(), parts);
  if (code == 0 && ::fsync(file.get()) != 0 && errno != EINVAL)
    code = errno;  // EINVAL: cannot be synced
  if (!file.reset() && code == 0) code = errno;
  if (code == 0 && ::rename(beside.c_str(), path.c_str()) != 0) code = errno;
  if (code != 0) {
    ::unlink(beside.c_str());
    throw write_error(path, code);
  }
  // The rename itself must survive a crash; a file system that cannot sync folders has done it.
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) static_cast<void>(::fsync(folder.get()));
}

void write_whole_file(const std::string& path, std::string_view contents) {
  write_whole_file(path, std::span(&contents, 1));
}

void remove_partial_files(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::size_t mark = name.rfind(kPartMark);
    if (mark == name.npos ||
        name.find_first_not_of("0123456789", mark + kPartMark.size()) != name.npos)
      continue;
    std::filesystem::remove(entry.path(), error);
  }
}

void make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    throw Error::work(fmt::format("{}: the folder cannot be made: {}{}", path, error.message(),
                                  remedy(error.value())));
  }
  if (!std::filesystem::is_directory(path, error)) {
    throw Error::work(fmt::format("{}: is not a folder", path));
  }
}

void check_writable(const std::string& folder) {
  const std::string probe = fmt::format("{}/.write-{}", folder, ::getpid());
  const Descriptor file(::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) throw write_error(folder, errno);
  ::unlink(probe.c_str());
}

}  // namespace treino
