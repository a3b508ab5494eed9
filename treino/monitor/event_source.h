// SPDX-License-Identifier: Apache-2.0
// The socket on which a watched program tells what it does (TREINO_EVENTS=unix:path).
#pragma once

#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include "treino/base/event.h"
#include "treino/monitor/descriptor.h"

namespace treino::monitor {

class EventSource {
 public:
  EventSource();  // throws Error::work when no socket can be made
  ~EventSource();
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;

  std::string address() const { return "unix:" + path_; }
  void add_files(std::vector<pollfd>& files) const;  // readable when take() has something to do
  // What has arrived, without waiting; of one who writes without pause a piece a turn.
  std::vector<Event> take();
  bool more() const { return more_; }  // the last turn left something
  // Lines that were no events: how many, and what was wrong with the first.
  int refused() const { return refused_; }
  const std::string& first_refusal() const { return first_refusal_; }

 private:
  struct Connection {
    Descriptor file;
    std::string rest;  // of a line not yet ended
    bool ended = false;
  };
  void read(Connection& connection, std::vector<Event>& events);

  std::string folder_, path_;
  Descriptor listener_;
  std::vector<Connection> connections_;
  bool more_ = false;
  int refused_ = 0;
  std::string first_refusal_;
};

}  // namespace treino::monitor
