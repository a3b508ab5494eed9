// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <memory>

#include "treino/monitor/live_frame.h"

namespace treino::monitor {

// The terminal in full-screen mode (ncurses). Left as it was found, whatever ends the program: by
// close(), by destruction, and by a crash.
class LiveTerminal {
 public:
  enum class Key { none, quit, pause, longer, shorter, up, down, page_up, page_down, order };

  // Throws Error::mistake when there is no terminal or none that can do it.
  static void check();

  LiveTerminal();  // takes the screen
  ~LiveTerminal();
  LiveTerminal(const LiveTerminal&) = delete;
  LiveTerminal& operator=(const LiveTerminal&) = delete;

  int columns() const;  // as it is now: follows resizes
  int rows() const;
  bool unicode() const { return unicode_; }
  void draw(const LiveGrid& grid);
  // The next key, waited for at most so long.
  Key key(int milliseconds);

 private:
  struct Screen;
  std::unique_ptr<Screen> screen_;
  bool unicode_ = false, colors_ = false;
};

}  // namespace treino::monitor
