// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "treino/base/error.h"
#include "treino/monitor/proc.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {

namespace {

constexpr std::size_t kMostListed = 20;

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

struct Found {
  pid_t pid = 0, parent = 0;
  bool matches = false;
  std::string command;  // for the list
};

std::vector<std::string> arguments_of(ProcReader& reader, const std::string& root, pid_t pid) {
  std::vector<std::string> arguments;
  const auto text = reader.read(fmt::format("{}/proc/{}/cmdline", root, pid));
  if (!text) return arguments;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    arguments.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return arguments;
}

// The program, or the script of an interpreter: its first argument that is no option.
bool names(const std::vector<std::string>& arguments, std::string_view comm,
           std::string_view name) {
  if (comm == name) return true;
  if (arguments.empty()) return false;
  if (file_name(arguments[0]) == name) return true;
  const auto script = std::find_if(arguments.begin() + 1, arguments.end(),
                                   [](const std::string& a) { return !a.starts_with('-'); });
  return script != arguments.end() && script->find('.') != std::string::npos &&
         file_name(*script) == name;
}

}  // namespace

pid_t find_by_name(const std::string& name, const std::string& root) {
  ProcReader reader;
  std::map<pid_t, Found> all;
  for (pid_t pid : list_pids(root)) {
    const auto text = reader.read(fmt::format("{}/proc/{}/stat", root, pid));
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (!stat) continue;
    Found found{pid, stat->parent, false, {}};
    const std::string comm(stat->name);
    const std::vector<std::string> arguments = arguments_of(reader, root, pid);
    found.matches = names(arguments, comm, name);
    found.command =
        arguments.empty() ? "[" + comm + "]" : fmt::format("{}", fmt::join(arguments, " "));
    all[pid] = std::move(found);
  }
  // Not ourselves, nor the shells and wrappers that started us.
  for (pid_t pid = root.empty() ? ::getpid() : 0; pid > 0 && all.contains(pid);) {
    all[pid].matches = false;
    pid = all[pid].parent;
  }
  std::vector<const Found*> tops;
  for (const auto& [pid, found] : all) {
    if (!found.matches) continue;
    bool below = false;  // a worker of one that matches
    pid_t parent = found.parent;
    for (std::size_t depth = 0; depth < all.size() && all.contains(parent); ++depth) {
      below = below || all[parent].matches;
      parent = all[parent].parent;
    }
    if (!below) tops.push_back(&found);
  }
  if (tops.empty()) throw Error::mistake(fmt::format("no process is named \"{}\"", name));
  if (tops.size() == 1) return tops.front()->pid;
  std::string list;
  for (std::size_t i = 0; i < std::min(tops.size(), kMostListed); ++i) {
    list +=
        fmt::format("{}{} ({})", i == 0 ? "" : ", ", tops[i]->pid, tops[i]->command.substr(0, 60));
  }
  if (tops.size() > kMostListed) list += ", ...";
  std::replace(list.begin(), list.end(), '\n', ' ');
  throw Error::mistake(fmt::format("{} processes are named \"{}\"; choose one with --pid: {}",
                                   tops.size(), name, list));
}

}  // namespace treino::monitor
