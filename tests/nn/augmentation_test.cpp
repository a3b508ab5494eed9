// SPDX-License-Identifier: Apache-2.0
// What each augmentation makes of a picture, against what the change is by its plain description,
// and how a recipe says it.
#include "treino/nn/augmentation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"
#include "treino/nn/layers.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"

namespace treino::nn {
namespace {

using Picture = std::vector<std::uint8_t>;  // [height, width, channels]

constexpr std::int64_t kHeight = 9, kWidth = 12, kChannels = 3;
constexpr std::int64_t kBatch = 400;

std::size_t at(std::int64_t y, std::int64_t x, std::int64_t c) {
  return static_cast<std::size_t>((y * kWidth + x) * kChannels + c);
}

// No two pixels alike but by chance.
Picture picture(std::int64_t number) {
  Picture pixels(static_cast<std::size_t>(kHeight * kWidth * kChannels));
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(
        (i * 89 + static_cast<std::size_t>(number) * 31 + i * i) % 251 + 1);
  return pixels;
}

HostTensor batch_of_pictures() {
  HostTensor tensor(DType::u8, Shape{kBatch, kHeight, kWidth, kChannels});
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const Picture one = picture(i);
    std::copy(one.begin(), one.end(),
              tensor.as<std::uint8_t>().begin() + i * static_cast<std::int64_t>(one.size()));
  }
  return tensor;
}

HostTensor changed_by(const Augmentation& augmentation, const HostTensor& samples,
                      std::int64_t position = 0, std::int64_t seed = 5, int threads = 2) {
  const auto attributes =
      attributes_of(augmentation, samples.shape.sub(1, samples.shape.rank()), 1);
  if (!attributes) return samples;
  Graph graph;
  const TensorType type{samples.shape, samples.dtype}, number{Shape{}, DType::i64};
  const Value out = graph::augment(graph.variable("samples", type, Role::data),
                                   graph.variable("seed", number, Role::counter),
                                   graph.variable("position", number, Role::counter), *attributes);
  graph::assign(graph.variable("out", type, Role::data), out);
  const auto device = make_device("cpu", {.threads = threads});
  const Program program = compiler::compile(graph, device->target(), {.name = "augment"});
  const auto store = device->make_store(program.variables);
  store->write("samples", samples);
  store->write("seed", HostTensor::scalar(DType::i64, seed));
  store->write("position", HostTensor::scalar(DType::i64, position));
  device->load(program, *store)->run(1);
  return store->read("out");
}

std::vector<Picture> pictures_of(const HostTensor& tensor) {
  std::vector<Picture> all;
  const std::size_t size = tensor.bytes.size() / static_cast<std::size_t>(tensor.shape[0]);
  const auto bytes = tensor.as<std::uint8_t>();
  for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.shape[0]); ++i)
    all.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(i * size),
                     bytes.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
  return all;
}

std::vector<Picture> augmented(const Augmentation& augmentation) {
  return pictures_of(changed_by(augmentation, batch_of_pictures()));
}

// The picture whose pixel (y, x) is the old picture's source(y, x); -1 for a zero.
template <class F>
Picture moved(const Picture& old, F&& source) {
  Picture result(old.size());
  for (std::int64_t y = 0; y < kHeight; ++y) {
    for (std::int64_t x = 0; x < kWidth; ++x) {
      const auto [sy, sx] = source(y, x);
      for (std::int64_t c = 0; c < kChannels; ++c)
        result[at(y, x, c)] = sy < 0 || sx < 0 ? 0 : old[at(sy, sx, c)];
    }
  }
  return result;
}

using Point = std::pair<std::int64_t, std::int64_t>;

TEST(Augmentation, FlipMirrorsSomeOfThePictures) {
  for (const FlipDirection direction :
       {FlipDirection::horizontal, FlipDirection::vertical, FlipDirection::both}) {
    std::map<int, int> seen;  // bit 0: left-right, bit 1: upside down
    const auto results = augmented(Flip{direction, 0.3});
    for (std::int64_t i = 0; i < kBatch; ++i) {
      int which = -1;
      for (int way = 0; way < 4; ++way) {
        const Picture expected = moved(picture(i), [&](std::int64_t y, std::int64_t x) {
          return Point{(way & 2) != 0 ? kHeight - 1 - y : y, (way & 1) != 0 ? kWidth - 1 - x : x};
        });
        if (results[static_cast<std::size_t>(i)] == expected) which = way;
      }
      ASSERT_NE(which, -1) << i;
      ++seen[which];
    }
    // 400 draws of 0.3: 120 with a deviation of 9.
    const auto count = [&](int bit) { return seen[bit] + seen[3]; };
    EXPECT_NEAR(count(1), direction != FlipDirection::vertical ? 120 : 0, 45);
    EXPECT_NEAR(count(2), direction != FlipDirection::horizontal ? 120 : 0, 45);
    if (direction != FlipDirection::both) EXPECT_EQ(seen[3], 0);
  }
}

std::int64_t outside(std::int64_t i, std::int64_t extent, Fill fill) {
  if (i >= 0 && i < extent) return i;
  if (fill == Fill::zero) return -1;
  if (fill == Fill::edge) return i < 0 ? 0 : extent - 1;
  return i < 0 ? -i : 2 * (extent - 1) - i;  // one reflection is enough here
}

// Every result is the picture moved by some (dy, dx); how often each.
std::map<Point, int> moves(const Augmentation& augmentation, std::int64_t most_y,
                           std::int64_t most_x, Fill fill) {
  std::map<Point, int> seen;
  const auto results = augmented(augmentation);
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const Picture old = picture(i);
    bool found = false;
    for (std::int64_t dy = -most_y; dy <= most_y && !found; ++dy) {
      for (std::int64_t dx = -most_x; dx <= most_x && !found; ++dx) {
        found =
            results[static_cast<std::size_t>(i)] == moved(old, [&](std::int64_t y, std::int64_t x) {
              return Point{outside(y + dy, kHeight, fill), outside(x + dx, kWidth, fill)};
            });
        if (found) ++seen[{dy, dx}];
      }
    }
    EXPECT_TRUE(found) << i;
  }
  return seen;
}

TEST(Augmentation, CropIsAWindowOfThePaddedPicture) {
  for (const Fill fill : {Fill::zero, Fill::edge, Fill::reflect}) {
    const auto seen = moves(Crop{.pad = 2, .fill = fill}, 2, 2, fill);
    EXPECT_EQ(seen.size(), 25U);  // 16 of each expected
    for (const auto& [move, count] : seen) EXPECT_GT(count, 1);
  }
}

TEST(Augmentation, ShiftMovesByAFractionOfTheSize) {
  const auto seen = moves(Shift{.height = 0.1, .width = 0.25}, 1, 3, Fill::zero);
  EXPECT_EQ(seen.size(), 3U * 7U);
  EXPECT_EQ(changed_by(Shift{.height = 0.01, .width = 0}, batch_of_pictures()).bytes,
            batch_of_pictures().bytes);
}

// Bilinear in double, about the middle, by an angle that the picture's own pixels tell: the one of
// many that fits best.
double rotation_error(const Picture& old, const Picture& result, double degrees) {
  const double cosine = std::cos(degrees * M_PI / 180), sine = std::sin(degrees * M_PI / 180);
  double worst = 0;
  for (std::int64_t y = 0; y < kHeight; ++y) {
    for (std::int64_t x = 0; x < kWidth; ++x) {
      const double v = static_cast<double>(y) - (kHeight - 1) / 2.0,
                   u = static_cast<double>(x) - (kWidth - 1) / 2.0;
      const double sy = cosine * v - sine * u + (kHeight - 1) / 2.0,
                   sx = sine * v + cosine * u + (kWidth - 1) / 2.0;
      const auto y0 = static_cast<std::int64_t>(std::floor(sy)),
                 x0 = static_cast<std::int64_t>(std::floor(sx));
      for (std::int64_t c = 0; c < kChannels; ++c) {
        const auto tap = [&](std::int64_t row, std::int64_t column) {
          return row < 0 || row >= kHeight || column < 0 || column >= kWidth
                     ? 0.0
                     : static_cast<double>(old[at(row, column, c)]);
        };
        const double wy = sy - static_cast<double>(y0), wx = sx - static_cast<double>(x0);
        const double value = (1 - wy) * ((1 - wx) * tap(y0, x0) + wx * tap(y0, x0 + 1)) +
                             wy * ((1 - wx) * tap(y0 + 1, x0) + wx * tap(y0 + 1, x0 + 1));
        worst = std::max(worst, std::abs(value - static_cast<double>(result[at(y, x, c)])));
      }
    }
  }
  return worst;
}

TEST(Augmentation, RotateTurnsAboutTheMiddle) {
  const auto results = augmented(Rotate{.degrees = 30});
  double least = 0, most = 0;
  for (std::int64_t i = 0; i < 40; ++i) {
    double best = 1e9, angle = 0;
    for (double degrees = -30; degrees <= 30; degrees += 0.05) {
      const double error =
          rotation_error(picture(i), results[static_cast<std::size_t>(i)], degrees);
      if (error < best) best = error, angle = degrees;
    }
    // 1/256 of a pixel and 0.025 degrees away from the true source, at slopes of 250 a pixel.
    EXPECT_LT(best, 4) << i;
    least = std::min(least, angle), most = std::max(most, angle);
  }
  EXPECT_LT(least, -15);
  EXPECT_GT(most, 15);
}

TEST(Augmentation, CutoutZeroesOneSquare) {
  std::set<Point> centres;
  const auto results = augmented(Cutout{.size = 4, .probability = 0.9});
  int untouched = 0;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const Picture old = picture(i);
    bool found = results[static_cast<std::size_t>(i)] == old;
    untouched += found ? 1 : 0;
    for (std::int64_t cy = 0; cy < kHeight && !found; ++cy) {
      for (std::int64_t cx = 0; cx < kWidth && !found; ++cx) {
        found =
            results[static_cast<std::size_t>(i)] == moved(old, [&](std::int64_t y, std::int64_t x) {
              const bool inside = y >= cy - 2 && y < cy + 2 && x >= cx - 2 && x < cx + 2;
              return inside ? Point{-1, -1} : Point{y, x};
            });
        if (found) centres.insert({cy, cx});
      }
    }
    EXPECT_TRUE(found) << i;
  }
  EXPECT_NEAR(untouched, 40, 25);
  EXPECT_GT(centres.size(), 80U);  // of 108
}

// Each result is round(a x + b) of the picture for a factor within 1 +- amount.
TEST(Augmentation, BrightnessAndContrastScaleEveryPixelAlike) {
  for (const bool contrast : {false, true}) {
    const auto results = contrast ? augmented(Contrast{0.4}) : augmented(Brightness{0.4});
    double least = 2, most = 0;
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const Picture old = picture(i), &now = results[static_cast<std::size_t>(i)];
      double mean = 0;
      for (std::uint8_t x : old) mean += x;
      mean = contrast ? mean / static_cast<double>(old.size()) : 0;
      double low = 0, high = 10;  // factors that explain every pixel
      for (std::size_t k = 0; k < old.size(); ++k) {
        const double away = old[k] - mean;
        if (now[k] == 0 || now[k] == 255 || std::abs(away) < 1) continue;
        const double a = (now[k] - 0.51 - mean) / away, b = (now[k] + 0.51 - mean) / away;
        low = std::max(low, std::min(a, b)), high = std::min(high, std::max(a, b));
      }
      EXPECT_LE(low, high) << i;
      EXPECT_TRUE(low < 1.41 && high > 0.59) << low << " " << high;
      least = std::min(least, high), most = std::max(most, low);
    }
    EXPECT_LT(least, 0.65);
    EXPECT_GT(most, 1.35);
  }
}

TEST(Augmentation, MixupAddsTheNextSampleAndItsTargetBySameShare) {
  const HostTensor mixed = changed_by(Mixup{0.5}, batch_of_pictures());
  HostTensor targets(DType::f32, Shape{kBatch, kBatch});  // each its own class
  for (std::int64_t i = 0; i < kBatch; ++i)
    targets.as<float>()[static_cast<std::size_t>(i * kBatch + i)] = 1;
  const HostTensor mixed_targets = changed_by(Mixup{0.5}, targets);
  const auto results = pictures_of(mixed);
  double low_share = 1, sum = 0;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const std::int64_t next = (i + 1) % kBatch;
    const Picture own = picture(i), other = picture(next);
    const auto row =
        mixed_targets.as<float>().subspan(static_cast<std::size_t>(i * kBatch), kBatch);
    const double share = row[static_cast<std::size_t>(i)];
    EXPECT_NEAR(row[static_cast<std::size_t>(next)], 1 - share, 1e-6);
    for (std::size_t k = 0; k < own.size(); ++k)
      EXPECT_NEAR(results[static_cast<std::size_t>(i)][k], share * own[k] + (1 - share) * other[k],
                  0.51);
    low_share = std::min(low_share, share);
    sum += share;
  }
  EXPECT_GE(low_share, 0.5);
  EXPECT_LT(low_share, 0.55);
  // max(x, 1 - x) of beta(1/2, 1/2), the arcsine law: mean 1/2 + 1/pi.
  EXPECT_NEAR(sum / kBatch, 0.5 + 1 / M_PI, 0.03);
}

TEST(Augmentation, HangsOnSeedAndPositionAlone) {
  const HostTensor samples = batch_of_pictures();
  for (const Augmentation& one :
       {Augmentation{Flip{}}, Augmentation{Crop{}}, Augmentation{Rotate{}}, Augmentation{Cutout{}},
        Augmentation{Contrast{}}}) {
    const HostTensor all = changed_by(one, samples, 1000);
    EXPECT_EQ(all.bytes, changed_by(one, samples, 1000, 5, 1).bytes);
    EXPECT_EQ(all.bytes, changed_by(one, samples, 1000, 5, 4).bytes);
    EXPECT_NE(all.bytes, changed_by(one, samples, 1001).bytes);
    EXPECT_NE(all.bytes, changed_by(one, samples, 1000, 6).bytes);
    // The second half as a batch of its own.
    HostTensor half(DType::u8, Shape{kBatch / 2, kHeight, kWidth, kChannels});
    const auto bytes = static_cast<std::ptrdiff_t>(half.bytes.size());
    std::copy(samples.bytes.begin() + bytes, samples.bytes.end(), half.bytes.begin());
    const HostTensor second = changed_by(one, half, 1000 + kBatch / 2);
    EXPECT_TRUE(std::equal(second.bytes.begin(), second.bytes.end(), all.bytes.begin() + bytes));
  }
}

Recipe recipe_of(const std::string& augment, std::vector<Override> changes = {}) {
  return parse_recipe("[input]\naugment = " + augment + "\n[[model]]\nflatten = {}\n", "x.toml",
                      changes);
}

TEST(Augmentation, IsWrittenInRecipes) {
  const Recipe recipe = recipe_of(
      "[{ flip = \"vertical\" }, { crop = { pad = 3, fill = \"reflect\" } }, { cutout = 5 }, { "
      "mixup = {} }]");
  ASSERT_EQ(recipe.input.augment.size(), 4U);
  EXPECT_EQ(std::get<Flip>(recipe.input.augment[0]).direction, FlipDirection::vertical);
  EXPECT_EQ(std::get<Crop>(recipe.input.augment[1]).pad, 3);
  EXPECT_EQ(std::get<Crop>(recipe.input.augment[1]).fill, Fill::reflect);
  EXPECT_EQ(std::get<Cutout>(recipe.input.augment[2]).size, 5);
  const std::string written = write_recipe(recipe);
  EXPECT_THAT(written,
              testing::HasSubstr(
                  "augment = [{ flip = { direction = \"vertical\", probability = 0.5 } }, "));
  EXPECT_EQ(write_recipe(parse_recipe(written, "y.toml")),
            write_recipe(parse_recipe(written, "y.toml")));
  EXPECT_EQ(std::get<Crop>(
                recipe_of("[{ crop = {} }]", {{"input.augment.crop_1.pad", "7"}}).input.augment[0])
                .pad,
            7);
  EXPECT_EQ(
      recipe_of("[]", {{"input.augment", "[{ flip = \"horizontal\" }]"}}).input.augment.size(), 1U);
}

TEST(Augmentation, MistakesNamePlaceAndRemedy) {
  const auto error = [](const std::string& augment) -> std::string {
    try {
      recipe_of(augment);
    } catch (const Error& mistake) {
      return mistake.what();
    }
    return "no error";
  };
  using testing::HasSubstr;
  EXPECT_EQ(error("[{ flip = \"horizontl\" }]"),
            "x.toml:2: input.augment.flip is \"horizontl\"; did you mean \"horizontal\"?");
  EXPECT_EQ(error("[{ flpi = {} }]"),
            "x.toml:2: input.augment has no \"flpi\"; did you mean \"flip\"?");
  EXPECT_EQ(error("[{ crop = { pda = 4 } }]"),
            "x.toml:2: unknown field \"pda\" of input.augment.crop; did you mean \"pad\"?");
  EXPECT_EQ(error("[\n{ cutout = 0 }]"),
            "x.toml:3: input.augment.cutout is 0; use at least 1 and at most 4096");
  EXPECT_THAT(error("[{ shift = 3 }]"),
              HasSubstr("x.toml:2: input.augment.shift is 3; use a table"));
  EXPECT_THAT(error("[{ flip = {}, crop = {} }]"),
              HasSubstr("x.toml:2: input.augment needs exactly one entry"));
  EXPECT_THAT(error("\"flip\""),
              HasSubstr("x.toml:2: input.augment is \"flip\"; use [{ flip = { ... } }]"));
}

BatchGeometry geometry(const Shape& sample) {
  return {.batch = 2, .rows = 4, .sample = sample, .classes = 4};
}

TEST(Augmentation, PicturesAreNeededWherePixelsMove) {
  const Model model = input({12}) | Dense{.units = 4};
  const TrainOptions train;
  InputOptions options;
  options.augment = {Flip{}};
  Graph graph;
  try {
    emit_train_step(graph, {model, options, train}, geometry({12}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(
                                  "input.augment.flip changes pictures, but the samples are [12]"));
  }
  options.augment = {Mixup{}};
  Graph mixes;
  emit_train_step(mixes, {model, options, train}, geometry({12}));
  // Flat samples of a model over pictures are pictures.
  options.augment = {Flip{}};
  Graph shaped;
  emit_train_step(shaped, {input({2, 2, 3}) | Flatten{} | Dense{.units = 4}, options, train},
                  geometry({12}));
  EXPECT_THAT(to_text(shaped), testing::HasSubstr("augment"));
  // Evaluation and prediction leave samples as they are.
  Graph evaluation;
  emit_evaluate_step(evaluation, {input({2, 2, 3}) | Flatten{} | Dense{.units = 4}, options, train},
                     geometry({2, 2, 3}));
  EXPECT_THAT(to_text(evaluation), testing::Not(testing::HasSubstr("augment")));
}

TEST(Augmentation, NormaliseIsMeanAndStdOfTheInput) {
  const Model model = input({2, 2, 3}) | Flatten{} | Dense{.units = 4};
  InputOptions before, after;
  before.mean = {0.1, 0.2, 0.3};
  before.deviation = {0.5};
  after.augment = {Normalise{{0.1, 0.2, 0.3}, {0.5}}};
  const auto text = [&](const InputOptions& options) {
    Graph graph;
    emit_predict(graph, {model, options, TrainOptions{}}, geometry({2, 2, 3}));
    return to_text(graph);
  };
  EXPECT_EQ(text(before), text(after));
  EXPECT_NE(text(before), text(InputOptions{}));
  after.mean = {0};
  EXPECT_THROW(text(after), Error);
}

}  // namespace
}  // namespace treino::nn
