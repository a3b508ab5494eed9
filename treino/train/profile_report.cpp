// SPDX-License-Identifier: Apache-2.0
// A step's profile as text and JSON; pure functions.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "treino/train/idle.h"
#include "treino/train/profile.h"
#include "treino/train/to_json.h"

namespace treino::train {

namespace {

constexpr double kSmall = 0.005;  // share of the ops' time below which a row is left out
constexpr std::size_t kFirst = 3, kLaunches = 10;

double percent(double part, double whole) {
  return whole > 0 ? 100 * part / whole : 0;
}

std::string cut(const std::string& text, std::size_t most) {
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

std::string head(const StepProfile& profile, const Limits& limits) {
  if (limits.gpu.empty()) {
    return fmt::format(
        "{}, batch {}, {} threads; this machine reaches {:.0f} GFLOP/s and reads {:.0f} GB/s from "
        "{:.1f} MiB",
        profile.name, profile.batch, limits.threads, limits.flops / 1e9, limits.bandwidth / 1e9,
        static_cast<double>(profile.touched_bytes) / (1 << 20));
  }
  return fmt::format(
      "{}, batch {}, {}; by its clocks it reaches {:.0f} GFLOP/s (fp32, no tensor units) and {:.0f} "
      "GB/s of its memory; the step touches {:.1f} MiB",
      profile.name, profile.batch, limits.gpu, limits.flops / 1e9, limits.bandwidth / 1e9,
      static_cast<double>(profile.touched_bytes) / (1 << 20));
}

// What the GPU waits for: launches, and launches that need each other.
std::string launches_text(const StepProfile& profile, bool all) {
  const Idle idle = idle_of(profile.step_seconds, profile.launches, profile.empty_launch);
  std::string text = fmt::format(
      "\nlaunches: {} a step, {} of them one after the other in its longest chain ({:.2f} us of the "
      "step each)\n"
      "  one by one {:.1f} us, of which {} x {:.2f} us are what a launch takes that does nothing\n"
      "  the work left is {:.1f} us, {:.1f} us of it in one chain\n"
      "  so the GPU is without work for {:.0f} to {:.0f} % of a step\n"
      "launches with the most work:\n",
      idle.launches, idle.longest, profile.step_seconds * 1e6 / std::max(idle.longest, 1),
      idle.alone * 1e6, idle.launches, profile.empty_launch * 1e6, idle.work * 1e6,
      idle.chain * 1e6, 100 * idle.least, 100 * idle.most);
  std::vector<const LaunchTime*> order;
  for (const LaunchTime& launch : profile.launches) order.push_back(&launch);
  std::sort(order.begin(), order.end(), [](const LaunchTime* a, const LaunchTime* b) {
    return a->seconds != b->seconds ? a->seconds > b->seconds : a < b;  // both of one vector
  });
  if (!all) order.resize(std::min(order.size(), kLaunches));
  for (const LaunchTime* launch : order) {
    const OpProfile& op = profile.ops[static_cast<std::size_t>(launch->step)];
    text += fmt::format("{:10.2f}  {:<32} {:<20} {}\n",
                        std::max(launch->seconds - profile.empty_launch, 0.0) * 1e6,
                        launch->kernel, op.op, op.scope);
  }
  return text;
}

}  // namespace

std::string to_text(const StepProfile& profile, const Limits& limits, bool all) {
  const double total = profile.op_seconds(), floor = profile.flops() / limits.flops;
  std::string text = fmt::format(
      "{}\n\n{:>10} {:>6} {:>8} {:>7} {:>6}  {:<20} {:<22} {:<20} {}\n", head(profile, limits), "us",
      "time", "GFLOP/s", "GB/s", "peak", "op", "layer", "kernel", "operands");
  double left_out = 0;
  for (const OpProfile& op : profile.ops) {
    if (!all && op.seconds < kSmall * total) {
      left_out += op.seconds;
      continue;
    }
    // A step that another's launch does takes no time of its own.
    const double per_second = op.seconds > 0 ? 1 / op.seconds : 0;
    const double reached = limits.floor(op.flops, op.bytes) * per_second;
    text += fmt::format("{:10.2f} {:5.1f}% {:8.1f} {:7.1f} {:5.0f}%  {:<20} {:<22} {:<20} {}\n",
                        op.seconds * 1e6, percent(op.seconds, total), op.flops * per_second / 1e9,
                        op.bytes * per_second / 1e9, 100 * reached, op.op, cut(op.scope, 22),
                        cut(op.kernel, 20), cut(op.shapes, 48));
  }
  if (left_out > 0)
    text += fmt::format("{:10.2f} {:5.1f}%  ops below {:.1f} % each (--all shows them)\n",
                        left_out * 1e6, percent(left_out, total), 100 * kSmall);
  text += fmt::format(
      "\nstep {:.1f} us (its ops one by one {:.1f}), {:.0f} samples/s; compiled in {:.1f} ms\n"
      "floor of direct fp32 arithmetic {:.1f} us: the step takes {:.2f} times that\n",
      profile.step_seconds * 1e6, total * 1e6,
      static_cast<double>(profile.batch) / profile.step_seconds, profile.compile_seconds * 1e3,
      floor * 1e6, floor > 0 ? profile.step_seconds / floor : 0);
  if (!profile.launches.empty()) text += launches_text(profile, all);
  if (!profile.heavy.empty()) text += "\nkernels compared:\n" + to_text(profile.heavy) + "\n";
  text += "look first at:\n";
  const auto order = worst_first(profile, limits);
  for (std::size_t i = 0; i < std::min(kFirst, order.size()); ++i) {
    const OpProfile& op = *order[i];
    const double least = limits.floor(op.flops, op.bytes);
    text += fmt::format(
        "  {} of {}: {:.1f} us, {:.1f} above its floor ({})\n", op.op,
        op.scope.empty() ? "the step" : op.scope, op.seconds * 1e6, (op.seconds - least) * 1e6,
        op.flops / limits.flops > op.bytes / limits.bandwidth ? "arithmetic" : "traffic");
  }
  return text;
}

std::string to_json(const StepProfile& profile, const Limits& limits) {
  nlohmann::ordered_json json{
      {"name", profile.name},
      {"batch", profile.batch},
      {"device", limits.gpu.empty() ? "cpu" : limits.gpu},
      {"threads", limits.threads},
      {"peak_gflops", limits.flops / 1e9},
      {"bandwidth_gbs", limits.bandwidth / 1e9},
      {"touched_bytes", profile.touched_bytes},
      {"compile_ms", profile.compile_seconds * 1e3},
      {"step_us", profile.step_seconds * 1e6},
      {"ops_us", profile.op_seconds() * 1e6},
      {"floor_us", profile.flops() / limits.flops * 1e6},
      {"ops", nlohmann::ordered_json::array()},
  };
  for (const OpProfile& op : profile.ops) {
    json["ops"].push_back({{"op", op.op},
                           {"scope", op.scope},
                           {"operands", op.shapes},
                           {"shape", op.key},
                           {"kernel", op.kernel},
                           {"us", op.seconds * 1e6},
                           {"flops", op.flops},
                           {"bytes", op.bytes},
                           {"floor_us", limits.floor(op.flops, op.bytes) * 1e6}});
    for (const TunedOp& heavy : profile.heavy) {
      if (heavy.op == op.op && heavy.shape == op.key)
        json["ops"].back()["candidates"] = candidates_json(heavy);
    }
  }
  if (profile.launches.empty()) return json.dump(2);
  const Idle idle = idle_of(profile.step_seconds, profile.launches, profile.empty_launch);
  json["launches"] = nlohmann::ordered_json::array();
  for (const LaunchTime& launch : profile.launches) {
    const OpProfile& op = profile.ops[static_cast<std::size_t>(launch.step)];
    json["launches"].push_back({{"kernel", launch.kernel},
                                {"step", launch.step},
                                {"op", op.op},
                                {"scope", op.scope},
                                {"us", launch.seconds * 1e6},
                                {"after", launch.after}});
  }
  json["empty_launch_us"] = profile.empty_launch * 1e6;
  json["longest_chain"] = idle.longest;
  json["launches_us"] = idle.alone * 1e6;
  json["work_us"] = idle.work * 1e6;
  json["chain_work_us"] = idle.chain * 1e6;
  json["idle_least"] = idle.least;
  json["idle_most"] = idle.most;
  return json.dump(2);
}

}  // namespace treino::train
