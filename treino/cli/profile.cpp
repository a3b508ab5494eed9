// SPDX-License-Identifier: Apache-2.0
#include "treino/train/profile.h"

#include <fmt/format.h>

#include <memory>

#include "treino/backend/cpu/peak.h"
#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/chart/chart.h"
#include "treino/cli/commands.h"
#include "treino/cli/recipe_options.h"
#include "treino/cli/work_options.h"

namespace treino::cli {

namespace {

struct Options {
  RecipeOptions recipe;
  DeviceChoice device;
  std::string batch, svg;
  double seconds = 1, candidates = 20;
  bool json = false, all = false;
};

chart::Chart picture(const train::StepProfile& profile, const train::Limits& limits) {
  std::vector<chart::RooflinePoint> points;
  for (const train::OpProfile& op : profile.ops) {
    if (op.flops <= 0 || op.seconds < 0.01 * profile.op_seconds()) continue;
    points.push_back({op.op + " " + op.scope, op.flops / op.bytes, op.flops / op.seconds / 1e9});
  }
  return chart::roofline(fmt::format("{}: ops of the training step", profile.name),
                         limits.flops / 1e9, limits.bandwidth / 1e9, points);
}

train::Limits limits_of(const Device& device, int threads, std::int64_t touched_bytes) {
  if (device.name() == "cuda") {
    const HardwarePeak peak = device.peak();
    if (peak.flops <= 0 || peak.bandwidth <= 0)
      throw Error::work("profile: " + peak.name + " does not say its clocks, so there is no peak");
    return {peak.flops, peak.bandwidth, 0, peak.name};
  }
  const cpu::Peak peak = cpu::measure_peak(threads, touched_bytes);
  return {peak.flops, peak.bandwidth, threads, {}};
}

int profile_recipe(Options options) {
  std::vector<nn::Override> flags;
  if (!options.batch.empty()) flags.emplace_back("train.batch", options.batch);
  const nn::Recipe recipe = load_recipe(options.recipe, flags);
  if (options.device.device == "reference") {
    throw Error::mistake(
        "profile: --device reference has no peak to be held against; use cpu or cuda");
  }
  const auto device = make_device(options.device);
  const train::StepProfile profile = train::profile_step(
      recipe, *device,
      {.seconds = options.seconds, .candidate_seconds = options.candidates * 1e-3});
  const train::Limits limits = limits_of(*device, options.device.threads, profile.touched_bytes);
  if (!options.svg.empty()) write_whole_file(options.svg, chart::svg(picture(profile, limits)));
  fmt::print(
      "{}", options.json ? to_json(profile, limits) + "\n" : to_text(profile, limits, options.all));
  return 0;
}

}  // namespace

void add_profile(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  add_recipe_options(app, options->recipe);
  add_device_options(app, options->device);
  app.add_option("--batch", options->batch, "samples of a step")->type_name("N");
  app.add_option("--seconds", options->seconds, "how long whole steps are timed")
      ->check(CLI::Range(0.001, 86400.0))
      ->type_name("S");
  app.add_option("--candidates", options->candidates,
                 "milliseconds each kernel an op could use is timed; 0: they are not compared")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->type_name("MS");
  app.add_flag("--json", options->json, "one JSON object");
  app.add_flag("--all", options->all, "also ops that take next to no time");
  app.add_option("--svg", options->svg, "draw the ops under the machine's roof")->type_name("FILE");
  app.footer(
      "Times the recipe's training step on random samples, whole and op by op, beside what this\n"
      "machine was just measured to reach. Other work on the machine shows in the figures. On a "
      "GPU:\n"
      "beside what its clocks allow, with its launches, and for how much of a step it idles.\n\n"
      "Examples:\n"
      "  treino profile cifar10\n"
      "  treino profile cifar10 --threads 1 --svg roofline.svg\n"
      "  treino profile mnist --device cuda\n"
      "  treino profile my.toml --batch 128 --json | jq '.ops[] | {op, scope, us}'");
  app.callback([options, &action] { action = [options] { return profile_recipe(*options); }; });
}

}  // namespace treino::cli
