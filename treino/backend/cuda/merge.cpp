// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/merge.h"

#include <algorithm>

#include "treino/backend/cuda/plan.h"
#include "treino/runtime/parts.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cuda {

namespace {

// Whether the one must stay where it is, before or behind the other.
bool conflict(const Unit& a, const Unit& b) {
  const auto written = a.writes(), others = b.writes();
  return any_overlap(written, others) || any_overlap(written, b.reads()) ||
         any_overlap(a.reads(), others);
}

// Takes out those that stand at `place`.
void drop(std::vector<Tensor>& tensors, const Tensor& place) {
  std::erase_if(tensors, [&](const Tensor& tensor) { return same_place(tensor, place); });
}

// The units that read `tensor`, written by unit `from`, in order.
std::vector<std::size_t> readers(const std::vector<Unit>& units, std::size_t from,
                                 const Tensor& tensor) {
  std::vector<std::size_t> found;
  for (std::size_t i = from + 1; i < units.size(); ++i) {
    if (any_overlap(units[i].reads(), {tensor})) found.push_back(i);
    if (any_overlap(units[i].writes(), {tensor})) break;
  }
  return found;
}

bool can_keep(const Step& maker, const Step& group) {
  return reads_back(group) || (maker.op != Op::gather_rows && maker.op != Op::reduce_sum);
}

// Puts `whole` in the place of `at`, which did part of it, with all that must stay behind unit
// `from`, the other part, behind it. False, and nothing done, where that cannot be.
bool move_together(std::vector<Unit>& units, std::size_t from, std::size_t at, const Unit& whole) {
  std::vector<Unit> between, behind;
  for (std::size_t i = from + 1; i < at; ++i) {
    const auto waits = [&](const Unit& other) { return conflict(units[i], other); };
    if (waits(units[from]) || std::any_of(behind.begin(), behind.end(), waits))
      behind.push_back(units[i]);
    else
      between.push_back(units[i]);
  }
  if (std::any_of(behind.begin(), behind.end(),
                  [&](const Unit& other) { return conflict(units[at], other); })) {
    return false;
  }
  between.push_back(whole);
  between.insert(between.end(), behind.begin(), behind.end());
  std::move(between.begin(), between.end(), units.begin() + static_cast<std::ptrdiff_t>(from) + 1);
  return true;
}

// Joins the group at `at` to the unit that makes what it reads.
bool join(std::vector<Unit>& units, std::size_t at) {
  const Unit group = units[at];
  if (group.step->op != Op::fused || group.then != nullptr) return false;
  for (std::size_t from = at; from-- > 0;) {
    const Unit& maker = units[from];
    if (!any_overlap(maker.writes(), group.step->inputs)) continue;
    if (maker.then != nullptr) continue;
    const int handed = hands_to(*maker.step, *group.step);
    if (handed < 0) continue;
    Unit whole = maker;
    whole.then = group.step;
    whole.handed = static_cast<std::size_t>(handed);
    const Tensor& tensor = maker.step->outputs[whole.handed];
    const auto all = readers(units, from, tensor);
    if (std::find(all.begin(), all.end(), at) == all.end()) continue;  // another value, later there
    whole.keeps = tensor.space == Space::variable || all.size() > 1 || reads_back(*group.step);
    if (whole.keeps && !can_keep(*maker.step, *group.step)) continue;
    // Other threads of the kernel still read its inputs when the first results are written.
    if (any_overlap(group.step->outputs, maker.reads())) continue;
    std::vector<Tensor> kept = maker.writes();
    if (!whole.keeps) drop(kept, tensor);
    if (any_overlap(group.step->outputs, kept)) continue;
    if (!move_together(units, from, at, whole)) continue;
    units.erase(units.begin() + static_cast<std::ptrdiff_t>(from));
    return true;
  }
  return false;
}

// Gives what the unit at `from` does to those that read its result, where all of them take it.
bool give(std::vector<Unit>& units, std::size_t from) {
  const Unit maker = units[from];
  if (maker.step->outputs.size() != 1 || maker.step->outputs[0].space == Space::variable)
    return false;
  const auto all = readers(units, from, maker.step->outputs[0]);
  const bool taken = std::all_of(all.begin(), all.end(), [&](std::size_t reader) {
    return units[reader].before == nullptr && takes_from(*maker.step, *units[reader].step);
  });
  if (all.empty() || !taken) return false;
  std::vector<Unit> moved = units;
  for (const std::size_t reader : all) {
    const auto at = static_cast<std::size_t>(
        std::find_if(moved.begin(), moved.end(),
                     [&](const Unit& unit) { return unit.number == units[reader].number; }) -
        moved.begin());
    Unit whole = moved[at];
    whole.before = maker.step;
    if (any_overlap(whole.writes(), maker.reads())) return false;
    if (!move_together(moved, from, at, whole)) return false;
  }
  moved.erase(moved.begin() + static_cast<std::ptrdiff_t>(from));
  units = std::move(moved);
  return true;
}

}  // namespace

std::vector<Tensor> Unit::reads() const {
  std::vector<Tensor> all = step->inputs;
  if (before != nullptr) {
    drop(all, before->outputs[0]);
    all.insert(all.end(), before->inputs.begin(), before->inputs.end());
  }
  if (then != nullptr) {
    std::vector<Tensor> more = then->inputs;
    drop(more, step->outputs[handed]);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

std::vector<Tensor> Unit::writes() const {
  std::vector<Tensor> all = step->outputs;
  if (then == nullptr) return all;
  if (!keeps) all.erase(all.begin() + static_cast<std::ptrdiff_t>(handed));
  all.insert(all.end(), then->outputs.begin(), then->outputs.end());
  return all;
}

std::vector<Unit> merged(const Program& program) {
  std::vector<Unit> units;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    const std::vector<Step> parts = parts_of(step);
    for (const Step& part : parts) {
      const auto own = std::make_shared<const Step>(part);
      units.push_back({.number = static_cast<int>(i), .step = own.get(), .part = own});
    }
    if (parts.empty()) units.push_back({.number = static_cast<int>(i), .step = &step});
  }
  for (std::size_t i = 0; i < units.size();) i += give(units, i) ? 0 : 1;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (join(units, i)) --i;
  }
  return units;
}

}  // namespace treino::cuda
