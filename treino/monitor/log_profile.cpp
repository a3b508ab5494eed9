// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/log_profile.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <cstdlib>
#include <optional>
#include <regex>
#include <sstream>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/suggest.h"
#include "treino/monitor/log_profiles.h"

namespace treino::monitor {

namespace {

constexpr std::size_t kLongestLine = 2000;  // std::regex recurses: a longer line is no log line

struct Field {
  std::string name;
  std::size_t group = 0, over = 0;
  double times = 1;
};

struct Line {
  std::regex match;
  std::string event;
  bool once = false;
  std::size_t change = 0;  // group whose new value is a new epoch
  std::int64_t plus = 0;
  std::vector<Field> fields;
};

std::optional<double> number(const std::smatch& found, std::size_t group) {
  if (group >= found.size() || !found[group].matched) return std::nullopt;
  const std::string text = found[group];
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) return std::nullopt;
  return value;
}

void set_number(Event& event, const std::string& name, double value) {
  const auto whole = static_cast<std::int64_t>(value);
  if (static_cast<double>(whole) == value) {
    event.set(name, whole);
  } else {
    event.set(name, value);
  }
}

[[noreturn]] void fail(const std::string& where, const toml::node& node, const std::string& what) {
  throw Error::mistake(fmt::format("{}:{}: {}", where, node.source().begin.line, what));
}

Field parse_field(const std::string& where, std::string_view name, const toml::node& node) {
  Field field;
  field.name = name;
  if (const auto group = node.value<std::int64_t>(); group && *group > 0) {
    field.group = static_cast<std::size_t>(*group);
    return field;
  }
  const toml::table* table = node.as_table();
  if (table == nullptr || !(*table)["group"].is_integer()) {
    fail(where, node,
         fmt::format("fields.{} wants the number of a group, or {{ group = 1, times = 0.01 }}",
                     name));
  }
  field.group = static_cast<std::size_t>((*table)["group"].value_or<std::int64_t>(0));
  field.over = static_cast<std::size_t>((*table)["over"].value_or<std::int64_t>(0));
  field.times = (*table)["times"].value_or(1.0);
  return field;
}

Line parse_line(const std::string& where, const toml::table& table) {
  Line line;
  const auto pattern = table["match"].value<std::string>();
  if (!pattern) fail(where, table, "[[line]] wants match = 'a regular expression'");
  try {
    line.match = std::regex(*pattern, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& error) {
    fail(where, *table.get("match"),
         fmt::format("match is no regular expression: {}", error.what()));
  }
  line.event = table["event"].value_or(std::string());
  line.once = table["once"].value_or(false);
  if (const toml::table* change = table["change"].as_table()) {
    line.change = static_cast<std::size_t>((*change)["group"].value_or<std::int64_t>(0));
    line.plus = (*change)["plus"].value_or<std::int64_t>(0);
  }
  if (line.event.empty() == (line.change == 0)) {
    fail(where, table, "[[line]] wants either event = \"name\" or change = { group = 1 }");
  }
  if (const toml::table* fields = table["fields"].as_table()) {
    for (const auto& [key, node] : *fields)
      line.fields.push_back(parse_field(where, key.str(), node));
  }
  return line;
}

}  // namespace

struct LogProfile::State {
  std::vector<Line> lines;
  bool started = false, stopped = true;  // training; the current epoch
  std::optional<std::int64_t> epoch;
  Event last{"epoch_stop"};  // what the newest line of an epoch told by change says
  bool open = false;         // such an epoch is running

  void start_epoch(std::vector<Event>& events, double t) {
    if (!started) events.push_back(std::move(Event("train_start", t).set("from", "log")));
    started = true;
    stopped = false;
  }
};

LogProfile::LogProfile() : state_(std::make_unique<State>()) {}
LogProfile::LogProfile(LogProfile&&) noexcept = default;
LogProfile& LogProfile::operator=(LogProfile&&) noexcept = default;
LogProfile::~LogProfile() = default;

std::vector<std::string> LogProfile::names() {
  std::vector<std::string> names;
  for (const BuiltInProfile& profile : kBuiltInProfiles) names.emplace_back(profile.name);
  return names;
}

LogProfile LogProfile::load(const std::string& name_or_path) {
  std::vector<std::string_view> names;
  for (const BuiltInProfile& profile : kBuiltInProfiles) {
    if (name_or_path == profile.name) return parse(profile.toml, profile.name);
    names.emplace_back(profile.name);
  }
  if (name_or_path.find_first_of("/.") == std::string::npos) {
    throw Error::mistake(fmt::format("there is no log profile \"{}\"{}; known are {}", name_or_path,
                                     suggestion(name_or_path, names), fmt::join(names, ", ")));
  }
  return parse(read_whole_file(name_or_path), name_or_path);
}

LogProfile LogProfile::parse(const std::string& text, const std::string& where) {
  LogProfile profile;
  toml::table table;
  try {
    table = toml::parse(text, where);
  } catch (const toml::parse_error& error) {
    throw Error::mistake(
        fmt::format("{}:{}: {}", where, error.source().begin.line, error.description()));
  }
  const toml::array* lines = table["line"].as_array();
  if (lines == nullptr || lines->empty()) {
    throw Error::mistake(fmt::format("{}: a log profile has at least one [[line]]", where));
  }
  for (const toml::node& node : *lines) {
    if (!node.is_table()) fail(where, node, "[[line]] wants a table");
    profile.state_->lines.push_back(parse_line(where, *node.as_table()));
  }
  return profile;
}

std::vector<Event> LogProfile::read(std::string_view text, double t) {
  std::vector<Event> events;
  if (text.empty() || text.size() > kLongestLine) return events;
  State& state = *state_;
  const std::string subject(text);
  std::smatch found;
  for (const Line& line : state.lines) {
    if (!std::regex_search(subject, found, line.match)) continue;
    const auto fill = [&](Event& event) {
      for (const Field& field : line.fields) {
        auto value = number(found, field.group);
        const auto over = field.over == 0 ? std::optional<double>(1) : number(found, field.over);
        if (value && over && *over != 0)
          set_number(event, field.name, *value * field.times / *over);
      }
    };
    if (line.change > 0) {
      const auto number_now = number(found, line.change);
      if (!number_now) return events;
      const std::int64_t epoch = static_cast<std::int64_t>(*number_now) + line.plus;
      if (!state.open || state.epoch != epoch) {
        for (Event& event : finish()) events.push_back(std::move(event));
        state.start_epoch(events, t);
        events.push_back(std::move(Event("epoch_start", t).set("epoch", epoch).set("from", "log")));
        state.epoch = epoch;
        state.open = true;
      }
      state.last = std::move(Event("epoch_stop", t).set("epoch", epoch).set("from", "log"));
      fill(state.last);
      return events;
    }
    if (line.once && state.stopped) return events;
    Event event(line.event, t);
    fill(event);
    if (line.event == "epoch_start") {
      state.start_epoch(events, t);
      if (const auto epoch = event.number("epoch")) state.epoch = static_cast<std::int64_t>(*epoch);
    }
    if (line.event == "epoch_stop") {
      if (!event.number("epoch") && state.epoch) event.set("epoch", *state.epoch);
      state.stopped = true;
    }
    event.set("from", "log");
    events.push_back(std::move(event));
    return events;
  }
  return events;
}

std::vector<Event> LogProfile::finish() {
  std::vector<Event> events;
  if (!state_->open) return events;
  state_->open = false;
  events.push_back(std::exchange(state_->last, Event("epoch_stop")));
  return events;
}

std::vector<std::string> LineCutter::add(std::string_view bytes) {
  std::vector<std::string> lines;
  for (char c : bytes) {
    if (c == '\n' || c == '\r') {
      std::string line = rest();
      if (!line.empty()) lines.push_back(std::move(line));
    } else if (rest_.size() <= 4 * kLongestLine) {
      rest_.push_back(c);
    }
  }
  return lines;
}

std::string LineCutter::rest() {
  std::string line;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] == '\b') continue;
    if (rest_[i] == '\x1b') {  // ESC [ ... letter
      while (i + 1 < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[i])) == 0) ++i;
      continue;
    }
    line.push_back(rest_[i]);
  }
  rest_.clear();
  return line;
}

}  // namespace treino::monitor
