// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/io_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr int kMostSweeps = 5;

IoBytes least(const IoBytes& a, const IoBytes& b) {
  return {std::min(a.read, b.read), std::min(a.written, b.written)};
}

// What is lost and has not come back as growth.
IoBytes beyond(const IoBytes& lost, const IoBytes& growth) {
  IoBytes rest = lost;
  rest -= least(lost, growth);
  return rest;
}

// Parents before their children.
std::vector<const Member*> from_the_top(const Tree& tree) {
  const std::span<const Member> members = tree.members();
  std::unordered_map<pid_t, pid_t> parent_of;
  for (const Member& member : members) parent_of[member.pid] = member.parent;
  std::vector<std::pair<std::size_t, std::size_t>> places;  // depth, index
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::size_t depth = 0;
    for (auto up = parent_of.find(members[i].parent);
         up != parent_of.end() && depth < members.size(); up = parent_of.find(up->second)) {
      ++depth;
    }
    places.emplace_back(depth, i);
  }
  std::ranges::sort(places);
  std::vector<const Member*> ordered;
  for (const auto& [depth, index] : places) ordered.push_back(&members[index]);
  return ordered;
}

}  // namespace

IoBytes& IoBytes::operator+=(const IoBytes& other) {
  read += other.read;
  written += other.written;
  return *this;
}

IoBytes& IoBytes::operator-=(const IoBytes& other) {
  read -= other.read;
  written -= other.written;
  return *this;
}

IoLedger::Sweep IoLedger::sweep(const Tree& tree, std::set<Identity>& gone) {
  Sweep found;
  const auto look = [&](const Identity& who, pid_t parent) {
    if (gone.contains(who)) return;
    const auto text = reader_.read(fmt::format("{}/proc/{}/io", tree.root(), who.pid));
    if (text) {
      found.accounts[who] = {parent,
                             {number_after(*text, "read_bytes:").value_or(0),
                              number_after(*text, "write_bytes:").value_or(0)}};
    } else if (reader_.error() == EACCES || reader_.error() == EPERM) {
      found.denied = true;
    } else if (known_.contains(who)) {
      gone.insert(who);
      found.quiet = false;
    }
  };
  if (tree.launcher() > 0) look({tree.launcher(), 0}, 0);
  for (const Member* member : from_the_top(tree)) {
    look({member->pid, member->start}, member->parent);
  }
  return found;
}

IoLedger::Total IoLedger::take(const Tree& tree) {
  // A child that ends between its parent's reading and its own may be in neither: who was waited
  // for is in the parent's file at the next sweep. One without such an end has nothing twice.
  std::set<Identity> gone;
  Sweep found = sweep(tree, gone);
  for (int sweeps = 1; !found.quiet && sweeps < kMostSweeps; ++sweeps) found = sweep(tree, gone);
  if (found.quiet || known_.empty()) settle(found.accounts);
  Total total{ended_, found.denied};
  for (const auto& [who, account] : known_) total.bytes += account.bytes;
  return total;
}

void IoLedger::settle(const Accounts& now) {
  std::unordered_map<pid_t, Identity> alive;
  std::map<Identity, IoBytes> growth, lost;
  IoBytes growth_left, lost_by_orphans;
  for (const auto& [who, account] : now) {
    alive[who.pid] = who;
    // One that was not known may have waited for others all the same: all of it is growth.
    growth[who] = account.bytes;
    if (const auto before = known_.find(who); before != known_.end()) {
      growth[who] -= before->second.bytes;
    }
    growth_left += growth[who];
  }
  for (const auto& [who, account] : known_) {
    if (now.contains(who)) continue;
    const auto parent = alive.find(account.parent);
    // A parent that is still there is the only one who can have waited for it.
    (parent == alive.end() ? lost_by_orphans : lost[parent->second]) += account.bytes;
  }
  for (const auto& [parent, bytes] : lost) {
    ended_ += beyond(bytes, growth[parent]);
    growth_left -= least(bytes, growth[parent]);
  }
  // Without it, anybody can: a grandparent, the launcher.
  ended_ += beyond(lost_by_orphans, growth_left);
  known_ = now;
}

}  // namespace treino::monitor
