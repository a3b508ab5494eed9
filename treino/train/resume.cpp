// SPDX-License-Identifier: Apache-2.0
#include "treino/train/resume.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"

namespace treino::train {

void check_device(const std::string& folder, const Environment& before, std::string_view device) {
  if (before.device == device) return;
  throw Error::mistake(fmt::format("{}: was trained on device {}; resume it there, --device {}",
                                   folder, before.device, before.device));
}

void check_data(const std::string& folder, const Environment& before, const Environment& now) {
  if (before.data_sha256.empty() || before.data_sha256 == now.data_sha256) return;
  throw Error::mistake(
      fmt::format("{}: was trained on other data ({}); give the same set with --data", folder,
                  before.data_origin));
}

void check_kernels(const std::string& folder, const Environment& before, const Environment& now) {
  for (std::size_t i = 0; i < std::max(before.choices.size(), now.choices.size()); ++i) {
    const std::string was = i < before.choices.size() ? before.choices[i] : "none",
                      is = i < now.choices.size() ? now.choices[i] : "none";
    if (was == is) continue;
    throw Error::mistake(fmt::format(
        "{}: was trained with kernels that do not run here (environment.json, \"kernels\", line "
        "{}: {} then, {} now); the same bits cannot be promised: go on on the machine and with "
        "the version it was trained on, or train anew",
        folder, i + 1, was, is));
  }
  for (const KernelChoice& was : before.heavy.ops) {
    for (const KernelChoice& is : now.heavy.ops) {
      if (!is.same_op(was) || is.slices == was.slices) continue;
      throw Error::mistake(fmt::format(
          "{}: its {} was cut into {} slices and is cut into {} by this version of Treino; the "
          "same bits cannot be promised: go on with the version it was trained with, or train "
          "anew",
          folder, was.op, was.slices, is.slices));
    }
  }
}

void check_position(const std::string& folder, const Position& position,
                    const FeedPrograms& training, const Store& store) {
  const EpochPlan& plan = training.plan;
  const auto counter = [&](const std::string& name) {
    return store.read(store.find(name), DType::i64).as<std::int64_t>()[0];
  };
  const std::int64_t inside = std::min(position.step * plan.batch, plan.samples());
  const bool is_place = position.epoch >= 0 && position.step >= 0 && position.step < plan.steps();
  // A ring of pieces has an offset of its own.
  const bool streamed = training.feeder->ring_bytes() > 0;
  if (is_place && counter("counter.step") == position.epoch * plan.steps() + position.step &&
      counter("counter.position") == position.epoch * plan.samples() + inside &&
      (position.step == 0 || streamed || counter(training.feed.offset) == inside)) {
    return;
  }
  throw Error::mistake(
      fmt::format("{}/checkpoint/state.safetensors: stands at epoch {}, step {}, which its own "
                  "counters or the recipe's batch contradict; it is damaged or of another training",
                  folder, position.epoch, position.step));
}

}  // namespace treino::train
