// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/statm_file.h"

#include <fmt/format.h>

namespace treino::monitor {

namespace {

std::string path(const std::string& root, pid_t task) {
  return fmt::format("{}/proc/{}/statm", root, task);
}

}  // namespace

void StatmFile::open(const std::string& root, pid_t task) {
  if (root.empty()) file_ = open_read(path(root, task));
}

void StatmFile::read(ProcReader& reader, const std::string& root, Member& member) {
  if (member.task == 0) member.task = member.pid;
  const auto read_once = [&] {
    const auto text = file_ ? reader.read(file_.get()) : reader.read(path(root, member.task));
    return text ? parse_statm(*text) : std::nullopt;
  };
  auto statm = read_once();
  const bool own = member.task == member.pid;
  // Nothing is mapped: ended, or only its main thread is. A thread that answers no more has ended.
  if (own ? statm && statm->resident == 0 : !statm || statm->resident == 0) {
    const pid_t living = living_thread(reader, root, member.pid);
    if (living != 0 || !own) {
      member.task = living != 0 ? living : member.pid;
      open(root, member.task);
      statm = read_once();
    }
  }
  member.resident = statm ? statm->resident : -1;
  member.shared = statm ? statm->shared : -1;
}

}  // namespace treino::monitor
