// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "treino/base/error.h"
#include "treino/base/suggest.h"

namespace treino::experiment {

namespace {

// A work said by a contestant itself serves the others too when it is the only one.
std::vector<std::string> works_of(const Experiment& experiment) {
  std::vector<std::string> works = experiment.works;
  for (const ContestantSpec& spec : experiment.contestants) {
    if (!spec.work.empty() && std::ranges::find(works, spec.work) == works.end()) {
      works.push_back(spec.work);
    }
  }
  return works;
}

void check_work(const ContestantSpec& spec, const std::string& work) {
  if (!spec.file || spec.file->works.empty()) return;
  if (std::ranges::find(spec.file->works, work) != spec.file->works.end()) return;
  const std::vector<std::string_view> known(spec.file->works.begin(), spec.file->works.end());
  throw Error::mistake(fmt::format("{} contestant \"{}\" has no work \"{}\"{}", spec.where,
                                   spec.name, work, suggestion(work, known)));
}

}  // namespace

std::vector<Entry> entries_of(const Experiment& experiment) {
  const std::vector<std::string> all = works_of(experiment);
  std::vector<Entry> entries;
  const auto add = [&](const ContestantSpec& spec, const std::string& work) {
    Entry entry{
        .name = spec.name, .work = work, .note = spec.note, .variant = spec.variant, .spec = spec};
    entry.id = all.size() > 1 ? fmt::format("{}-{}", spec.name, work) : spec.name;
    entries.push_back(entry);
    if (spec.name != experiment.control) return;
    entry.control_of = entry.id;
    entry.id += "-control";
    entry.name += " (again)";
    entries.push_back(entry);
  };
  for (const ContestantSpec& spec : experiment.contestants) {
    std::vector<std::string> works;
    if (!spec.work.empty()) {
      works = {spec.work};
    } else if (!experiment.works.empty()) {
      works = experiment.works;
    } else if (all.size() > 1 || (all.empty() && spec.file)) {
      throw Error::mistake(
          fmt::format("{} contestant \"{}\" does not say its work; give it `work = \"NAME\"`, or "
                      "the experiment "
                      "`works = [...]`",
                      spec.where, spec.name));
    } else {
      works = {all.empty() ? experiment.name : all.front()};
    }
    for (const std::string& work : works) {
      check_work(spec, work);
      add(spec, work);
    }
  }
  std::set<std::string> ids;
  for (const Entry& entry : entries) {
    if (!ids.insert(entry.id).second) {
      throw Error::mistake(
          fmt::format("{} \"{}\" would share its folder with another contestant; "
                      "give one another name",
                      entry.spec.where, entry.id));
    }
  }
  return entries;
}

std::vector<std::vector<int>> groups_of(const std::vector<Entry>& entries) {
  std::vector<std::string> works;
  std::vector<std::vector<int>> groups;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto found = std::ranges::find(works, entries[i].work);
    if (found == works.end()) {
      found = works.insert(works.end(), entries[i].work);
      groups.emplace_back();
    }
    groups[static_cast<std::size_t>(found - works.begin())].push_back(static_cast<int>(i));
  }
  return groups;
}

}  // namespace treino::experiment
