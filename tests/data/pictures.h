// SPDX-License-Identifier: Apache-2.0
// JPEG and PNG files, made in memory for tests.
#pragma once

#include <turbojpeg.h>
#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "treino/base/host_tensor.h"
#include "treino/data/load.h"

namespace treino::data::pictures {

// u8 [height, width, channels]: left half `left`, right half `right` in every channel.
inline HostTensor halves(std::int64_t height, std::int64_t width, std::int64_t channels,
                         std::uint8_t left, std::uint8_t right) {
  HostTensor image(DType::u8, Shape{height, width, channels});
  const auto pixels = image.as<std::uint8_t>();
  for (std::int64_t i = 0; i < height * width; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) {
      pixels[static_cast<std::size_t>(i * channels + c)] = i % width < width / 2 ? left : right;
    }
  }
  return image;
}

inline HostTensor plain(std::int64_t side, std::uint8_t value) {
  return halves(side, side, 3, value, value);
}

// channels 1, 3, or 4: CMYK as Adobe writes it.
inline std::string jpeg(const HostTensor& image) {
  const int channels = static_cast<int>(image.shape[2]);
  const int format = channels == 1 ? TJPF_GRAY : channels == 3 ? TJPF_RGB : TJPF_CMYK;
  const int sampling = channels == 1 ? TJSAMP_GRAY : TJSAMP_444;
  tjhandle encoder = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  tjCompress2(encoder, reinterpret_cast<const unsigned char*>(image.bytes.data()),
              static_cast<int>(image.shape[1]), 0, static_cast<int>(image.shape[0]), format, &bytes,
              &size, sampling, 95, 0);
  std::string text(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(encoder);
  return text;
}

// The JPEG with an EXIF block that holds nothing but the orientation, 1 to 8.
inline std::string with_orientation(const std::string& plain_jpeg, char orientation) {
  std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24);
  exif += std::string{orientation, '\0', '\0', '\0', '\0', '\0', '\0', '\0'};
  const std::size_t length = exif.size() + 2;
  return plain_jpeg.substr(0, 2) + "\xff\xe1" + static_cast<char>(length >> 8) +
         static_cast<char>(length & 0xff) + exif + plain_jpeg.substr(2);
}

// A PNG of one row of pixels, as its bytes stand in the file; `more` is a chunk, type and data,
// that comes before them.
inline std::string png(int bits, int colour_type, const std::vector<std::uint8_t>& row,
                       const std::string& more = "", int width = 1) {
  const auto word = [](unsigned long value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
  };
  const auto chunk = [&](const std::string& content) {
    const auto* bytes = reinterpret_cast<const Bytef*>(content.data());
    return word(content.size() - 4) + content +
           word(crc32(0, bytes, static_cast<uInt>(content.size())));
  };
  std::string header = "IHDR" + word(static_cast<unsigned long>(width)) + word(1);
  header += {static_cast<char>(bits), static_cast<char>(colour_type), 0, 0, 0};
  std::vector<Bytef> line{0};  // no filter
  line.insert(line.end(), row.begin(), row.end());
  std::vector<Bytef> packed(compressBound(line.size()));
  uLongf size = packed.size();
  compress(packed.data(), &size, line.data(), line.size());
  const std::string data =
      "IDAT" + std::string(packed.begin(), packed.begin() + static_cast<long>(size));
  return "\x89PNG\r\n\x1a\n" + chunk(header) + (more.empty() ? "" : chunk(more)) + chunk(data) +
         chunk("IEND");
}

}  // namespace treino::data::pictures
