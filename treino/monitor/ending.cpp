// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/ending.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "treino/monitor/cgroup.h"
#include "treino/monitor/descriptor.h"
#include "treino/monitor/proc.h"

namespace treino::monitor {

namespace {

bool is_still(ProcReader& reader, const Member& member) {
  const auto text = reader.read(fmt::format("/proc/{}/stat", member.pid));
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  return stat && stat->start == member.start;
}

}  // namespace

int signal_tree(const Tree& tree, int signal) {
  int count = 0;
  ProcReader reader;
  const bool killed = signal == SIGKILL && tree.cgroup() != nullptr && tree.cgroup()->kill();
  for (const Member& member : tree.members()) {
    if (!member.zombie) ++count;
    // One that has ended is hurt by nothing, and were it misjudged, nothing else would end it.
    if (killed || (member.zombie && signal != SIGKILL)) continue;
    // The descriptor holds on to this process: checked after it is open, it cannot become another.
    const Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, member.pid, 0)));
    if (!is_still(reader, member)) continue;
    if (handle) {
      ::syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0);
    } else {  // a kernel before 5.3
      ::kill(member.pid, signal);
    }
  }
  return count;
}

}  // namespace treino::monitor
