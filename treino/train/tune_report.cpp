// SPDX-License-Identifier: Apache-2.0
// Tuned ops as text and JSON; pure functions.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "treino/train/to_json.h"
#include "treino/train/tune.h"

namespace treino::train {

std::string to_text(const std::vector<TunedOp>& ops) {
  if (ops.empty()) return "no op of this recipe has several kernels to choose from here\n";
  std::size_t wide = 8;
  for (const TunedOp& op : ops) wide = std::max(wide, op.scope.size());
  std::string text =
      fmt::format("{:<20} {:<{}} {:>10} {:>10} {:>10}  {:<9} {:>7} {:>7}  {}\n", "op", "layer",
                  wide, "direct", "winograd", "onednn", "winner", "lead", "gain", "shape");
  bool any_changed = false;
  for (const TunedOp& op : ops) {
    const auto time = [&](const char* kernel) {
      const double seconds = op.seconds_of(kernel);
      return seconds > 0 ? fmt::format("{:.1f}", seconds * 1e6) : std::string("-");
    };
    const bool changed = op.kernel != op.candidates.front().kernel;
    any_changed = any_changed || changed;
    text += fmt::format("{:<20} {:<{}} {:>10} {:>10} {:>10}  {:<9} {:6.2f}x {:>7}  {}{}\n", op.op,
                        op.scope, wide, time("direct"), time("winograd"), time("onednn"), op.kernel,
                        op.lead(), changed ? fmt::format("{:.2f}x", op.gain()) : "-", op.shape,
                        op.known ? "  (known)" : "");
  }
  text += fmt::format(
      "\nmicroseconds, the third least of several windows; lead: the next best takes so many times "
      "as long; gain: "
      "the "
      "fixed table's does{}\n",
      any_changed ? "" : " (it is right everywhere)");
  return text;
}

nlohmann::ordered_json candidates_json(const TunedOp& op) {
  nlohmann::ordered_json times = nlohmann::ordered_json::object();
  for (const CandidateTime& candidate : op.candidates)
    times[candidate.kernel] = candidate.seconds * 1e6;
  return {{"table", op.candidates.front().kernel},
          {"winner", op.kernel},
          {"lead", op.lead()},
          {"gain", op.gain()},
          {"us", times}};
}

std::string to_json(const std::vector<TunedOp>& ops) {
  auto list = nlohmann::ordered_json::array();
  for (const TunedOp& op : ops) {
    list.push_back({{"op", op.op},
                    {"scope", op.scope},
                    {"shape", op.shape},
                    {"known", op.known},
                    {"candidates", candidates_json(op)}});
  }
  return nlohmann::ordered_json{{"ops", list}}.dump(2);
}

}  // namespace treino::train
