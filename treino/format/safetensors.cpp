// SPDX-License-Identifier: Apache-2.0
#include "treino/format/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/mapped_file.h"
#include "treino/base/quote.h"

namespace treino::format {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored as they are in memory");

namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // as the format's own reader

struct TypeName {
  DType type;
  std::string_view name;
};
constexpr TypeName kTypes[] = {{DType::f32, "F32"},
                               {DType::f64, "F64"},
                               {DType::u8, "U8"},
                               {DType::i32, "I32"},
                               {DType::i64, "I64"}};

using Entry = SafeTensorsFile::Entry;
using Metadata = std::vector<std::pair<std::string, std::string>>;

// Checks a header against the size of the whole file; `bytes` are its first ones, header included.
class Header {
 public:
  Header(std::string_view bytes, std::uint64_t size, const std::string& path)
      : bytes_(bytes), size_(size), path_(path) {}

  // Bytes before the tensors, from the first eight.
  std::uint64_t length() const {
    if (size_ < 8) fail("it has {} bytes, fewer than the 8 of the header's length", size_);
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), sizeof length);
    if (length > kLongestHeader) {
      fail("its header would have {} bytes, more than {}", length, kLongestHeader);
    }
    if (length > size_ - 8) {
      fail("its header should have {} bytes but {} follow", length, size_ - 8);
    }
    return 8 + length;
  }

  void read(std::vector<Entry>& entries, Metadata& metadata) {
    const Json header = parse_header();
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(value, metadata);
      } else {
        entries.push_back(read_entry(name, value));
      }
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    std::uint64_t next = 0;
    for (const Entry& entry : entries) {
      if (entry.begin != next) {
        fail("tensor \"{}\" begins at byte {} where {} was expected", entry.name, entry.begin,
             next);
      }
      next = entry.end;
    }
    if (next != data_size_) {
      fail(
          "the header speaks of {} bytes of tensors but {} follow it; the file is cut off or "
          "damaged",
          next, data_size_);
    }
  }

 private:
  template <typename... Values>
  [[noreturn]] void fail(fmt::format_string<Values...> text, Values&&... values) const {
    throw Error::mistake(fmt::format("{}: not a sound safetensors file: {}", path_,
                                     one_line(fmt::format(text, std::forward<Values>(values)...))));
  }

  Json parse_header() {
    const std::string_view text = bytes_.substr(8, length() - 8);
    data_size_ = size_ - length();
    if (text.empty() || text[0] != '{') fail("its header does not begin with {{");
    std::set<std::string> names;
    std::string twice;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      if (event == Json::parse_event_t::key && depth == 1 &&
          !names.insert(value.get<std::string>()).second) {
        twice = value.get<std::string>();
      }
      return true;
    };
    const Json header = Json::parse(text, watch, false);
    if (!header.is_object()) fail("its header is not JSON");
    if (!twice.empty()) fail("\"{}\" stands in it twice", twice);
    return header;
  }

  void read_metadata(const Json& value, Metadata& metadata) const {
    if (!value.is_object()) fail("__metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail("__metadata__ \"{}\" is not a string", key);
      metadata.emplace_back(key, text.get<std::string>());
    }
  }

  std::uint64_t count(const std::string& name, const char* what, const Json& value) const {
    if (!value.is_number_unsigned())
      fail("tensor \"{}\": {} are not whole numbers from 0", name, what);
    return value.get<std::uint64_t>();
  }

  Entry read_entry(const std::string& name, const Json& value) const {
    if (!value.is_object()) fail("tensor \"{}\" is not an object", name);
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (!value.contains(key)) fail("tensor \"{}\" has no {}", name, key);
    }
    if (value.size() != 3) fail("tensor \"{}\" has more than dtype, shape and data_offsets", name);
    Entry entry;
    entry.name = name;
    const Json& type = value["dtype"];
    const auto row = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& t) {
      return type.is_string() && type == std::string(t.name);
    });
    if (row == std::end(kTypes)) {
      fail("tensor \"{}\" is of type {}; read are F32, F64, U8, I32 and I64", name,
           type.dump(-1, ' ', true, Json::error_handler_t::replace));
    }
    entry.type = row->type;

    const Json& shape = value["shape"];
    if (!shape.is_array()) fail("tensor \"{}\": its shape is not a list", name);
    if (shape.size() > Shape::kMaxRank)
      fail("tensor \"{}\" has {} axes, more than {}", name, shape.size(), Shape::kMaxRank);
    std::uint64_t elements = 1;
    for (const Json& extent : shape) {
      const std::uint64_t n = count(name, "its extents", extent);
      if (n != 0 && elements > data_size_ / n) fail("tensor \"{}\" is larger than the file", name);
      if (n > static_cast<std::uint64_t>(INT64_MAX))
        fail("tensor \"{}\": an extent is too large", name);
      elements *= n;
      entry.shape.append(static_cast<std::int64_t>(n));
    }
    const Json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2)
      fail("tensor \"{}\": data_offsets are not two numbers", name);
    entry.begin = count(name, "data_offsets", offsets[0]);
    entry.end = count(name, "data_offsets", offsets[1]);
    if (entry.begin > entry.end || entry.end > data_size_) {
      fail("tensor \"{}\" lies at bytes {} to {} of {}; the file is cut off or damaged", name,
           entry.begin, entry.end, data_size_);
    }
    const std::uint64_t bytes = elements * static_cast<std::uint64_t>(host_bytes(entry.type));
    if (entry.end - entry.begin != bytes) {
      fail("tensor \"{}\" of shape {} needs {} bytes but has {}", name, to_string(entry.shape),
           bytes, entry.end - entry.begin);
    }
    return entry;
  }

  std::string_view bytes_;
  std::uint64_t size_, data_size_ = 0;
  const std::string& path_;
};

}  // namespace

const HostTensor* SafeTensors::find(std::string_view name) const {
  for (const auto& [known, tensor] : tensors) {
    if (known == name) return &tensor;
  }
  return nullptr;
}

const std::string* SafeTensors::find_metadata(std::string_view key) const {
  for (const auto& [known, value] : metadata) {
    if (known == key) return &value;
  }
  return nullptr;
}

void write_safetensors(const std::string& path, const SafeTensors& file) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : file.tensors) tensors.emplace_back(name, &tensor);
  write_safetensors(path, tensors, file.metadata);
}

void write_safetensors(const std::string& path, const NamedTensors& tensors,
                       const Metadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) {
    Json& object = header["__metadata__"] = Json::object();
    for (const auto& [key, value] : metadata) object[key] = value;
  }
  std::uint64_t offset = 0;
  std::vector<std::string_view> parts(2);
  for (const auto& [name, pointer] : tensors) {
    const HostTensor& tensor = *pointer;
    const auto row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const TypeName& t) { return t.type == tensor.dtype; });
    Json shape = Json::array();
    for (const std::int64_t extent : tensor.shape) shape.push_back(extent);
    header[name] = {{"dtype", row->name},
                    {"shape", shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
    parts.emplace_back(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  std::string text = header.dump(-1, ' ', true, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors start at a multiple of 8
  const std::uint64_t length = text.size();
  parts[0] = {reinterpret_cast<const char*>(&length), sizeof length};
  parts[1] = text;
  write_whole_file(path, parts);
}

SafeTensors read_safetensors(const std::string& path) {
  const SafeTensorsFile file(path);
  SafeTensors result;
  result.metadata = file.metadata();
  for (const Entry& entry : file.entries())
    result.tensors.emplace_back(entry.name, file.read(entry));
  return result;
}

SafeTensors parse_safetensors(std::string_view bytes, const std::string& path) {
  SafeTensors result;
  std::vector<Entry> entries;
  Header header(bytes, bytes.size(), path);
  header.read(entries, result.metadata);
  const std::string_view data = bytes.substr(header.length());
  for (const Entry& entry : entries) {
    HostTensor tensor = HostTensor::unfilled(entry.type, entry.shape);
    if (!tensor.bytes.empty())
      std::memcpy(tensor.bytes.data(), data.data() + entry.begin, tensor.bytes.size());
    result.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return result;
}

SafeTensorsFile::SafeTensorsFile(std::string path) : path_(std::move(path)) {
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor_ < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error::mistake(path_ + ": there is no such file");
    throw Error::work(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  }
  try {
    if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
      throw Error::mistake(path_ + ": is not a file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(size, 8)), '\0');
    read_at(0, bytes.data(), bytes.size());
    begin_ = Header(bytes, size, path_).length();
    bytes.resize(static_cast<std::size_t>(begin_));
    read_at(0, bytes.data(), bytes.size());
    Header(bytes, size, path_).read(entries_, metadata_);
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

SafeTensorsFile::~SafeTensorsFile() {
  close(descriptor_);
}

const Entry* SafeTensorsFile::find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

void SafeTensorsFile::read(const Entry& entry, std::uint64_t offset,
                           std::span<std::byte> into) const {
  read_at(begin_ + entry.begin + offset, into.data(), into.size());
}

HostTensor SafeTensorsFile::read(const Entry& entry) const {
  HostTensor tensor = HostTensor::unfilled(entry.type, entry.shape);
  read(entry, 0, tensor.bytes);
  return tensor;
}

HostTensor SafeTensorsFile::map(const Entry& entry) const {
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t first = begin_ + entry.begin, aligned = first / page * page;
  const auto bytes = static_cast<std::size_t>(entry.end - entry.begin);
  const auto mapped = static_cast<std::size_t>(first - aligned) + bytes;
  if (bytes == 0 || first % static_cast<std::uint64_t>(host_bytes(entry.type)) != 0)
    return read(entry);
  const std::shared_ptr<void> whole = map_file(descriptor_, aligned, mapped, path_);
  if (whole == nullptr) return read(entry);
  HostTensor tensor;
  tensor.dtype = entry.type;
  tensor.shape = entry.shape;
  auto* at = static_cast<std::byte*>(whole.get()) + (first - aligned);
  tensor.bytes = HostBytes(bytes, HostAllocator<std::byte>({whole, at}, bytes));
  return tensor;
}

void SafeTensorsFile::read_at(std::uint64_t offset, void* into, std::size_t count) const {
  auto* bytes = static_cast<char*>(into);
  while (count > 0) {
    const ssize_t got = pread(descriptor_, bytes, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error::work(fmt::format("{}: {}", path_, std::strerror(errno)));
    if (got == 0)
      throw Error::mistake(fmt::format("{}: ends at byte {}, while it was read", path_, offset));
    bytes += got;
    count -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace treino::format
