// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/reading.h"

#include <mutex>
#include <set>
#include <string>

namespace treino::monitor {

const char* lasting_note(std::string_view text) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> notes;
  const std::lock_guard lock(mutex);
  const auto found = notes.find(text);
  return (found != notes.end() ? found : notes.emplace(text).first)->c_str();
}

}  // namespace treino::monitor
