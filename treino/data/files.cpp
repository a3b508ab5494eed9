// SPDX-License-Identifier: Apache-2.0
#include "treino/data/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "treino/base/error.h"

namespace treino::data {

namespace fs = std::filesystem;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string join(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

std::vector<std::string> names_in(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name[0] != '.') names.push_back(std::move(name));
  }
  if (error) throw Error::work(fmt::format("{}: {}", folder, error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

class File {
 public:
  explicit File(const std::string& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ >= 0) {
      check_kind();
      return;
    }
    const std::string reason = std::strerror(errno);
    if (errno == ENOENT || errno == EISDIR || errno == ENOTDIR)
      throw Error::mistake(fmt::format("{}: {}", path, reason));
    throw Error::work(fmt::format("{}: {}", path, reason));
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::size_t size() const {
    struct stat status {};
    if (fstat(descriptor_, &status) != 0) fail();
    return static_cast<std::size_t>(status.st_size);
  }

  // Nothing that would be waited for (a pipe that nobody writes to), no folder.
  void check_kind() const {
    struct stat status {};
    if (fstat(descriptor_, &status) != 0) fail();
    if (S_ISREG(status.st_mode)) return;
    close(descriptor_);
    throw Error::mistake(fmt::format("{}: is no file", path_));
  }

  // Up to `count` bytes; fewer only at the end of the file.
  std::size_t read(std::byte* into, std::size_t count) const {
    std::size_t done = 0;
    while (done < count) {
      const ssize_t got = ::read(descriptor_, into + done, count - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail();
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error::work(fmt::format("{}: {}", path_, std::strerror(errno)));
  }

  std::string path_;
  int descriptor_;
};

std::uint32_t little_endian_at(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<std::uint32_t>(bytes[i]);
  return value;
}

}  // namespace

HostBytes read_file(const std::string& path) {
  const File file(path);
  HostBytes bytes(file.size());
  bytes.resize(file.read(bytes.data(), bytes.size()));
  return bytes;
}

std::size_t size_of_file(const std::string& path) {
  return File(path).size();
}

void read_in_pieces(const std::string& path, std::size_t size, std::size_t most,
                    const std::function<void(std::span<const std::byte>)>& take) {
  const File file(path);
  HostBytes piece(std::min(size, most));
  for (std::size_t done = 0; done < size;) {
    const std::size_t wanted = std::min(most, size - done), got = file.read(piece.data(), wanted);
    if (got < wanted) {
      throw Error::work(fmt::format("{}: ends at byte {} of {}: it changed while it was read", path,
                                    done + got, size));
    }
    take({piece.data(), got});
    done += got;
  }
}

HostBytes read_maybe_gzip(const std::string& path) {
  HostBytes packed = read_file(path);
  const bool is_gzip =
      packed.size() >= 2 && packed[0] == std::byte{0x1f} && packed[1] == std::byte{0x8b};
  if (!is_gzip) return packed;
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> decompressor(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  // The last four bytes say the unpacked size of the last member, mostly the only one. Deflate
  // packs at most about 1:1032, so a larger claim is damage (and would ask for absurd amounts of
  // memory).
  const std::size_t most = packed.size() * 1040;
  const std::size_t claimed =
      packed.size() < 18 ? 0 : little_endian_at(packed.data() + packed.size() - 4);
  HostBytes bytes(std::min(claimed, most));
  std::size_t read = 0, made = 0;
  while (read < packed.size()) {
    std::size_t used = 0, unpacked = 0;
    const auto result = libdeflate_gzip_decompress_ex(decompressor.get(), packed.data() + read,
                                                      packed.size() - read, bytes.data() + made,
                                                      bytes.size() - made, &used, &unpacked);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE && bytes.size() < most) {
      bytes.resize(std::min(most, 2 * bytes.size() + 65536));
      continue;
    }
    if (result != LIBDEFLATE_SUCCESS) {
      throw Error::mistake(fmt::format(
          "{}: the gzip data from byte {} of {} is damaged or ends early; fetch the file again",
          path, read, packed.size()));
    }
    read += used;
    made += unpacked;
  }
  bytes.resize(made);
  return bytes;
}

std::string stamp_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return path + " -";
  if (S_ISDIR(status.st_mode)) {  // how many files and bytes, and the latest change, at any depth
    std::int64_t files = 0, bytes = 0, latest = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      if (stat(it->path().c_str(), &status) != 0) continue;
      ++files;
      if (S_ISREG(status.st_mode)) bytes += status.st_size;
      latest = std::max<std::int64_t>(
          latest, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
    }
    return fmt::format("{} {} {} {}", path, files, bytes, latest);
  }
  return fmt::format("{} {} {}.{:09}", path, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

std::string sha256_of_file(const std::string& path) {
  const File file(path);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<std::byte> piece(1 << 20);
  while (const std::size_t got = file.read(piece.data(), piece.size())) {
    EVP_DigestUpdate(context.get(), piece.data(), got);
  }
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), sum, &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", sum[i]);
  return hex;
}

}  // namespace treino::data
