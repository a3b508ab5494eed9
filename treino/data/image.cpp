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

HostTensor read_png(const std::string& path, Bytes bytes, int channels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, void (*)(png_image*)> freed(&image, png_image_free);
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    throw Error::mistake(fmt::format("{}: {}", path, image.message));
  }
  if (channels == 0) channels = (image.format & PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1;
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  // A PNG packs at most about 1:1032, eight pixels a byte: more pixels than that are damage, and
  // would only ask for memory.
  check_extents(path, image.width, image.height,
                static_cast<std::int64_t>(bytes.size()) * 8 * 1040);
  HostTensor pixels = HostTensor::unfilled(DType::u8, Shape{image.height, image.width, channels});
  const png_color background{0, 0, 0};
  if (png_image_finish_read(&image, &background, pixels.bytes.data(), 0, nullptr) == 0) {
    throw Error::mistake(fmt::format("{}: {}", path, image.message));
  }
  if ((image.warning_or_error & PNG_IMAGE_ERROR) != 0) {
    throw Error::mistake(fmt::format("{}: {}", path, image.message));
  }
  return pixels;
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

// EXIF's orientation, 1 (upright) to 8.
int orientation_of(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min<std::size_t>(bytes.size(), 1 << 16));
  if (text.find(std::string_view("Exif\0\0", 6)) == text.npos) return 1;
  const std::unique_ptr<ExifData, void (*)(ExifData*)> data(
      exif_data_new_from_data(reinterpret_cast<const unsigned char*>(bytes.data()),
                              static_cast<unsigned>(text.size())),
      exif_data_unref);
  if (!data) return 1;
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return value >= 1 && value <= 8 ? value : 1;
}

// The picture upright. Orientations as TIFF 6.0 counts them: from 5 on rows and columns are
// exchanged; 2, 3, 7 and 8 run from right to left, 3, 4, 6 and 7 from the bottom up.
HostTensor turned(const HostTensor& image, int orientation) {
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
  if (begins("\x89PNG")) return read_png(path, bytes, channels);
  if (!begins("\xff\xd8"))
    throw Error::mistake(fmt::format("{}: at byte 0: neither a PNG nor a JPEG picture", path));
  HostTensor image = read_jpeg(path, bytes, channels);
  const int orientation = orientation_of(bytes);
  return orientation == 1 ? std::move(image) : turned(image, orientation);
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
