// SPDX-License-Identifier: Apache-2.0
// Picture files: PNG by libpng's simple interface, JPEG by libjpeg-turbo.
#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/load.h"

namespace treino::data {

namespace {

constexpr std::int64_t kMostPixels = 100'000'000;  // larger ones are damage or an attack

void check_extents(const std::string& path, std::int64_t width, std::int64_t height) {
  if (width > 0 && height > 0 && width * height <= kMostPixels) return;
  throw Error::mistake(fmt::format("{}: {} x {} pixels is more than can be meant", path, width, height));
}

HostTensor read_png(const std::string& path, const std::vector<std::byte>& bytes, int channels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    throw Error::mistake(fmt::format("{}: {}", path, image.message));
  }
  if (channels == 0) channels = (image.format & PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1;
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  try {
    check_extents(path, image.width, image.height);
  } catch (...) {
    png_image_free(&image);
    throw;
  }
  HostTensor pixels(DType::u8, Shape{image.height, image.width, channels});
  const png_color background{0, 0, 0};
  if (png_image_finish_read(&image, &background, pixels.bytes.data(), 0, nullptr) == 0) {
    throw Error::mistake(fmt::format("{}: {}", path, image.message));
  }
  return pixels;
}

HostTensor read_jpeg(const std::string& path, const std::vector<std::byte>& bytes, int channels) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, sampling = 0, space = 0;
  const auto fail = [&]() {
    throw Error::mistake(fmt::format("{}: {}", path, tjGetErrorStr2(decoder.get())));
  };
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &sampling, &space) != 0) fail();
  check_extents(path, width, height);
  if (channels == 0) channels = space == TJCS_GRAY ? 1 : 3;
  HostTensor pixels(DType::u8, Shape{height, width, channels});
  auto* out = reinterpret_cast<unsigned char*>(pixels.bytes.data());
  if (space == TJCS_CMYK || space == TJCS_YCCK) {  // turbojpeg gives CMYK as stored: inverted, as Adobe writes it
    std::vector<unsigned char> cmyk(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4);
    if (tjDecompress2(decoder.get(), data, bytes.size(), cmyk.data(), width, 0, height, TJPF_CMYK, TJFLAG_STOPONWARNING) != 0) fail();
    for (std::size_t i = 0; i < cmyk.size() / 4; ++i) {
      int sum = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const int value = cmyk[4 * i + c] * cmyk[4 * i + 3] / 255;
        if (channels == 3) out[3 * i + c] = static_cast<unsigned char>(value);
        sum += value;
      }
      if (channels == 1) out[i] = static_cast<unsigned char>(sum / 3);
    }
    return pixels;
  }
  const int format = channels == 3 ? TJPF_RGB : TJPF_GRAY;
  if (tjDecompress2(decoder.get(), data, bytes.size(), out, width, 0, height, format, TJFLAG_STOPONWARNING) != 0) fail();
  return pixels;
}

}  // namespace

HostTensor read_image(const std::string& path, int channels) {
  const std::vector<std::byte> bytes = read_file(path);
  const auto begins = [&](std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (begins("\x89PNG")) return read_png(path, bytes, channels);
  if (begins("\xff\xd8")) return read_jpeg(path, bytes, channels);
  throw Error::mistake(fmt::format("{}: neither a PNG nor a JPEG picture", path));
}

HostTensor resize_image(const HostTensor& image, std::int64_t height, std::int64_t width) {
  const std::int64_t from_height = image.shape[0], from_width = image.shape[1], channels = image.shape[2];
  if (from_height == height && from_width == width) return image;
  HostTensor result(DType::u8, Shape{height, width, channels});
  const auto from = image.as<std::uint8_t>();
  const auto to = result.as<std::uint8_t>();
  // Pixel centres: output pixel i lies at (i + 0.5) scale - 0.5 of the input.
  const auto place = [](std::int64_t i, std::int64_t extent, std::int64_t from_extent) {
    const double x = (static_cast<double>(i) + 0.5) * static_cast<double>(from_extent) / static_cast<double>(extent) - 0.5;
    return std::clamp(x, 0.0, static_cast<double>(from_extent - 1));
  };
  for (std::int64_t y = 0; y < height; ++y) {
    const double sy = place(y, height, from_height);
    const auto y0 = static_cast<std::int64_t>(sy), y1 = std::min(y0 + 1, from_height - 1);
    for (std::int64_t x = 0; x < width; ++x) {
      const double sx = place(x, width, from_width);
      const auto x0 = static_cast<std::int64_t>(sx), x1 = std::min(x0 + 1, from_width - 1);
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto at = [&](std::int64_t row, std::int64_t column) {
          return static_cast<double>(from[static_cast<std::size_t>((row * from_width + column) * channels + c)]);
        };
        const double fx = sx - static_cast<double>(x0), fy = sy - static_cast<double>(y0);
        const double value = (at(y0, x0) * (1 - fx) + at(y0, x1) * fx) * (1 - fy) + (at(y1, x0) * (1 - fx) + at(y1, x1) * fx) * fy;
        to[static_cast<std::size_t>((y * width + x) * channels + c)] = static_cast<std::uint8_t>(std::lround(value));
      }
    }
  }
  return result;
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
