// SPDX-License-Identifier: Apache-2.0
#include "treino/format/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/quote.h"
#include "treino/format/archive.h"

namespace treino::format {

static_assert(std::endian::native == std::endian::little,
              "elements are stored as they are in memory");

namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

// IEEE 754 binary16.
float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const int exponent = half >> 10 & 31;
  const std::uint32_t fraction = half & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent != 0)
    return std::bit_cast<float>(sign | static_cast<std::uint32_t>(exponent + 112) << 23 |
                                fraction << 13);
  const float small = static_cast<float>(fraction) / 16777216.0F;  // 2^-24
  return sign != 0 ? -small : small;
}

struct Header {
  char kind = 0;  // b, u, i, f
  std::size_t size = 0;
  bool swapped = false, fortran = false;
  Shape shape;
};

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  HostTensor read() {
    const Header header = read_header();
    // What the elements take, without overflow: the header is not to be trusted.
    std::size_t count = 1;
    for (const std::int64_t extent : header.shape) {
      const auto n = static_cast<std::size_t>(extent);
      if (n != 0 && count > bytes_.size() / n)
        fail(begin_, fmt::format("its shape {} is larger than the file", to_string(header.shape)));
      count *= n;
    }
    const std::size_t present = bytes_.size() - begin_;
    if (present != count * header.size) {
      fail(begin_, fmt::format("its header promises {} bytes of data, but {} follow",
                               count * header.size, present));
    }
    HostTensor tensor = convert(header, count);
    return header.fortran && header.shape.rank() > 1 ? transposed(tensor) : tensor;
  }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw Error::mistake(one_line(fmt::format("{}: at byte {}: {}", path_, at, what)));
  }

  Header read_header() {
    if (bytes_.size() < 10 || bytes_.substr(0, 6) != kMagic)
      fail(0, "is no NumPy array: it does not begin with \\x93NUMPY");
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(bytes_[i]));
    };
    const std::size_t version = byte(6);
    if (version < 1 || version > 3)
      fail(6, fmt::format("format version {} is not known; versions 1 to 3 are", version));
    std::size_t length = byte(8) | byte(9) << 8;
    begin_ = 10;
    if (version > 1) {
      if (bytes_.size() < 12) fail(bytes_.size(), "ends inside its header");
      length |= byte(10) << 16 | byte(11) << 24;
      begin_ = 12;
    }
    if (length > bytes_.size() - begin_)
      fail(begin_, fmt::format("its header should have {} bytes but {} follow", length,
                               bytes_.size() - begin_));
    text_ = bytes_.substr(begin_, length);
    at_ = 0;
    header_begin_ = begin_;
    begin_ += length;
    return parse_dictionary();
  }

  [[noreturn]] void bad_header(const std::string& what) const {
    fail(header_begin_ + at_, "the header is damaged: " + what);
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t'))
      ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void want(char c) {
    if (!take(c)) bad_header(fmt::format("'{}' is missing", c));
  }
  std::string_view quoted() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') bad_header("a quoted word is missing");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) bad_header("a quote is not closed");
    const std::string_view word = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return word;
  }
  bool truth() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return word == "True";
    }
    bad_header("True or False is missing");
  }

  Header parse_dictionary() {
    Header header;
    bool has_type = false, has_order = false, has_shape = false;
    want('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      want(':');
      if (key == "descr" && !has_type) {
        has_type = true;
        parse_type(header);
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        header.fortran = truth();
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        parse_shape(header);
      } else {
        bad_header(fmt::format("'{}' is not expected", key.substr(0, 40)));
      }
      if (!take(',')) {
        want('}');
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) bad_header("it lacks descr, fortran_order or shape");
    return header;
  }

  void parse_type(Header& header) {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[')
      bad_header("arrays of records are not read; save each field as an array of its own");
    const std::string_view type = quoted();
    if (type.size() == 3) {
      header.kind = type[1];
      header.size = static_cast<std::size_t>(type[2] - '0');
      header.swapped = type[0] == '>' && header.size > 1;
    }
    const bool known =
        type.size() == 3 &&
        (type[0] == '<' || type[0] == '>' || type[0] == '|' || type[0] == '=') &&
        ((header.kind == 'b' && header.size == 1) ||
         ((header.kind == 'u' || header.kind == 'i') &&
          (header.size == 1 || header.size == 2 || header.size == 4 || header.size == 8)) ||
         (header.kind == 'f' && (header.size == 2 || header.size == 4 || header.size == 8)));
    if (!known)
      bad_header(fmt::format("elements of type '{}' are not read; numbers and booleans are",
                             type.substr(0, 40)));
  }

  void parse_shape(Header& header) {
    want('(');
    while (!take(')')) {
      skip_blanks();
      std::int64_t extent = -1;
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc{} || extent < 0) bad_header("an extent is no whole number");
      at_ = static_cast<std::size_t>(end - text_.data());
      if (header.shape.rank() == Shape::kMaxRank)
        bad_header(fmt::format("more than {} axes", Shape::kMaxRank));
      header.shape.append(extent);
      if (!take(',')) {
        want(')');
        break;
      }
    }
  }

  template <class From, class To>
  HostTensor converted(const Header& header, std::size_t count, DType type) const {
    HostTensor tensor = HostTensor::unfilled(type, header.shape);
    const auto to = tensor.as<To>();
    const char* from = bytes_.data() + begin_;
    for (std::size_t i = 0; i < count; ++i, from += sizeof(From)) {
      char element[sizeof(From)];
      std::memcpy(element, from, sizeof element);
      if (header.swapped) std::reverse(element, element + sizeof element);
      From value;
      std::memcpy(&value, element, sizeof value);
      if constexpr (std::is_same_v<From, std::uint64_t>) {
        if (value > static_cast<std::uint64_t>(INT64_MAX)) {
          fail(begin_ + i * sizeof(From),
               fmt::format("{} does not fit into a signed 64-bit number", value));
        }
      }
      to[i] = static_cast<To>(value);
    }
    return tensor;
  }

  HostTensor convert(const Header& header, std::size_t count) const {
    const std::size_t size = header.size;
    if (header.kind == 'f') {
      if (size == 8) return converted<double, double>(header, count, DType::f64);
      if (size == 4) return converted<float, float>(header, count, DType::f32);
      HostTensor bits = converted<std::uint16_t, std::int32_t>(header, count, DType::i32);
      HostTensor tensor(DType::f32, header.shape);
      const auto to = tensor.as<float>();
      const auto from = bits.as<std::int32_t>();
      for (std::size_t i = 0; i < count; ++i)
        to[i] = half_to_float(static_cast<std::uint16_t>(from[i]));
      return tensor;
    }
    if (header.kind == 'b' || (header.kind == 'u' && size == 1)) {
      return converted<std::uint8_t, std::uint8_t>(header, count, DType::u8);
    }
    if (header.kind == 'u') {
      if (size == 2) return converted<std::uint16_t, std::int32_t>(header, count, DType::i32);
      if (size == 4) return converted<std::uint32_t, std::int64_t>(header, count, DType::i64);
      return converted<std::uint64_t, std::int64_t>(header, count, DType::i64);
    }
    if (size == 1) return converted<std::int8_t, std::int32_t>(header, count, DType::i32);
    if (size == 2) return converted<std::int16_t, std::int32_t>(header, count, DType::i32);
    if (size == 4) return converted<std::int32_t, std::int32_t>(header, count, DType::i32);
    return converted<std::int64_t, std::int64_t>(header, count, DType::i64);
  }

  // Columns first (as read, with the shape it is to have) to rows first.
  static HostTensor transposed(const HostTensor& stored) {
    HostTensor tensor = HostTensor::unfilled(stored.dtype, stored.shape);
    const int rank = stored.shape.rank();
    const auto element = static_cast<std::size_t>(host_bytes(stored.dtype));
    std::vector<std::size_t> stride(static_cast<std::size_t>(rank), 1),
        index(static_cast<std::size_t>(rank), 0);
    for (int a = 1; a < rank; ++a)
      stride[static_cast<std::size_t>(a)] =
          stride[static_cast<std::size_t>(a - 1)] * static_cast<std::size_t>(stored.shape[a - 1]);
    std::byte* to = tensor.bytes.data();
    for (std::int64_t n = stored.shape.elements(); n > 0; --n, to += element) {
      std::size_t from = 0;
      for (std::size_t a = 0; a < index.size(); ++a) from += index[a] * stride[a];
      std::memcpy(to, stored.bytes.data() + from * element, element);
      for (int a = rank - 1; a >= 0; --a) {
        if (++index[static_cast<std::size_t>(a)] < static_cast<std::size_t>(stored.shape[a])) break;
        index[static_cast<std::size_t>(a)] = 0;
      }
    }
    return tensor;
  }

  std::string_view bytes_, text_;
  const std::string& path_;
  std::size_t at_ = 0, header_begin_ = 0, begin_ = 0;  // in the header; of the header; of the data
};

std::vector<std::pair<std::string, HostTensor>> read_arrays(Archive& archive,
                                                            const std::string& path) {
  std::vector<std::pair<std::string, HostTensor>> arrays;
  while (const auto name = archive.next()) {
    if (!name->ends_with(".npy"))
      throw Error::mistake(
          fmt::format("{}: holds {}, which is no .npy array", path, quoted(*name)));
    const HostBytes bytes = archive.read_all();
    arrays.emplace_back(
        name->substr(0, name->size() - 4),
        parse_npy({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, archive.place()));
  }
  return arrays;
}

}  // namespace

HostTensor parse_npy(std::string_view bytes, const std::string& path) {
  return Reader(bytes, path).read();
}

HostTensor read_npy(const std::string& path) {
  return parse_npy(read_whole_file(path), path);
}

std::vector<std::pair<std::string, HostTensor>> read_npz(const std::string& path) {
  Archive archive(path);
  return read_arrays(archive, path);
}

std::vector<std::pair<std::string, HostTensor>> parse_npz(std::string_view bytes,
                                                          const std::string& path) {
  Archive archive(path, bytes);
  return read_arrays(archive, path);
}

void write_npy(const std::string& path, const HostTensor& tensor) {
  const char* type = tensor.dtype == DType::f32   ? "<f4"
                     : tensor.dtype == DType::f64 ? "<f8"
                     : tensor.dtype == DType::u8  ? "|u1"
                     : tensor.dtype == DType::i32 ? "<i4"
                                                  : "<i8";
  std::string shape;
  for (const std::int64_t extent : tensor.shape) shape += fmt::format("{}, ", extent);
  if (tensor.shape.rank() > 1) shape.resize(shape.size() - 2);
  if (tensor.shape.rank() == 1) shape.pop_back();
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  header.append(63 - (10 + header.size()) % 64, ' ');  // data begin at a multiple of 64
  header += '\n';
  std::string start(kMagic);
  start += {'\x01', '\0', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  start += header;
  const std::string_view parts[] = {
      start, {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()}};
  write_whole_file(path, parts);
}

}  // namespace treino::format
