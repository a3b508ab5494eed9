// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/experiment/result_json.h"

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

constexpr const char* kRawFiles[] = {"samples.csv", "events.jsonl"};

}  // namespace

FolderLock::FolderLock(const std::string& folder) : lock_(folder + "/.lock") {
  if (!lock_.try_take())
    throw Error::mistake(
        fmt::format("{}: another bench is running into this folder; give another --out", folder));
}

std::string run_folder(int block, const std::string& contestant) {
  return fmt::format("blocks/{}-{}", block, contestant);
}

void write_run(const std::string& folder, Run& run) {
  for (const char* name : kRawFiles) {
    const std::string path = fmt::format("{}/{}/{}", folder, run.folder, name);
    if (fs::exists(path)) run.files[name] = sha256(read_whole_file(path));
  }
  write_whole_file(fmt::format("{}/{}/run.json", folder, run.folder), to_json(run));
}

Found find_runs(const std::string& folder) {
  Found found;
  std::error_code error;
  for (const char* part : {"blocks", "disturbed"}) {
    std::vector<std::string> paths;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(fs::path(folder) / part, error)) {
      if (fs::exists(entry.path() / "run.json", error)) paths.push_back(entry.path().string());
    }
    std::ranges::sort(paths);
    for (const std::string& path : paths) {
      const std::string file = path + "/run.json";
      try {
        Run run = run_from_json(read_whole_file(file), file);
        run.folder = fmt::format("{}/{}", part, fs::path(path).filename().string());
        for (const auto& [name, sum] : run.files) {
          const std::string raw = path + "/" + name;
          if (!fs::exists(raw, error)) {
            found.warnings.push_back(fmt::format("{}: is gone; its curves are not drawn", raw));
          } else if (sha256(read_whole_file(raw)) != sum) {
            found.warnings.push_back(
                fmt::format("{}: was changed after the run; its curves are not drawn", raw));
          } else {
            continue;
          }
          run.files[name].clear();
        }
        found.runs.push_back(std::move(run));
      } catch (const Error& mistake) {
        found.warnings.push_back(mistake.what());
      }
    }
  }
  return found;
}

void put_in_order(Result& result) {
  const auto key = [&](const Run& run) {
    const auto contestant = std::ranges::find(result.contestants, run.contestant, &Contestant::id);
    const auto work =
        contestant == result.contestants.end()
            ? contestant
            : std::ranges::find(result.contestants, contestant->work, &Contestant::work);
    return std::tuple(run.block, work - result.contestants.begin(), run.position, run.contestant,
                      run.attempt);
  };
  std::ranges::sort(result.runs, {}, key);
}

}  // namespace treino::experiment
