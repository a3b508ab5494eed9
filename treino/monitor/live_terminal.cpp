// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/live_terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <array>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <string>

// After our headers: ncurses defines macros with everyday names.
#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
#undef columns

#include "treino/base/error.h"

namespace treino::monitor {

namespace {

constexpr std::array kCrashes = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// For the handler of crashes: what it needs, ready to use.
int crash_terminal = -1;
termios crash_settings;

// Async-signal-safe: plain writes, no ncurses.
void on_crash(int signal) {
  if (crash_terminal >= 0) {
    // Colours off, cursor on, keypad off, the normal screen: of every terminal there is today.
    constexpr char kBack[] = "\x1b[0m\x1b[?25h\x1b[?1l\x1b>\x1b[?1049l\r";
    (void)!write(crash_terminal, kBack, sizeof kBack - 1);
    tcsetattr(crash_terminal, TCSANOW, &crash_settings);
  }
  ::raise(signal);  // the default action now (SA_RESETHAND)
}

// ANSI code of a foreground colour to ncurses' number.
int color_number(int ansi) {
  return ansi >= 90 ? ansi - 90 + 8 : ansi - 30;
}

}  // namespace

struct LiveTerminal::Screen {
  std::FILE *output = nullptr, *input = nullptr;
  SCREEN* screen = nullptr;
  std::array<struct sigaction, kCrashes.size()> old_actions{};

  ~Screen() {
    if (screen != nullptr) {
      endwin();
      delscreen(screen);
      for (std::size_t i = 0; i < kCrashes.size(); ++i) {
        sigaction(kCrashes[i], &old_actions[i], nullptr);
      }
      crash_terminal = -1;
    }
    if (input != nullptr) std::fclose(input);
    if (output != nullptr) std::fclose(output);
  }
};

void LiveTerminal::check() {
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (terminal < 0) {
    throw Error::mistake("--live needs a terminal; use --pretty or --csv where there is none");
  }
  int found = 0;
  const bool known = setupterm(nullptr, terminal, &found) == OK;
  const bool moves = known && cursor_address != nullptr && clear_screen != nullptr;
  if (cur_term != nullptr) del_curterm(cur_term);
  close(terminal);
  if (!moves) {
    const char* name = std::getenv("TERM");
    throw Error::mistake(std::string("--live: the terminal \"") + (name != nullptr ? name : "") +
                         "\" (TERM) has no full-screen mode; use --pretty");
  }
}

LiveTerminal::LiveTerminal() : screen_(std::make_unique<Screen>()) {
  std::setlocale(LC_CTYPE, "");
  unicode_ = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  screen_->output = std::fopen("/dev/tty", "r+e");
  // Keys come without waiting: one that poll() has seen is gone when Ctrl-C empties the queue before
  // it is read, and that read would wait for ever. A descriptor of its own, so that writes do wait.
  const int keys = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (keys >= 0) screen_->input = fdopen(keys, "r");
  if (screen_->output == nullptr || screen_->input == nullptr)
    throw Error::work("--live: the terminal cannot be opened");
  crash_terminal = fileno(screen_->output);
  tcgetattr(crash_terminal, &crash_settings);
  screen_->screen = newterm(nullptr, screen_->output, screen_->input);
  if (screen_->screen == nullptr) throw Error::work("--live: the terminal cannot be set up");
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = SA_RESETHAND;
    sigaction(kCrashes[i], &action, &screen_->old_actions[i]);
  }
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  curs_set(0);
  set_escdelay(25);
  const char* no_color = std::getenv("NO_COLOR");
  colors_ = has_colors() && (no_color == nullptr || *no_color == '\0');
  if (colors_) {
    start_color();
    use_default_colors();
    for (int i = 0; i < std::min(COLORS, 16); ++i)
      init_pair(static_cast<short>(i + 1), static_cast<short>(i), -1);
  }
}

LiveTerminal::~LiveTerminal() = default;

int LiveTerminal::columns() const {
  return getmaxx(stdscr);
}
int LiveTerminal::rows() const {
  return getmaxy(stdscr);
}

void LiveTerminal::draw(const LiveGrid& grid) {
  erase();
  for (int row = 0; row < std::min(grid.rows(), rows()); ++row) {
    for (int column = 0; column < std::min(grid.columns(), columns()); ++column) {
      const LiveCell& cell = grid.at(column, row);
      attr_t attributes = A_NORMAL;
      short pair = 0;
      if (cell.bold) attributes |= A_BOLD;
      if (cell.inverse) attributes |= A_REVERSE;
      if (cell.color >= 0 && colors_) {
        int number = color_number(cell.color);
        if (number == 8) {  // grey: dim where there are only eight colours
          if (COLORS < 16)
            attributes |= A_DIM;
          else
            pair = 9;
        } else {
          if (number > 8 && COLORS < 16) number -= 8;
          pair = static_cast<short>(number + 1);
        }
      }
      wchar_t letter[2] = {L'?', 0};
      mbstate_t state{};
      wchar_t read = 0;
      const std::size_t size = mbrtowc(&read, cell.text.data(), cell.text.size(), &state);
      // What takes two columns, or none, would shift the rest of the line.
      if (size > 0 && size <= cell.text.size() && wcwidth(read) == 1) letter[0] = read;
      cchar_t shown;
      setcchar(&shown, letter, attributes, pair, nullptr);
      mvadd_wch(row, column, &shown);
    }
  }
  refresh();
}

LiveTerminal::Key LiveTerminal::key(int milliseconds) {
  winsize size{};
  const int terminal = fileno(screen_->output);
  if (ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
      (size.ws_row != rows() || size.ws_col != columns())) {
    resizeterm(size.ws_row, size.ws_col);
    clearok(stdscr, TRUE);
  }
  wtimeout(stdscr, milliseconds);
  switch (wgetch(stdscr)) {
    case 'q':
    case 'Q':
    case 27:
      return Key::quit;
    case 'p':
    case ' ':
      return Key::pause;
    case '-':
    case KEY_LEFT:
      return Key::longer;
    case '+':
    case '=':
    case KEY_RIGHT:
      return Key::shorter;
    case 'k':
    case KEY_UP:
      return Key::up;
    case 'j':
    case KEY_DOWN:
      return Key::down;
    case KEY_PPAGE:
      return Key::page_up;
    case KEY_NPAGE:
      return Key::page_down;
    case 'c':
      return Key::order;
    case 12:  // Ctrl-L
      clearok(stdscr, TRUE);
      return Key::none;
    default:
      return Key::none;
  }
}

}  // namespace treino::monitor
