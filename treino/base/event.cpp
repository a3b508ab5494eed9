// SPDX-License-Identifier: Apache-2.0
#include "treino/base/event.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/file.h"

namespace treino {

using Json = nlohmann::ordered_json;

namespace {

// No event needs more; writing a value out goes one call deeper for each level.
constexpr int kDeepest = 64;

// Of JSON that need not be right: brackets outside of strings.
bool too_deep(std::string_view json, int deepest) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      if (++depth > deepest) return true;
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return false;
}

}  // namespace

struct Event::Fields {
  Json object = Json::object();
};

Event::Event() : fields_(std::make_unique<Fields>()) {}
Event::Event(std::string_view name, double t) : Event() {
  set("event", name).set("t", t);
}
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;
Event::~Event() = default;

Event& Event::set(std::string_view key, double number) {
  fields_->object[std::string(key)] = number;  // nlohmann writes what is not finite as null
  return *this;
}
Event& Event::set(std::string_view key, std::int64_t number) {
  fields_->object[std::string(key)] = number;
  return *this;
}
Event& Event::set(std::string_view key, bool value) {
  fields_->object[std::string(key)] = value;
  return *this;
}
Event& Event::set(std::string_view key, std::string_view text) {
  fields_->object[std::string(key)] = std::string(text);
  return *this;
}
Event& Event::set_json(std::string_view key, std::string_view json) {
  if (too_deep(json, kDeepest - 1)) {
    throw Error::mistake(
        fmt::format("event field {} is nested more than {} deep", key, kDeepest - 1));
  }
  Json value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) throw Error::mistake(fmt::format("event field {} is not JSON", key));
  fields_->object[std::string(key)] = std::move(value);
  return *this;
}

Event Event::parse(std::string_view line, const std::string& where) {
  if (too_deep(line, kDeepest))
    throw Error::mistake(fmt::format("{}: is nested more than {} deep", where, kDeepest));
  Event event;
  event.fields_->object = Json::parse(line, nullptr, false);
  const Json& object = event.fields_->object;
  if (!object.is_object()) throw Error::mistake(fmt::format("{}: is not a JSON object", where));
  if (!object.contains("event") || !object["event"].is_string()) {
    throw Error::mistake(fmt::format("{}: has no \"event\" with a name", where));
  }
  if (!object.contains("t") || !object["t"].is_number()) {
    throw Error::mistake(fmt::format("{}: has no \"t\" with a number of seconds", where));
  }
  return event;
}

std::string Event::name() const {
  return fields_->object.at("event").get<std::string>();
}
double Event::t() const {
  return fields_->object.at("t").get<double>();
}

std::optional<double> Event::number(std::string_view key) const {
  const auto found = fields_->object.find(std::string(key));
  if (found == fields_->object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}
std::optional<std::string> Event::text(std::string_view key) const {
  const auto found = fields_->object.find(std::string(key));
  if (found == fields_->object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}
std::optional<std::string> Event::json(std::string_view key) const {
  const auto found = fields_->object.find(std::string(key));
  if (found == fields_->object.end()) return std::nullopt;
  return found->dump();
}

std::string Event::line() const {
  return fields_->object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Event> read_events(const std::string& path) {
  const std::string contents = read_whole_file(path);
  std::vector<Event> events;
  std::size_t start = 0;
  for (int number = 1; start < contents.size(); ++number) {
    const std::size_t end = contents.find('\n', start);
    if (end == contents.npos) break;
    const std::string_view line = std::string_view(contents).substr(start, end - start);
    if (!line.empty()) events.push_back(Event::parse(line, fmt::format("{}:{}", path, number)));
    start = end + 1;
  }
  return events;
}

}  // namespace treino
