// SPDX-License-Identifier: Apache-2.0
#include "treino/base/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

namespace treino {

namespace {

// What the signal's handler may read: no locks, no allocation. A place is taken while its begin is
// set; where all are taken, a mapping is not in the list.
struct Place {
  std::atomic<const std::byte*> begin{nullptr};
  std::size_t bytes = 0;
  char path[1024]{};
};
Place places[64];
std::mutex places_mutex;

void add_place(const void* memory, std::size_t bytes, const std::string& path) {
  const std::lock_guard lock(places_mutex);
  for (Place& place : places) {
    if (place.begin.load() != nullptr) continue;
    place.bytes = bytes;
    place.path[path.copy(place.path, sizeof place.path - 1)] = '\0';
    place.begin.store(static_cast<const std::byte*>(memory));
    return;
  }
}

void remove_place(const void* memory) {
  const std::lock_guard lock(places_mutex);
  for (Place& place : places) {
    if (place.begin.load() == memory) place.begin.store(nullptr);
  }
}

void say(const char* text) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
}

void on_bus_error(int signal, siginfo_t* info, void*) {
  const auto* at = static_cast<const std::byte*>(info->si_addr);
  for (const Place& place : places) {
    const std::byte* begin = place.begin.load();
    if (begin == nullptr || at < begin || at >= begin + place.bytes) continue;
    say("treino: ");
    say(place.path);
    say(": was cut off, or its disk failed, while it was in use; start again (a training with "
        "--resume): the file is checked and made anew\n");
    _exit(1);
  }
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(signal, &usual, nullptr);
  raise(signal);  // once this handler has returned
}

}  // namespace

std::shared_ptr<void> map_file(int descriptor, std::uint64_t offset, std::size_t bytes,
                               const std::string& path) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor,
                      static_cast<off_t>(offset));
  if (memory == MAP_FAILED) return nullptr;
  add_place(memory, bytes, path);
  std::shared_ptr<void> mapped(memory, [bytes](void* at) {
    remove_place(at);
    munmap(at, bytes);
  });
#ifdef MADV_POPULATE_READ  // Linux 5.14; before it, and where it is refused, pages come when read
  if (madvise(memory, bytes, MADV_POPULATE_READ) != 0 && errno != EINVAL) return nullptr;
#endif
  return mapped;
}

void name_cut_files() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace treino
