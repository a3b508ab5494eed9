// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/pictures.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/rng.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;
using namespace pictures;

int at(const HostTensor& image, std::int64_t y, std::int64_t x, std::int64_t c = 0) {
  return image
      .as<std::uint8_t>()[static_cast<std::size_t>((y * image.shape[1] + x) * image.shape[2] + c)];
}

TEST(Image, RoundTrip) {
  TemporaryFolder folder;
  HostTensor image(DType::u8, Shape{3, 5, 3});
  Rng rng(1, 1);
  for (auto& pixel : image.as<std::uint8_t>()) pixel = static_cast<std::uint8_t>(rng.below(256));
  write_png(folder / "a.png", image);
  EXPECT_EQ(read_image(folder / "a.png").bytes, image.bytes);
  EXPECT_EQ(read_image(folder / "a.png", 1).shape, (Shape{3, 5, 1}));
}

TEST(Image, GrayOfColourIsTheSameFromPngAndJpeg) {
  TemporaryFolder folder;
  HostTensor image(DType::u8, Shape{16, 16, 3});
  const auto pixels = image.as<std::uint8_t>();
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i % 3 == 0 ? 0 : i % 3 == 1 ? 255 : 40);
  write_png(folder / "a.png", image);
  EXPECT_EQ(at(read_image(folder / "a.png", 1), 3, 3), 154);  // .587 255 + .114 40
  EXPECT_NEAR(at(read_image(folder.write("a.jpg", jpeg(image)), 1), 3, 3), 154, 2);
}

TEST(Image, NumbersOfAPngAreTakenAsTheyStand) {
  TemporaryFolder folder;
  // 16 bits a number; a gamma that would darken them on a screen; an alpha before black.
  EXPECT_EQ(at(read_image(folder.write("16.png", png(16, 0, {0x80, 0x80}))), 0, 0), 0x80);
  const std::string gamma("gAMA\0\1\x86\xa0", 8);  // 1.0
  EXPECT_EQ(at(read_image(folder.write("g.png", png(8, 0, {100}, gamma))), 0, 0), 100);
  EXPECT_EQ(at(read_image(folder.write("ga.png", png(8, 4, {200, 128}))), 0, 0), 100);
  const HostTensor rgba = read_image(folder.write("rgba.png", png(8, 6, {200, 100, 50, 255})));
  EXPECT_EQ(rgba.shape, (Shape{1, 1, 3}));
  EXPECT_EQ(at(rgba, 0, 0, 2), 50);
}

TEST(Image, OrientationOfAPng) {
  TemporaryFolder folder;
  const std::string turned("eXIfMM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0", 30);
  EXPECT_EQ(read_image(folder.write("o.png", png(8, 0, {1, 2, 3}, turned, 3))).shape,
            (Shape{3, 1, 1}));
}

TEST(Image, JpegInGrayColourAndCmyk) {
  TemporaryFolder folder;
  const HostTensor gray = read_image(folder.write("g.jpg", jpeg(halves(8, 8, 1, 50, 200))));
  EXPECT_EQ(gray.shape, (Shape{8, 8, 1}));
  EXPECT_NEAR(at(gray, 0, 0), 50, 4);
  EXPECT_NEAR(at(gray, 0, 7), 200, 4);
  EXPECT_EQ(read_image(folder / "g.jpg", 3).shape, (Shape{8, 8, 3}));
  // Adobe's CMYK is inverted: 255 everywhere is white, K = 0 black.
  HostTensor ink = halves(16, 16, 4, 255, 255);
  for (std::int64_t i = 0; i < 16 * 16; ++i) {
    if (i % 16 >= 8) ink.as<std::uint8_t>()[static_cast<std::size_t>(4 * i + 3)] = 0;
  }
  const HostTensor cmyk = read_image(folder.write("k.jpg", jpeg(ink)));
  EXPECT_EQ(cmyk.shape, (Shape{16, 16, 3}));
  EXPECT_NEAR(at(cmyk, 3, 1), 255, 6);
  EXPECT_NEAR(at(cmyk, 3, 14), 0, 6);
  EXPECT_NEAR(at(read_image(folder / "k.jpg", 1), 3, 1), 255, 6);
}

TEST(Image, ExifOrientationIsUndone) {
  // Stored: dark left, bright right, 8 high and 16 wide. Where bright ends up, and the extents.
  struct Case {
    char orientation;
    bool upright;
    std::int64_t bright_y, bright_x;
  };
  const Case cases[] = {{1, true, 4, 14},  {2, true, 4, 1},   {3, true, 4, 1},  {4, true, 4, 14},
                        {5, false, 14, 4}, {6, false, 14, 4}, {7, false, 1, 4}, {8, false, 1, 4}};
  TemporaryFolder folder;
  const std::string stored = jpeg(halves(8, 16, 1, 20, 230));
  for (const Case& c : cases) {
    SCOPED_TRACE(static_cast<int>(c.orientation));
    const HostTensor image =
        read_image(folder.write("o.jpg", with_orientation(stored, c.orientation)));
    EXPECT_EQ(image.shape, (c.upright ? Shape{8, 16, 1} : Shape{16, 8, 1}));
    EXPECT_NEAR(at(image, c.bright_y, c.bright_x), 230, 5);
    EXPECT_NEAR(at(image, image.shape[0] - 1 - c.bright_y, image.shape[1] - 1 - c.bright_x), 20, 5);
  }
  EXPECT_EQ(read_image(folder.write("bad.jpg", with_orientation(stored, 9))).shape,
            (Shape{8, 16, 1}));
}

TEST(Image, OrientationTellsMirroredFromTurned) {
  // Bright top-left quarter: 6 turns it to the top right, 8 to the bottom left, 5 keeps it, 7
  // opposes.
  HostTensor quarter = halves(16, 16, 1, 20, 20);
  for (std::int64_t y = 0; y < 8; ++y) {
    for (std::int64_t x = 0; x < 8; ++x)
      quarter.as<std::uint8_t>()[static_cast<std::size_t>(16 * y + x)] = 230;
  }
  TemporaryFolder folder;
  const auto bright = [&](char orientation, std::int64_t y, std::int64_t x) {
    const HostTensor image =
        read_image(folder.write("q.jpg", with_orientation(jpeg(quarter), orientation)));
    EXPECT_NEAR(at(image, y, x), 230, 5) << int{orientation};
  };
  bright(2, 1, 14);
  bright(3, 14, 14);
  bright(4, 14, 1);
  bright(5, 1, 1);
  bright(6, 1, 14);
  bright(7, 14, 14);
  bright(8, 14, 1);
}

TEST(Image, DamageIsNamed) {
  TemporaryFolder folder;
  const auto error = [&](const std::string& bytes) {
    return error_of([&] { read_image(folder.write("x", bytes)); });
  };
  EXPECT_THAT(error(""), HasSubstr("x: is empty (0 bytes)"));
  EXPECT_THAT(error("this is text"), HasSubstr("neither a PNG nor a JPEG"));
  const std::string whole = jpeg(halves(64, 64, 3, 10, 240));
  for (std::size_t length = 2; length < whole.size() - 2; length += whole.size() / 13) {
    EXPECT_THAT(error(whole.substr(0, length)), HasSubstr("x: ")) << length;
  }
}

TEST(Resize, FlatStaysFlatAndHalvesMeanHalves) {
  const HostTensor flat = resize_image(plain(4, 77), 9, 3);
  EXPECT_EQ(flat.shape, (Shape{9, 3, 3}));
  for (std::uint8_t pixel : flat.as<std::uint8_t>()) EXPECT_EQ(pixel, 77);
  // Shrinking averages: a checkerboard of 0 and 200 becomes an even 100.
  HostTensor board(DType::u8, Shape{64, 64, 1});
  for (std::size_t i = 0; i < 64 * 64; ++i)
    board.as<std::uint8_t>()[i] = (i / 64 + i % 64) % 2 == 0 ? 200 : 0;
  const HostTensor small = resize_image(board, 8, 8);
  for (std::uint8_t pixel : small.as<std::uint8_t>()) EXPECT_NEAR(pixel, 100, 3);
}

// Pillow 13's Image.resize((3, 2), Image.Resampling.BILINEAR) of the 5 x 4 ramp 12 y + 7 x.
TEST(Resize, AgreesWithPillow) {
  HostTensor ramp(DType::u8, Shape{4, 5, 1});
  for (std::int64_t y = 0; y < 4; ++y) {
    for (std::int64_t x = 0; x < 5; ++x)
      ramp.as<std::uint8_t>()[static_cast<std::size_t>(5 * y + x)] =
          static_cast<std::uint8_t>(12 * y + 7 * x);
  }
  const HostTensor small = resize_image(ramp, 2, 3), large = resize_image(ramp, 6, 7);
  const int wanted[] = {12, 23, 34, 30, 41, 52},
            wanted_large[] = {0,  4,  9,  14, 19, 24, 28, 6,  10, 15, 20, 25, 30, 34,
                              14, 18, 23, 28, 33, 38, 42, 22, 26, 31, 36, 41, 46, 50,
                              30, 34, 39, 44, 49, 54, 58, 36, 40, 45, 50, 55, 60, 64};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(small.as<std::uint8_t>()[i], wanted[i], 1) << i;
  for (std::size_t i = 0; i < 42; ++i)
    EXPECT_NEAR(large.as<std::uint8_t>()[i], wanted_large[i], 1) << i;
}

TEST(Geometry, ResizeCropAndPad) {
  const HostTensor image = halves(10, 40, 3, 0, 200);
  const HostTensor stretched = fit_image(image, {Geometry::resize, 20, 20});
  EXPECT_EQ(stretched.shape, (Shape{20, 20, 3}));
  EXPECT_EQ(at(stretched, 10, 2), 0);
  EXPECT_EQ(at(stretched, 10, 17), 200);
  const HostTensor cropped = fit_image(image, {Geometry::crop, 10, 10});  // columns 15 to 25
  EXPECT_EQ(cropped.shape, (Shape{10, 10, 3}));
  EXPECT_EQ(at(cropped, 5, 4), 0);
  EXPECT_EQ(at(cropped, 5, 5), 200);
  const HostTensor padded = fit_image(halves(10, 40, 3, 90, 90), {Geometry::pad, 40, 40});
  EXPECT_EQ(at(padded, 2, 20), 0);
  EXPECT_EQ(at(padded, 20, 20), 90);
  EXPECT_EQ(at(padded, 37, 20), 0);
  EXPECT_EQ(fit_image(image, {}).bytes, image.bytes);
  EXPECT_EQ(fit_image(halves(3, 1, 1, 9, 9), {Geometry::crop, 7, 5}).shape, (Shape{7, 5, 1}));
  EXPECT_EQ(fit_image(halves(1, 999, 1, 9, 9), {Geometry::pad, 4, 4}).shape, (Shape{4, 4, 1}));
}

}  // namespace
}  // namespace treino::data
