// SPDX-License-Identifier: Apache-2.0
// The JSON lines by which a trainer tells what it does (docs: events). Written and read here only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "treino/base/clock.h"

namespace treino {

// One line in the making; keys stay in the order they are set.
class Event {
 public:
  explicit Event(std::string_view name, double t = monotonic_seconds());
  Event(Event&&) noexcept;
  Event& operator=(Event&&) noexcept;
  ~Event();

  Event& set(std::string_view key, double number);  // not finite: null
  Event& set(std::string_view key, std::int64_t number);
  Event& set(std::string_view key, int number) {
    return set(key, static_cast<std::int64_t>(number));
  }
  Event& set(std::string_view key, bool value);
  Event& set(std::string_view key, std::string_view text);
  Event& set(std::string_view key, const char* text) { return set(key, std::string_view(text)); }
  // A value that is JSON already. Throws Error::mistake when it is not.
  Event& set_json(std::string_view key, std::string_view json);

  // A line as written, without its end. Throws Error::mistake (naming `where`) unless it is an
  // object with a string "event" and a number "t".
  static Event parse(std::string_view line, const std::string& where);

  std::string name() const;
  double t() const;
  std::optional<double> number(std::string_view key) const;  // absent, or no number: nothing
  std::optional<std::string> text(std::string_view key) const;
  std::optional<std::string> json(std::string_view key) const;  // any value, as JSON
  std::string line() const;

 private:
  Event();
  struct Fields;
  std::unique_ptr<Fields> fields_;
};

// The events of a file. A last line without its end (a writer that was killed) is left out.
// Throws Error naming file and line.
std::vector<Event> read_events(const std::string& path);

// Where events go: any number of places, each line flushed at once. A place that breaks (full disk,
// reader gone) is given up with one warning; the others go on.
class EventWriter {
 public:
  EventWriter();
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // "path" (appended to), "-" (standard output), "fd:N" or "unix:path". Throws Error::mistake for
  // an address that makes no sense, Error::work when it cannot be opened.
  void add(const std::string& address);
  // The place named by TREINO_EVENTS, if any.
  void add_from_environment();

  // The run's own file. A new one begins with every event so far; a continued one is cut to its
  // first `keep` bytes (whole lines only) and gets what follows.
  void add_run_file(const std::string& path);
  void continue_run_file(const std::string& path, std::int64_t keep);
  // Bytes of the run's own file so far; 0 without one.
  std::int64_t run_file_bytes() const;

  void write(const Event& event);
  // A line of another's (without its end), for the places that are there; none later begins with
  // it.
  void pass_on(std::string_view line);
  // One line for each place given up since the last call.
  std::vector<std::string> take_warnings();

 private:
  struct Sink;
  void send(Sink& sink, std::string_view line);
  std::vector<std::unique_ptr<Sink>> sinks_;
  Sink* run_file_ = nullptr;
  std::vector<std::string> history_;  // until there is a run file
  std::vector<std::string> warnings_;
};

}  // namespace treino
