// SPDX-License-Identifier: Apache-2.0
// docs/augmentation.png is what the augmentations make of a drawn picture. To write it anew:
//   TREINO_WRITE_DOCS=1 build/tests/treino_test_train --gtest_filter='AugmentationSheet.*'
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/data/load.h"
#include "treino/graph/build.h"
#include "treino/nn/augmentation.h"

namespace treino::train {
namespace {

constexpr std::int64_t kSide = 32, kColumns = 8, kZoom = 2, kGap = 2;
using Colour = std::array<std::int64_t, 3>;

// A house under a sun or (odd samples) a boat: left and right, up and down all differ.
Colour drawn(bool odd, std::int64_t y, std::int64_t x) {
  if (y > 24 && !odd && !(x >= 6 && x < 20 && y < 27)) return {70, 150, 60};
  if ((x - 25) * (x - 25) + (y - 6) * (y - 6) < 14) return {250, 220, 60};
  if (odd && y >= 21 && y < 26 && x > y - 18 && x < 46 - y) return {120, 70, 40};
  if (odd && y > 24) return {40, 80, 170};
  if (odd && y >= 6 && y < 20 && x >= 13 && 10 * (x - 13) < 7 * (y - 5)) return {240, 240, 235};
  if (!odd && x >= 14 && x < 18 && y >= 20 && y < 27) return {60, 40, 30};
  if (!odd && x >= 6 && x < 20 && y >= 15 && y < 27) return {190, 90, 70};
  if (!odd && y >= 7 && y < 15 && 20 * std::abs(2 * x - 25) < 44 * (y - 6)) return {110, 40, 40};
  return {120 + 3 * y, 170 + 2 * y, 240};
}

HostTensor drawings() {
  HostTensor all(DType::u8, Shape{kColumns, kSide, kSide, 3});
  const auto pixels = all.as<std::uint8_t>();
  for (std::int64_t i = 0; i < kColumns * kSide * kSide; ++i) {
    const Colour colour = drawn(i / (kSide * kSide) % 2 == 1, i / kSide % kSide, i % kSide);
    for (std::size_t c = 0; c < 3; ++c)
      pixels[static_cast<std::size_t>(3 * i) + c] = static_cast<std::uint8_t>(colour[c]);
  }
  return all;
}

HostTensor changed_by(const std::vector<nn::Augmentation>& list, const HostTensor& samples) {
  Graph graph;
  const TensorType type{samples.shape, samples.dtype}, number{Shape{}, DType::i64};
  Value x = graph.variable("samples", type, Role::data);
  std::uint32_t stream = 0;
  for (const nn::Augmentation& one : list) {
    x = graph::augment(x, graph.variable("seed", number, Role::counter),
                       graph.variable("position", number, Role::counter),
                       *nn::attributes_of(one, samples.shape.sub(1, 4), stream++));
  }
  graph::assign(graph.variable("out", type, Role::data), x);
  const auto device = make_device("cpu", {.threads = 1});
  const Program program = compiler::compile(graph, device->target(), {.name = "sheet"});
  const auto store = device->make_store(program.variables);
  store->write("samples", samples);
  store->write("seed", HostTensor::scalar(DType::i64, std::int64_t{3}));
  device->load(program, *store)->run(1);
  return store->read("out");
}

// A row of eight pictures for each augmentation, the last for several together.
HostTensor sheet() {
  using namespace nn;
  const std::vector<std::vector<Augmentation>> rows{
      {Flip{}},
      {Crop{}},
      {Shift{.height = 0.2, .width = 0.2, .fill = Fill::edge}},
      {Rotate{.degrees = 25}},
      {Cutout{.size = 12}},
      {Brightness{0.5}},
      {Contrast{0.8}},
      {Mixup{1}},
      {Flip{}, Crop{.fill = Fill::reflect}, Rotate{.fill = Fill::reflect}, Brightness{}, Cutout{}}};
  constexpr std::int64_t kCell = kSide * kZoom, kStep = kCell + kGap;
  HostTensor result(DType::u8, Shape{static_cast<std::int64_t>(rows.size()) * kStep + kGap,
                                     kColumns * kStep + kGap, 3});
  const auto out = result.as<std::uint8_t>();
  std::fill(out.begin(), out.end(), std::uint8_t{255});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const HostTensor changed = changed_by(rows[row], drawings());
    const std::int64_t top = static_cast<std::int64_t>(row) * kStep + kGap;
    for (std::int64_t i = 0; i < kColumns * kCell * kCell; ++i) {
      const std::int64_t column = i / (kCell * kCell), y = i / kCell % kCell, x = i % kCell;
      const std::int64_t from = (column * kSide + y / kZoom) * kSide + x / kZoom;
      const std::int64_t to = (top + y) * result.shape[1] + column * kStep + kGap + x;
      std::copy_n(changed.as<std::uint8_t>().begin() + 3 * from, 3, out.begin() + 3 * to);
    }
  }
  return result;
}

TEST(AugmentationSheet, IsTheGoldenPicture) {
  const std::string path = TREINO_SOURCE_DIR "/docs/augmentation.png";
  const HostTensor made = sheet();
  if (std::getenv("TREINO_WRITE_DOCS") != nullptr) data::write_png(path, made);
  const HostTensor golden = data::read_image(path, 3);
  ASSERT_TRUE(golden.shape == made.shape);
  EXPECT_TRUE(golden.bytes == made.bytes) << "pixels differ from docs/augmentation.png";
}

}  // namespace
}  // namespace treino::train
