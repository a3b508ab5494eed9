// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "treino/monitor/series.h"

namespace treino::monitor {

namespace {

using Json = nlohmann::ordered_json;

// Rounded, so that the JSON prints no digits that were not measured.
Json number(const Reading& reading, int decimals) {
  if (!reading.known()) return nullptr;
  if (decimals == 0) return std::llround(reading.value);
  const double scale = std::pow(10.0, decimals);
  return std::round(reading.value * scale) / scale;
}

constexpr std::string_view kGpu = "gpu.";
constexpr std::string_view kGpuStatus = "gpu.status";

}  // namespace

std::string to_json(const Summary& summary) {
  Json json, gpu, status = Json::object();
  json["wall_s"] = number(Reading::of(summary.wall_s), 6);
  bool gpu_known = false;
  for (const Summary::Entry& entry : summary.entries) {
    const bool of_gpu = entry.name.starts_with(kGpu);
    if (of_gpu) {
      Json& place = gpu[entry.name.substr(kGpu.size())];
      place = number(entry.reading, entry.decimals);
      if (entry.name == kGpuStatus) place = entry.reading.note;  // words
      gpu_known = gpu_known || entry.reading.known();
    } else {
      json[entry.name] = number(entry.reading, entry.decimals);
    }
    if (*entry.reading.note != '\0') status[entry.name] = entry.reading.note;
  }
  json["samples"] = summary.samples;
  json["missed"] = summary.missed;
  json["gpu"] = gpu_known ? gpu : Json(nullptr);
  json["status"] = status;
  Json methods = Json::object();
  for (const auto& [name, method] : summary.methods) methods[name] = method;
  json["methods"] = methods;
  std::vector<std::string> notes = summary.notes;
  notes.insert(notes.end(), summary.warnings.begin(), summary.warnings.end());
  json["notes"] = notes;
  json["timed_out"] = summary.timed_out;
  json["exit"] = summary.exit ? Json(*summary.exit) : Json(nullptr);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const Summary& summary) {
  std::string text = fmt::format("{:<22}{:.3f}\n", "wall_s", summary.wall_s);
  std::string unknown;
  for (const Summary::Entry& entry : summary.entries) {
    if (entry.reading.known()) {
      const char* note = entry.reading.note;
      text += fmt::format("{:<22}{:.{}f}{}\n", entry.name, entry.reading.value, entry.decimals,
                          *note == '\0' ? "" : fmt::format("   ({})", note));
    } else if (entry.name == kGpuStatus) {
      unknown += fmt::format("{:<22}{}\n", entry.name, entry.reading.note);
    } else {
      unknown += fmt::format("{:<22}unknown: {}\n", entry.name, entry.reading.note);
    }
  }
  text += fmt::format("{:<22}{}{}\n", "samples", summary.samples,
                      summary.missed > 0 ? fmt::format(", {} missed", summary.missed) : "");
  text += unknown;
  for (const auto& [name, method] : summary.methods) {
    text += fmt::format("{:<22}{}\n", name + " from", method);
  }
  for (const std::string& note : summary.notes) text += note + "\n";
  if (summary.exit) text += fmt::format("{:<22}{}\n", "exit", *summary.exit);
  return text;
}

}  // namespace treino::monitor
