// SPDX-License-Identifier: Apache-2.0
// Samples read ahead from a file train to the same bits as samples in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"
#include "treino/backend/devices.h"
#include "treino/base/error.h"
#include "treino/base/rng.h"
#include "treino/data/load.h"
#include "treino/data/row_file.h"
#include "treino/data/stream.h"
#include "treino/format/safetensors.h"
#include "treino/train/evaluate.h"

namespace treino::train::test {
namespace {

using treino::test::TemporaryFolder;

class Streams : public testing::Test {
 protected:
  // A generated set as a file, each column of its pictures `repeat` times.
  std::string file(const std::string& set = "generated:images:150:40", std::int64_t repeat = 1) {
    const data::Dataset dataset = data::load(set);
    const std::string path = folder_ / "set.safetensors";
    format::SafeTensors contents;
    for (const auto& [part, split] :
         {std::pair("train", &dataset.train), {"test", &dataset.test}}) {
      const HostTensor& samples = *split->samples;
      HostTensor wide(samples.dtype,
                      Shape{samples.shape[0], samples.shape[1], samples.shape[2] * repeat, 1});
      for (std::size_t i = 0; i < wide.bytes.size(); ++i)
        wide.bytes[i] = samples.bytes[i / static_cast<std::size_t>(repeat)];
      contents.tensors.emplace_back(std::string(part) + ".samples", std::move(wide));
      contents.tensors.emplace_back(std::string(part) + ".labels", *split->labels);
    }
    format::write_safetensors(path, contents);
    return path;
  }

  FitResult run(const std::string& recipe, const std::string& path, const std::string& out,
                data::Stream stream, std::vector<nn::Override> overrides = {}, bool resume = false,
                Observer* observer = nullptr) {
    const data::Dataset set = data::load(path, {.index = false, .stream = stream});
    EXPECT_EQ(set.train.file != nullptr, stream == data::Stream::always);
    const auto device = make_device("cpu", {.threads = 2});
    Observer silent;
    return fit(nn::parse_recipe(recipe, "test.toml", overrides), set, *device,
               {.out = folder_ / out, .resume = resume}, observer != nullptr ? *observer : silent);
  }

  // The checkpoint without the place in the ring, and the weights.
  std::string state(const std::string& out) {
    std::string all;
    for (const char* name : {"/checkpoint/state.safetensors", "/model.safetensors"}) {
      for (const auto& [variable, tensor] :
           format::read_safetensors((folder_ / out) + name).tensors) {
        if (variable == "counter.offset") continue;
        all += variable;
        all.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
      }
    }
    return all;
  }

  std::string evaluations(const std::string& out) {
    std::string all;
    for (const Event& event : events_of(folder_ / out)) {
      if (event.name() == "eval")
        all += *event.json("split") + *event.json("loss") + *event.json("accuracy") + "\n";
    }
    return all;
  }

  TemporaryFolder folder_;
};

TEST_F(Streams, GiveTheSameBitsAsMemory) {
  const std::string path = file();
  int number = 0;
  for (const char* shuffle : {"true", "false", "20"}) {
    for (const char* last : {"partial", "drop", "refill"}) {
      const std::vector<nn::Override> overrides{{"train.shuffle", shuffle},
                                                {"train.last_batch", last},
                                                {"train.epochs", "2"},
                                                {"train.validation", "0.2"},
                                                {"input.scale", "standard"}};
      const std::string a = "resident" + std::to_string(++number),
                        b = "streamed" + std::to_string(number);
      run(kAugmented, path, a, data::Stream::never, overrides);
      run(kAugmented, path, b, data::Stream::always, overrides);
      EXPECT_TRUE(state(a) == state(b)) << shuffle << " " << last;
      EXPECT_EQ(epochs_of(folder_ / a), epochs_of(folder_ / b));
      EXPECT_EQ(evaluations(a), evaluations(b));
    }
  }
  std::string input;
  for (const Event& event : events_of(folder_ / "streamed1"))
    if (event.name() == "work") input = *event.json("input") + *event.json("shuffle");
  EXPECT_EQ(input, "\"streamed\"true");
}

// Rows of 9 KiB, 150 KiB a step: a piece is some 28 steps, the epoch has 63.
TEST_F(Streams, PassManyPiecesAndGoOnInsideOne) {
  const std::string path = file("generated:images:1000:40", 64);
  const std::string recipe = R"(
data = "set"
[[model]]
avg_pool = { size = 4 }
[[model]]
flatten = {}
[[model]]
dropout = { rate = 0.1 }
[[model]]
dense = { units = 4, activation = "softmax" }
[train]
optimizer = { adam = { rate = 0.01 } }
batch = 16
epochs = 3
)";
  run(recipe, path, "resident", data::Stream::never);
  run(recipe, path, "streamed", data::Stream::always);
  EXPECT_TRUE(state("resident") == state("streamed"));
  StopInEpoch stop(2);
  EXPECT_EQ(run(recipe, path, "parts", data::Stream::always, {}, false, &stop).signal, SIGINT);
  run(recipe, path, "parts", data::Stream::always, {}, true);
  EXPECT_TRUE(state("resident") == state("parts"));
  EXPECT_EQ(epochs_of(folder_ / "resident"), epochs_of(folder_ / "parts"));

  const auto device = make_device("cpu", {.threads = 2});
  Predictor predictor(folder_ / "streamed", *device);
  const Evaluation memory =
      evaluate(predictor, data::load(path, {.index = false, .stream = data::Stream::never}).train);
  const Evaluation streamed = evaluate(predictor, data::open_stream(path).train);
  EXPECT_EQ(memory.metrics.loss, streamed.metrics.loss);
  EXPECT_EQ(memory.confusion, streamed.confusion);
}

TEST_F(Streams, ReadRowsInAnyOrder) {
  const std::string path = file();
  const data::RowFile rows(path, "train.samples");
  const HostTensor all = *data::load(path, {.index = false}).train.samples;
  const auto bytes = static_cast<std::size_t>(rows.row_bytes());
  Rng rng(1, 1);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::int32_t> wanted(rng.below(700) + 1);
    for (auto& row : wanted) row = static_cast<std::int32_t>(rng.below(150));
    if (round % 2 == 1)
      std::iota(wanted.begin(), wanted.end(), 0),
          wanted.resize(std::min<std::size_t>(wanted.size(), 150));
    std::vector<std::byte> got(wanted.size() * bytes);
    rows.read(wanted, got.data());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto from = all.bytes.begin() +
                        static_cast<std::ptrdiff_t>(static_cast<std::size_t>(wanted[i]) * bytes);
      ASSERT_TRUE(std::equal(from, from + static_cast<std::ptrdiff_t>(bytes),
                             got.begin() + static_cast<std::ptrdiff_t>(i * bytes)));
    }
  }
}

// The program's peak memory on `rows` pictures of 48 KiB, in MiB.
double peak_of(const std::string& folder, std::int64_t rows, bool stream) {
  const std::string path = folder + "/large" + std::to_string(rows) + ".safetensors";
  if (!std::filesystem::exists(path)) {
    format::SafeTensors contents;
    contents.tensors.emplace_back("x_train", HostTensor(DType::u8, Shape{rows, 128, 128, 3}));
    contents.tensors.emplace_back("y_train", HostTensor(DType::i32, Shape{rows}));
    contents.tensors.emplace_back("x_test", HostTensor(DType::u8, Shape{8, 128, 128, 3}));
    contents.tensors.emplace_back("y_test", HostTensor(DType::i32, Shape{8}));
    for (std::int64_t i = 0; i < rows; ++i)
      contents.tensors[1].second.as<std::int32_t>()[static_cast<std::size_t>(i)] =
          static_cast<std::int32_t>(i % 4);
    format::write_safetensors(path, contents);
  }
  const std::string recipe = folder + "/large.toml",
                    out = folder + "/out" + std::to_string(rows) + (stream ? "s" : "r");
  std::ofstream(recipe)
      << "data = \"" << path << "\"\n[[model]]\navg_pool = { size = 16 }\n[[model]]\nflatten = {}\n"
      << "[[model]]\ndense = { units = 4, activation = \"softmax\" }\n[train]\nbatch = 4\n";
  const std::string command = "XDG_CACHE_HOME=" + folder + "/cache " TREINO_BINARY " train " +
                              recipe + " --quiet --threads 1 --out " + out +
                              (stream ? " --stream" : "") + " >/dev/null 2>" + folder + "/errors";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  for (const Event& event : events_of(out))
    if (event.name() == "exit") return std::stod(*event.json("peak_memory_bytes")) / 0x1p20;
  return -1;
}

TEST_F(Streams, ASetOf64MiBTrainsInAFewMiB) {
  const std::string folder = folder_ / "";
  const double base = peak_of(folder, 16, false);
  const double streamed = peak_of(folder, 1366, true), resident = peak_of(folder, 1366, false);
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "freed memory waits in the sanitizer's quarantine; the trainings went well";
#endif
  EXPECT_LT(streamed, base + 32);
  EXPECT_GT(resident, base + 56);
}

TEST_F(Streams, AFileCutWhileInUseIsAnErrorNotAHang) {
  const std::string path = file();
  const data::Dataset set = data::open_stream(path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 3);
  const auto device = make_device("cpu", {.threads = 2});
  Observer silent;
  try {
    fit(nn::parse_recipe(kConv, "test.toml"), set, *device, {.out = folder_ / "cut"}, silent);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::work);
    EXPECT_THAT(error.what(), testing::HasSubstr("it was cut while in use"));
  }
}

// Numbers that are not pictures, pictures without channels, sets without a test part.
TEST_F(Streams, AreWhatTheSameFileIsInMemory) {
  const std::string path = folder_ / "set.safetensors";
  for (const Shape& shape : {Shape{60, 4}, Shape{60, 5, 3}, Shape{60, 5, 3, 3}}) {
    for (const DType dtype : {DType::u8, DType::f32}) {
      format::SafeTensors contents;
      HostTensor samples(dtype, shape), labels(DType::i32, Shape{60});
      for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const auto place = static_cast<std::size_t>(i);
        if (dtype == DType::u8)
          samples.as<std::uint8_t>()[place] = static_cast<std::uint8_t>(i * 37 % 256);
        else
          samples.as<float>()[place] = static_cast<float>(i * 37 % 256);
        labels.as<std::int32_t>()[place % 60] = static_cast<std::int32_t>(i % 3);
      }
      contents.tensors.emplace_back("x_train", std::move(samples));
      contents.tensors.emplace_back("y_train", std::move(labels));
      format::write_safetensors(path, contents);
      const auto load = [&](data::Stream stream) {
        return data::load(path, {.index = false, .stream = stream});
      };
      const data::Dataset here = load(data::Stream::never), there = load(data::Stream::always);
      ASSERT_TRUE(there.train.file && there.test.file);
      EXPECT_EQ(there.train.type(), here.train.type());
      EXPECT_EQ(there.train.sample(), here.train.sample());
      EXPECT_EQ(there.test.size(), here.test.size());
      EXPECT_EQ(data::digest(there), data::digest(here)) << to_string(shape);
    }
  }
}

TEST_F(Streams, ANumberThatIsNotFiniteIsNamed) {
  format::SafeTensors contents;
  contents.tensors.emplace_back("x_train", HostTensor(DType::f32, Shape{9, 2}));
  contents.tensors.emplace_back("y_train", HostTensor(DType::i32, Shape{9}));
  contents.tensors[0].second.as<float>()[7] = NAN;
  format::write_safetensors(folder_ / "nan.safetensors", contents);
  const data::RowFile rows(folder_ / "nan.safetensors", "x_train");
  std::vector<std::byte> bytes(2 * 8);
  rows.read(0, 2, bytes.data());
  EXPECT_THAT(treino::test::error_of([&] { rows.read(2, 2, bytes.data()); }),
              testing::HasSubstr("x_train: sample 3 has a number that is not finite"));
}

TEST_F(Streams, MistakesNameTheFile) {
  const auto error = [&](auto&& action) -> std::string {
    try {
      action();
    } catch (const Error& mistake) {
      return mistake.what();
    }
    return "no error";
  };
  using testing::HasSubstr;
  EXPECT_THAT(error([&] { data::load("cifar10", {.folder = "", .stream = data::Stream::always}); }),
              HasSubstr("--stream cifar10"));
  format::SafeTensors contents;
  contents.tensors.emplace_back("x_train", HostTensor(DType::u8, Shape{5, 2, 2, 1}));
  contents.tensors.emplace_back("y_train", HostTensor(DType::i32, Shape{4}));
  format::write_safetensors(folder_ / "bad.safetensors", contents);
  EXPECT_THAT(error([&] { data::open_stream(folder_ / "bad.safetensors"); }),
              HasSubstr("bad.safetensors:y_train: 4 labels for 5 samples"));
  contents.tensors[1].second = HostTensor(DType::i32, Shape{5});
  contents.tensors[1].second.as<std::int32_t>()[3] = -1;
  format::write_safetensors(folder_ / "bad.safetensors", contents);
  EXPECT_THAT(error([&] { data::open_stream(folder_ / "bad.safetensors"); }),
              HasSubstr("y_train: label -1 of sample 3 is no class number"));
  contents.tensors.pop_back();
  format::write_safetensors(folder_ / "bad.safetensors", contents);
  EXPECT_FALSE(data::can_stream(folder_ / "bad.safetensors"));
}

}  // namespace
}  // namespace treino::train::test
