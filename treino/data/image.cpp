// SPDX-License-Identifier: Apache-2.0
// Picture files: PNG by libpng's simple interface, JPEG by libjpeg-turbo, EXIF by libexif.
#include "treino/data/image.h"

#include <fmt/format.h>
#include <libexif/exif-data.h>
#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/load.h"

namespace treino::data {

namespace {

constexpr std::int64_t kMostPixels = 100'000'000;  // larger ones are damage or an attack
using Bytes = std::span<const std::byte>;

void check_extents(const std::string& path, std::int64_t width, std::int64_t height,
                   std::int64_t most = kMostPixels) {
  if (width > 0 && height > 0 && width * height <= std::min(most, kMostPixels)) return;
  throw Error::mistake(
      fmt::format("{}: {} x {} pixels is more than can be meant", path, width, height));
}

// A PNG's chunks, as far as this needs to know them.
struct PngChunks {
  HostBytes kept;  // the file without what would change its numbers to suit a screen
  Bytes exif;      // inside the file as given
};

std::uint32_t big_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint32_t>(bytes[i]);
  return value;
}

// Numbers are taken as they stand, as other readers for training do: gamma and colour profiles are
// left out. What makes no sense is kept for libpng to judge.
PngChunks chunks_of(Bytes file) {
  constexpr std::size_t kSignature = 8, kFrame = 12;  // length, type, checksum
  PngChunks chunks;
  const auto keep = [&](Bytes bytes) {
    chunks.kept.insert(chunks.kept.end(), bytes.begin(), bytes.end());
  };
  chunks.kept.reserve(file.size());
  std::size_t at = std::min(file.size(), kSignature);
  keep(file.first(at));
  while (file.size() - at >= kFrame) {
    const std::size_t length = big_endian(file.data() + at);
    if (length > file.size() - at - kFrame) break;
    const std::string_view type(reinterpret_cast<const char*>(file.data() + at + 4), 4);
    if (type == "eXIf") chunks.exif = file.subspan(at + 8, length);
    if (type != "gAMA" && type != "cHRM" && type != "iCCP" && type != "sRGB")
      keep(file.subspan(at, kFrame + length));
    at += kFrame + length;
  }
  keep(file.subspan(at));
  return chunks;
}

// The weights by which a JPEG makes its luminance (ITU-R BT.601), for the same gray from both.
std::uint8_t gray_of(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

// Pixels with `stored` channels, 1 or 3 and an alpha or not, before black, as 1 or 3 channels.
void compose(std::span<const std::uint8_t> from, std::size_t stored, std::size_t channels,
             std::uint8_t* to) {
  const std::size_t colours = stored >= 3 ? 3 : 1;
  for (std::size_t i = 0; i < from.size() / stored; ++i) {
    const std::uint8_t* pixel = from.data() + i * stored;
    std::uint8_t rgb[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int value = pixel[colours == 3 ? c : 0];
      rgb[c] = static_cast<std::uint8_t>(stored == colours ? value
                                                           : (value * pixel[colours] + 127) / 255);
    }
    if (channels == 3) {
      std::copy_n(rgb, 3, to + 3 * i);
    } else {
      to[i] = colours == 3 ? gray_of(rgb) : rgb[0];
    }
  }
}

HostTensor read_png(const std::string& path, const PngChunks& chunks, int channels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, void (*)(png_image*)> freed(&image, png_image_free);
  if (png_image_begin_read_from_memory(&image, chunks.kept.data(), chunks.kept.size()) == 0) {
    throw Error::mistake(fmt::format("{}: {}", path, image.message));
  }
  const bool colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0,
             alpha = (image.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  image.format = colour  ? alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB
                 : alpha ? PNG_FORMAT_GA
                         : PNG_FORMAT_GRAY;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // not linear light
  if (channels == 0) channels = colour ? 3 : 1;
  // A PNG packs at most about 1:1032, eight pixels a byte: more pixels than that are damage, and
  // would only ask for memory.
  check_extents(path, image.width, image.height,
                static_cast<std::int64_t>(chunks.kept.size()) * 8 * 1040);
  const std::size_t stored = PNG_IMAGE_PIXEL_CHANNELS(image.format);
  const std::size_t pixels = std::size_t{image.width} * image.height;
  std::vector<std::uint8_t> raw(pixels * stored);
  if (png_image_finish_read(&image, nullptr, raw.data(), 0, nullptr) == 0 ||
      (image.warning_or_error & PNG_IMAGE_ERROR) != 0) {
    throw Error::mistake(fmt::format("{}: {}", path, image.message));
  }
  HostTensor result = HostTensor::unfilled(DType::u8, Shape{image.height, image.width, channels});
  compose(raw, stored, static_cast<std::size_t>(channels), result.as<std::uint8_t>().data());
  return result;
}

// turbojpeg gives CMYK as stored: inverted, as Adobe writes it.
void convert_cmyk(std::span<const unsigned char> cmyk, int channels, unsigned char* out) {
  for (std::size_t i = 0; i < cmyk.size() / 4; ++i) {
    int sum = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const int value = cmyk[4 * i + c] * cmyk[4 * i + 3] / 255;
      if (channels == 3) out[3 * i + c] = static_cast<unsigned char>(value);
      sum += value;
    }
    if (channels == 1) out[i] = static_cast<unsigned char>(sum / 3);
  }
}

HostTensor read_jpeg(const std::string& path, Bytes bytes, int channels) {
  // One a picture: a decoder keeps the tables of the picture before, which a damaged one would use.
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, sampling = 0, space = 0;
  const auto fail = [&]() {
    throw Error::mistake(fmt::format("{}: {}", path, tjGetErrorStr2(decoder.get())));
  };
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &sampling, &space) !=
      0)
    fail();
  check_extents(path, width, height);
  if (channels == 0) channels = space == TJCS_GRAY ? 1 : 3;
  HostTensor pixels = HostTensor::unfilled(DType::u8, Shape{height, width, channels});
  auto* out = reinterpret_cast<unsigned char*>(pixels.bytes.data());
  const bool is_cmyk = space == TJCS_CMYK || space == TJCS_YCCK;
  std::vector<unsigned char> cmyk;
  if (is_cmyk) cmyk.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4);
  const int format = is_cmyk ? TJPF_CMYK : channels == 3 ? TJPF_RGB : TJPF_GRAY;
  // A warning means damaged or missing data: pixels that were made up are no picture to learn from.
  if (tjDecompress2(decoder.get(), data, bytes.size(), is_cmyk ? cmyk.data() : out, width, 0,
                    height, format, TJFLAG_STOPONWARNING) != 0) {
    fail();
  }
  if (is_cmyk) convert_cmyk(cmyk, channels, out);
  return pixels;
}

// EXIF's orientation, 1 (upright) to 8; `block` begins with "Exif" and two zeros, or is a JPEG's
// beginning.
int orientation_in(Bytes block) {
  const std::unique_ptr<ExifData, void (*)(ExifData*)> data(
      exif_data_new_from_data(reinterpret_cast<const unsigned char*>(block.data()),
                              static_cast<unsigned>(block.size())),
      exif_data_unref);
  if (!data) return 1;
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return value >= 1 && value <= 8 ? value : 1;
}

constexpr std::string_view kExif("Exif\0\0", 6);
constexpr std::size_t kMostExif = 1 << 16;

int orientation_of_jpeg(Bytes bytes) {
  const Bytes begin = bytes.first(std::min(bytes.size(), kMostExif));
  const std::string_view text(reinterpret_cast<const char*>(begin.data()), begin.size());
  return text.find(kExif) == text.npos ? 1 : orientation_in(begin);
}

int orientation_of_png(Bytes exif) {
  if (exif.empty() || exif.size() > kMostExif) return 1;
  const auto* mark = reinterpret_cast<const std::byte*>(kExif.data());
  std::vector<std::byte> block(mark, mark + kExif.size());
  block.insert(block.end(), exif.begin(), exif.end());
  return orientation_in(block);
}

// The picture upright. Orientations as TIFF 6.0 counts them: from 5 on rows and columns are
// exchanged; 2, 3, 7 and 8 run from right to left, 3, 4, 6 and 7 from the bottom up.
HostTensor turned(HostTensor image, int orientation) {
  if (orientation == 1) return image;
  const std::int64_t height = image.shape[0], width = image.shape[1], channels = image.shape[2];
  const bool exchanged = orientation >= 5;
  const std::int64_t rows = exchanged ? width : height, columns = exchanged ? height : width;
  HostTensor result = HostTensor::unfilled(DType::u8, Shape{rows, columns, channels});
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const auto from = image.as<std::uint8_t>();
  const auto to = result.as<std::uint8_t>();
  for (std::int64_t y = 0; y < rows; ++y) {
    for (std::int64_t x = 0; x < columns; ++x) {
      const std::int64_t stored_y = exchanged ? x : y, stored_x = exchanged ? y : x;
      const std::int64_t source_y = from_bottom ? height - 1 - stored_y : stored_y;
      const std::int64_t source_x = from_right ? width - 1 - stored_x : stored_x;
      for (std::int64_t c = 0; c < channels; ++c) {
        to[static_cast<std::size_t>((y * columns + x) * channels + c)] =
            from[static_cast<std::size_t>((source_y * width + source_x) * channels + c)];
      }
    }
  }
  return result;
}

}  // namespace

HostTensor decode_image(std::span<const std::byte> bytes, const std::string& path, int channels) {
  const auto begins = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (bytes.empty()) throw Error::mistake(fmt::format("{}: is empty (0 bytes)", path));
  if (begins("\x89PNG")) {
    const PngChunks chunks = chunks_of(bytes);
    return turned(read_png(path, chunks, channels), orientation_of_png(chunks.exif));
  }
  if (!begins("\xff\xd8"))
    throw Error::mistake(fmt::format("{}: at byte 0: neither a PNG nor a JPEG picture", path));
  return turned(read_jpeg(path, bytes, channels), orientation_of_jpeg(bytes));
}

HostTensor read_image(const std::string& path, int channels) {
  return decode_image(read_file(path), path, channels);
}

void write_png(const std::string& path, const HostTensor& image) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.height = static_cast<png_uint_32>(image.shape[0]);
  header.width = static_cast<png_uint_32>(image.shape[1]);
  header.format = image.shape[2] == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  if (png_image_write_to_file(&header, path.c_str(), 0, image.bytes.data(), 0, nullptr) == 0) {
    throw Error::work(fmt::format("{}: {}", path, header.message));
  }
}

}  // namespace treino::data
