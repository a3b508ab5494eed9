// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/input_options.h"

#include <fmt/format.h>

#include <charconv>

#include "treino/base/error.h"
#include "treino/train/cross_validate.h"

namespace treino::cli {

namespace {

data::Geometry parse_size(const std::string& flag, const std::string& text,
                          data::Geometry::Fit fit) {
  data::Geometry geometry{fit, 0, 0};
  const char* end = text.data() + text.size();
  auto result = std::from_chars(text.data(), end, geometry.height);
  geometry.width = geometry.height;
  if (result.ec == std::errc{} && result.ptr != end && *result.ptr == 'x') {
    result = std::from_chars(result.ptr + 1, end, geometry.width);
  }
  const bool good = result.ec == std::errc{} && result.ptr == end && geometry.height >= 1 &&
                    geometry.height <= 16384 && geometry.width >= 1 && geometry.width <= 16384;
  if (!good) {
    throw Error::mistake(
        fmt::format("{} {}: give pixels, e.g. 64 or 48x64 (height x width)", flag, text));
  }
  return geometry;
}

}  // namespace

void add_input_flags(CLI::App& app, InputFlags& flags) {
  app.add_option("--resize", flags.resize, "stretch pictures to this size")->type_name("N|HxW");
  app.add_option("--crop", flags.crop, "scale pictures to cover it, cut the middle out")
      ->type_name("N|HxW");
  app.add_option("--pad", flags.pad, "scale pictures to fit into it, black around")
      ->type_name("N|HxW");
  app.add_option("--channels", flags.channels, "1 = gray, 3 = colour; default: as they are")
      ->check(CLI::IsMember({1, 3}));
  app.add_option("--label", flags.label, "a table's label column")->type_name("COLUMN");
  app.add_flag("--strict", flags.strict, "a broken picture is an error, not left out");
}

data::LoadOptions load_options(const InputFlags& flags) {
  data::LoadOptions options;
  const int rules = !flags.resize.empty() + !flags.crop.empty() + !flags.pad.empty();
  if (rules > 1) throw Error::mistake("use one of --resize, --crop and --pad");
  if (!flags.resize.empty())
    options.geometry = parse_size("--resize", flags.resize, data::Geometry::resize);
  if (!flags.crop.empty())
    options.geometry = parse_size("--crop", flags.crop, data::Geometry::crop);
  if (!flags.pad.empty()) options.geometry = parse_size("--pad", flags.pad, data::Geometry::pad);
  options.channels = flags.channels;
  options.label = flags.label;
  options.strict = flags.strict;
  return options;
}

data::Geometry geometry_of(const nn::InputOptions& input) {
  if (input.resize.height > 0)
    return {data::Geometry::resize, input.resize.height, input.resize.width};
  if (input.crop.height > 0) return {data::Geometry::crop, input.crop.height, input.crop.width};
  if (input.pad.height > 0) return {data::Geometry::pad, input.pad.height, input.pad.width};
  return {};
}

data::LoadOptions load_options(const nn::Recipe& recipe) {
  data::LoadOptions options;
  const nn::InputOptions& input = recipe.input;
  const int rules = (input.resize.height > 0) + (input.crop.height > 0) + (input.pad.height > 0);
  if (rules > 1) {
    throw Error::mistake(
        fmt::format("{}: use one of input.resize, input.crop and input.pad", recipe.path));
  }
  if (input.channels == 2)
    throw Error::mistake(
        fmt::format("{}: input.channels is 2; use 1 (gray) or 3 (colour)", recipe.path));
  options.geometry = geometry_of(input);
  options.channels = static_cast<int>(input.channels);
  options.label = input.label;
  options.test_fraction = input.test;
  options.seed = static_cast<std::uint64_t>(recipe.train.seed);
  return options;
}

data::Dataset load_data(const nn::Recipe& recipe, data::LoadOptions load, const train::Fold& fold) {
  if (fold.of == 0) return data::load(recipe.data, load);
  load.test_fraction = 0;
  return train::fold_of(data::load(recipe.data, load), fold,
                        static_cast<std::uint64_t>(recipe.train.seed));
}

}  // namespace treino::cli
