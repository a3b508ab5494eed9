// SPDX-License-Identifier: Apache-2.0
#include "treino/format/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/archives.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"
#include "treino/base/rng.h"

namespace treino::format {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

// A version 1 file as NumPy writes it.
std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                bool fortran = false) {
  std::string header = "{'descr': '" + type +
                       "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  header.append(117 - header.size(), ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) +
         std::string(1, '\0') + header + data;
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

TEST(Npy, TypesBecomeTheNearestOnes) {
  EXPECT_THAT(parse_npy(npy("<f4", "(2,)", bytes_of<float>({1.5F, -2})), "x").as<float>(),
              ElementsAre(1.5F, -2.0F));
  EXPECT_THAT(parse_npy(npy("<f8", "(1, 1)", bytes_of<double>({1e300})), "x").as<double>(),
              ElementsAre(1e300));
  EXPECT_THAT(
      parse_npy(npy("<f2", "(4,)", bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x7bff})), "x")
          .as<float>(),
      ElementsAre(1.0F, -2.0F, 5.9604645e-8F, 65504.0F));
  EXPECT_THAT(parse_npy(npy("|u1", "(2,)", "\x01\xff"), "x").as<std::uint8_t>(),
              ElementsAre(1, 255));
  EXPECT_THAT(parse_npy(npy("|b1", "(2,)", std::string("\x01\0", 2)), "x").as<std::uint8_t>(),
              ElementsAre(1, 0));
  EXPECT_THAT(parse_npy(npy("|i1", "(1,)", "\xff"), "x").as<std::int32_t>(), ElementsAre(-1));
  EXPECT_THAT(parse_npy(npy("<i8", "(1,)", bytes_of<std::int64_t>({-7})), "x").as<std::int64_t>(),
              ElementsAre(-7));
  EXPECT_THAT(
      parse_npy(npy("<u4", "(1,)", bytes_of<std::uint32_t>({4000000000})), "x").as<std::int64_t>(),
      ElementsAre(4000000000));
  EXPECT_THAT(
      parse_npy(npy(">i2", "(2,)", std::string("\x01\x02\xff\xfe", 4)), "x").as<std::int32_t>(),
      ElementsAre(258, -2));
  EXPECT_EQ(parse_npy(npy("<f4", "()", bytes_of<float>({3})), "x").shape, Shape{});
}

TEST(Npy, FortranOrderIsTurned) {
  const HostTensor tensor =
      parse_npy(npy("<i4", "(2, 3)", bytes_of<std::int32_t>({1, 4, 2, 5, 3, 6}), true), "x");
  EXPECT_EQ(tensor.shape, (Shape{2, 3}));
  EXPECT_THAT(tensor.as<std::int32_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Npy, NamesWhatIsWrong) {
  const auto error = [](const std::string& bytes) {
    return error_of([&] { parse_npy(bytes, "x.npy"); });
  };
  EXPECT_THAT(error(""), HasSubstr("x.npy: at byte 0: is no NumPy array"));
  EXPECT_THAT(error("PK\x03\x04 an archive"), HasSubstr("is no NumPy array"));
  EXPECT_THAT(error(npy("<f4", "(3,)", bytes_of<float>({1, 2}))),
              HasSubstr("at byte 128: its header promises 12 bytes of data, but 8 follow"));
  EXPECT_THAT(error(npy("<f4", "(1,)", bytes_of<float>({1, 2}))),
              HasSubstr("its header promises 4 bytes of data, but 8 follow"));
  EXPECT_THAT(error(npy("<f4", "(4611686018427387904, 4611686018427387904)", "abcd")),
              HasSubstr("is larger than the file"));
  EXPECT_THAT(error(npy("<c8", "(1,)", "12345678")),
              HasSubstr("elements of type '<c8' are not read"));
  EXPECT_THAT(error(npy("|O", "(1,)", "12345678")),
              HasSubstr("elements of type '|O' are not read"));
  EXPECT_THAT(error(npy("<f4", "(-1,)", "abcd")), HasSubstr("an extent is no whole number"));
  EXPECT_THAT(error(npy("<f4", "(1,1,1,1,1,1,1)", "abcd")), HasSubstr("more than 6 axes"));
  EXPECT_THAT(error(npy("<u8", "(1,)", std::string(8, '\xff'))), HasSubstr("does not fit"));
  std::string version = npy("<f4", "(1,)", "abcd");
  version[6] = 9;
  EXPECT_THAT(error(version), HasSubstr("at byte 6: format version 9"));
}

TEST(Npy, EveryTruncationIsAMistakeAndFlipsNeverCrash) {
  const std::string whole = npy("<f4", "(5, 2)", std::string(40, '\x01'));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(error_of([&] { parse_npy(whole.substr(0, length), "x.npy"); }),
                HasSubstr("x.npy: at byte"));
  }
  Rng rng(1, 2);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = whole;
    damaged[rng.below(128)] = static_cast<char>(rng.below(256));
    try {
      EXPECT_LE(parse_npy(damaged, "x.npy").bytes.size(), 4 * damaged.size());
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("x.npy: at byte"));
    }
  }
}

TEST(Npy, WritesWhatItReads) {
  TemporaryFolder folder;
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3, 4}}) {
    for (const DType type : {DType::f32, DType::f64, DType::u8, DType::i32, DType::i64}) {
      HostTensor tensor(type, shape);
      for (std::size_t i = 0; i < tensor.bytes.size(); ++i)
        tensor.bytes[i] = static_cast<std::byte>(i);
      write_npy(folder / "t.npy", tensor);
      const HostTensor again = read_npy(folder / "t.npy");
      EXPECT_EQ(again.shape, shape);
      EXPECT_EQ(again.dtype, type);
      EXPECT_EQ(again.bytes, tensor.bytes);
      EXPECT_EQ((read_whole_file(folder / "t.npy").size() - tensor.bytes.size()) % 64, 0U);
    }
  }
}

TEST(Npz, ArraysByName) {
  const std::string zip = test::archive_of(
      {{"x.npy", npy("<f4", "(1,)", bytes_of<float>({2}))}, {"y.npy", npy("|u1", "(1,)", "\x07")}},
      test::Packing::zip);
  const auto arrays = parse_npz(zip, "s.npz");
  ASSERT_EQ(arrays.size(), 2U);
  EXPECT_EQ(arrays[0].first, "x");
  EXPECT_EQ(arrays[1].second.as<std::uint8_t>()[0], 7);
  EXPECT_THAT(error_of([&] {
                parse_npz(test::archive_of({{"notes.txt", "?"}}, test::Packing::zip), "s.npz");
              }),
              HasSubstr("holds \"notes.txt\""));
  EXPECT_THAT(error_of([&] {
                parse_npz(test::archive_of({{"x.npy", "?"}}, test::Packing::zip), "s.npz");
              }),
              HasSubstr("s.npz:x.npy: at byte 0"));
}

}  // namespace
}  // namespace treino::format
