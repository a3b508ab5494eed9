// SPDX-License-Identifier: Apache-2.0
#include "treino/format/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::format {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

template <typename T>
HostTensor counted(DType type, Shape shape) {
  HostTensor tensor(type, shape);
  const auto numbers = tensor.as<T>();
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<T>(i + 1);
  return tensor;
}

SafeTensors example() {
  SafeTensors file;
  file.tensors.emplace_back("dense_1.kernel", counted<float>(DType::f32, {2, 3}));
  file.tensors.emplace_back("a \"quoted\" näme", counted<std::uint8_t>(DType::u8, {5}));
  file.tensors.emplace_back("counter.step", HostTensor::scalar<std::int64_t>(DType::i64, -7));
  file.tensors.emplace_back("order", counted<std::int32_t>(DType::i32, {3, 1}));
  file.tensors.emplace_back("metric", counted<double>(DType::f64, {2}));
  file.tensors.emplace_back("none", HostTensor(DType::f32, {0, 4}));
  file.metadata = {{"format", "treino"}, {"note", "one\ntwo"}};
  return file;
}

std::string text_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

std::string error_in(const std::string& header, const std::string& data = "") {
  return error_of([&] { parse_safetensors(text_of(header, data), "w.safetensors"); });
}

TEST(SafeTensors, RoundTrip) {
  const TemporaryFolder folder;
  const SafeTensors file = example();
  write_safetensors(folder / "a.safetensors", file);
  const SafeTensors back = read_safetensors(folder / "a.safetensors");
  EXPECT_EQ(back.metadata, file.metadata);
  ASSERT_EQ(back.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    const HostTensor* found = back.find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->dtype, tensor.dtype);
    EXPECT_EQ(found->shape, tensor.shape);
    EXPECT_EQ(found->bytes, tensor.bytes);
  }
}

// Lies at a multiple of its type's size or not, is empty or not.
TEST(SafeTensors, MappedTensorsAreThoseThatAreRead) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const SafeTensorsFile file(folder / "a");
  for (const SafeTensorsFile::Entry& entry : file.entries()) {
    const HostTensor mapped = file.map(entry), read = file.read(entry);
    EXPECT_EQ(mapped.dtype, read.dtype) << entry.name;
    EXPECT_EQ(mapped.shape, read.shape) << entry.name;
    EXPECT_EQ(mapped.bytes, read.bytes) << entry.name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapped.bytes.data()) % host_bytes(entry.type), 0)
        << entry.name;
  }
}

TEST(SafeTensors, AMappedTensorIsItsOwn) {
  const TemporaryFolder folder;
  SafeTensors contents;
  contents.tensors.emplace_back("x", counted<float>(DType::f32, {5000, 3}));
  write_safetensors(folder / "a", contents);
  const std::string before = read_whole_file(folder / "a");
  HostTensor mapped, copy;
  {
    const SafeTensorsFile file(folder / "a");
    mapped = file.map(*file.find("x"));
    copy = mapped;
    EXPECT_NE(copy.bytes.data(), mapped.bytes.data());
  }
  mapped.as<float>()[7] = -1;
  EXPECT_EQ(read_whole_file(folder / "a"), before) << "what is written goes to no file";
  EXPECT_EQ(copy.as<float>()[7], contents.tensors[0].second.as<float>()[7]);

  // The file is replaced, as writing does, and then gone.
  contents.tensors[0].second.as<float>()[8] = -2;
  write_safetensors(folder / "a", contents);
  std::filesystem::remove(folder / "a");
  EXPECT_EQ(mapped.as<float>()[8], copy.as<float>()[8]);

  HostTensor moved = std::move(mapped);
  moved.bytes.resize(moved.bytes.size() + 4);  // usual memory from here on
  moved.bytes.resize(moved.bytes.size() - 4);
  EXPECT_EQ(moved.as<float>()[7], -1);
  moved.as<float>()[7] = copy.as<float>()[7];
  EXPECT_EQ(moved.bytes, copy.bytes);
  std::swap(moved, copy);
  copy = moved;
  EXPECT_EQ(moved.bytes, copy.bytes);
}

TEST(SafeTensors, EveryTruncationIsAnError) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const std::string whole = read_whole_file(folder / "a");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string line =
        error_of([&] { parse_safetensors(whole.substr(0, length), "cut.safetensors"); });
    EXPECT_THAT(line, HasSubstr("cut.safetensors: not a sound safetensors file")) << length;
  }
  error_of([&] { parse_safetensors(whole + "x", "long.safetensors"); });
}

TEST(SafeTensors, DamagedHeaders) {
  EXPECT_THAT(error_in("[]"), HasSubstr("does not begin with {"));
  EXPECT_THAT(error_in("{\"a\":"), HasSubstr("not JSON"));
  EXPECT_THAT(error_in(R"({"a":1})"), HasSubstr("not an object"));
  EXPECT_THAT(error_in(R"({"a":{"dtype":"F32","shape":[1]}})"), HasSubstr("no data_offsets"));
  EXPECT_THAT(error_in(R"({"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}})", "xx"),
              HasSubstr("BF16"));
  EXPECT_THAT(error_in(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "xxxx"),
              HasSubstr("whole numbers"));
  EXPECT_THAT(error_in(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "xxxx"),
              HasSubstr("needs 8 bytes"));
  EXPECT_THAT(error_in(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "xxxx"),
              HasSubstr("bytes 4 to 0"));
  EXPECT_THAT(error_in(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", "xx"),
              HasSubstr("begins at byte 1"));
  EXPECT_THAT(
      error_in(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          "x"),
      HasSubstr("begins at byte 0"));
  EXPECT_THAT(
      error_in(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          "x"),
      HasSubstr("twice"));
  EXPECT_THAT(
      error_in(
          R"({"a":{"dtype":"U8","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,1]}})",
          "x"),
      HasSubstr("larger than the file"));
  EXPECT_THAT(error_in(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1]}})", "x"),
              HasSubstr("7 axes"));
  EXPECT_THAT(error_in(R"({"__metadata__":{"a":1}})"), HasSubstr("not a string"));
  EXPECT_THAT(error_in("{" + std::string(100000, '[')), HasSubstr("not JSON"));
  EXPECT_THAT(error_of([] { parse_safetensors(std::string(8, '\xff'), "w"); }),
              HasSubstr("header would have"));
}

// The interpreter of TREINO_PYTHON, else python3.
TEST(SafeTensors, PythonReadsWhatIsWritten) {
  const char* chosen = std::getenv("TREINO_PYTHON");
  const std::string python = chosen != nullptr ? chosen : "python3";
  if (std::system((python + " -c 'import safetensors.numpy' >/dev/null 2>&1").c_str()) != 0) {
    GTEST_SKIP() << python
                 << " has no module safetensors (TREINO_PYTHON names another interpreter)";
  }
  const TemporaryFolder folder;
  write_safetensors(folder / "a.safetensors", example());
  const std::string program = folder.write(
      "read.py",
      "import sys\n"
      "from safetensors import safe_open\n"
      "with safe_open(sys.argv[1], framework='np') as f:\n"
      "    assert f.metadata() == {'format': 'treino', 'note': 'one\\ntwo'}, f.metadata()\n"
      "    t = {k: f.get_tensor(k) for k in f.keys()}\n"
      "assert t['dense_1.kernel'].dtype == 'float32'\n"
      "assert t['dense_1.kernel'].tolist() == [[1, 2, 3], [4, 5, 6]]\n"
      "assert t['a \"quoted\" n\\u00e4me'].tolist() == [1, 2, 3, 4, 5]\n"
      "assert t['counter.step'].shape == () and t['counter.step'] == -7\n"
      "assert t['order'].dtype == 'int32' and t['order'].shape == (3, 1)\n"
      "assert t['metric'].dtype == 'float64' and t['metric'].tolist() == [1, 2]\n"
      "assert t['none'].shape == (0, 4) and len(t) == 6\n");
  EXPECT_EQ(std::system((python + " " + program + " " + (folder / "a.safetensors")).c_str()), 0);
}

}  // namespace
}  // namespace treino::format
