// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/experiment/process.h"
#include "treino/experiment/result_json.h"

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

constexpr const char* kOwnPython = "TREINO_BENCH_PYTHON";

std::string cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path base = cache != nullptr && *cache != '\0' ? fs::path(cache)
                        : home != nullptr                  ? fs::path(home) / ".cache"
                                                           : fs::path("/tmp");
  return (base / "treino" / "contestants").string();
}

// What, when it changes, asks for a new environment.
std::string digest_of(const ContestantFile& file) {
  std::string text;
  for (const std::string& package : file.setup.python) text += package + "\n";
  for (const auto& command : file.setup.commands)
    text += fmt::format("{}\n", fmt::join(command, " "));
  if (!file.setup.commands.empty()) {
    for (const std::string& source : file.program)
      text += read_whole_file(file.folder + "/" + source);
  }
  return sha256(text).substr(0, 12);
}

Placeholders placeholders(const ContestantFile& file, const Environment& environment) {
  return {
      {"folder", file.folder}, {"environment", environment.folder}, {"python", environment.python}};
}

double folder_mib(const std::string& folder) {
  double bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; at != end; at.increment(error)) {
    if (at->is_regular_file(error) && !at->is_symlink(error)) {
      bytes += static_cast<double>(at->file_size(error));
    }
  }
  return bytes / (1 << 20);
}

// Of a Python that others use too: the files of the packages named and of those they need, in MiB,
// and how many packages these are. Optional needs ("extras") are left out, and so is what is not
// installed. Nothing when Python cannot say.
constexpr const char* kMeasure = R"(
import importlib.metadata as m, os, re, sys
key = lambda name: re.sub('[-_.]+', '-', name).lower()
wanted, done, size = sys.argv[1:], set(), 0
while wanted:
    name = key(re.match('[A-Za-z0-9._-]+', wanted.pop().strip()).group())
    if name in done: continue
    try: it = m.distribution(name)
    except m.PackageNotFoundError: continue
    done.add(name)
    size += sum(os.path.getsize(p) for p in map(it.locate_file, it.files or ()) if os.path.isfile(p))
    wanted += [need for need in it.requires or () if 'extra' not in need.partition(';')[2]]
print(size / 2**20, len(done)))";

void measure_packages(const std::vector<std::string>& packages, Environment& environment) {
  std::vector<std::string> command = {environment.python, "-c", kMeasure};
  command.insert(command.end(), packages.begin(), packages.end());
  std::istringstream line(first_line_of(command).value_or(""));
  double mib = 0, count = 0;
  if (!(line >> mib >> count) || count == 0) return;
  environment.installed_mib = mib;
  environment.packages = count;
}

// Installed distributions of a virtual environment, pip itself and its friends left out.
Number package_count(const std::string& python) {
  const auto count = first_line_of(
      {python, "-c",
       "import importlib.metadata as m;"
       "print(len({d.metadata['Name'] for d in m.distributions()}-{'pip','setuptools','wheel'}))"});
  return count ? Number(std::atof(count->c_str())) : std::nullopt;
}

class Maker {
 public:
  Maker(const ContestantFile& file, Environment environment,
        const std::function<void(const std::string&)>& tell)
      : file_(file), environment_(std::move(environment)), tell_(tell) {}

  Environment make() {
    const double start = monotonic_seconds();
    if (!programs() || !packages() || !commands()) return environment_;
    environment_.setup_s = monotonic_seconds() - start;
    if (shared_python()) {
      measure_packages(file_.setup.python, environment_);
    } else {
      environment_.installed_mib = folder_mib(environment_.folder);
      if (!file_.setup.python.empty()) environment_.packages = package_count(environment_.python);
    }
    nlohmann::json record = {{"seconds", *environment_.setup_s}};
    if (environment_.installed_mib) record["installed_mib"] = *environment_.installed_mib;
    if (environment_.packages) record["packages"] = *environment_.packages;
    write_whole_file(environment_.folder + "/setup.json", record.dump(1) + "\n");
    environment_.ready = true;
    environment_.trouble.clear();
    return environment_;
  }

 private:
  static bool shared_python() { return std::getenv(kOwnPython) != nullptr; }

  bool fail(const std::string& what) {
    environment_.trouble = what;
    return false;
  }

  bool run(const std::vector<std::string>& command, const std::string& folder = {}) {
    tell_(fmt::format("  {}", fmt::join(command, " ")));
    CommandOptions options{.folder = folder, .log = environment_.folder + "/setup.log"};
    const Placeholders values = placeholders(file_, environment_);
    for (const auto& [name, value] : file_.environment) {
      if (value.find("{environment}") != value.npos) {
        options.environment.emplace_back(name, fill_in(value, values, file_.path));
      }
    }
    return run_command(command, options) == 0;
  }

  bool programs() {
    for (const std::string& program : file_.setup.programs) {
      if (find_program(program).empty()) {
        return fail(fmt::format("{} is not installed here", program));
      }
    }
    return true;
  }

  bool packages() {
    if (file_.setup.python.empty()) return true;
    if (!shared_python()) {
      const std::string venv = environment_.folder + "/venv";
      if (!run({"python3", "-m", "venv", venv})) {
        return fail("no virtual environment can be made; install python3-venv");
      }
      std::vector<std::string> install = {environment_.python, "-m", "pip", "install",
                                          "--no-input"};
      install.insert(install.end(), file_.setup.python.begin(), file_.setup.python.end());
      if (!run(install)) {
        return fail(fmt::format("{} cannot be installed; see {}/setup.log",
                                fmt::join(file_.setup.python, ", "), environment_.folder));
      }
    }
    if (!file_.setup.check.empty() && !run({environment_.python, "-c", file_.setup.check})) {
      return fail(fmt::format("`{} -c '{}'` fails; see {}/setup.log", environment_.python,
                              file_.setup.check, environment_.folder));
    }
    return true;
  }

  bool commands() {
    const Placeholders values = placeholders(file_, environment_);
    for (const auto& command : file_.setup.commands) {
      std::vector<std::string> filled;
      for (const std::string& word : command) filled.push_back(fill_in(word, values, file_.path));
      if (!run(filled, file_.folder)) {
        return fail(fmt::format("`{}` fails; see {}/setup.log", fmt::join(filled, " "),
                                environment_.folder));
      }
    }
    if (file_.setup.made.empty() || fs::exists(fill_in(file_.setup.made, values, file_.path)))
      return true;
    return fail(
        fmt::format("the set-up made no {}", fill_in(file_.setup.made, values, file_.path)));
  }

  const ContestantFile& file_;
  Environment environment_;
  const std::function<void(const std::string&)>& tell_;
};

}  // namespace

Environment environment_of(const ContestantFile& file) {
  Environment environment;
  environment.folder = fmt::format("{}/{}-{}", cache_folder(), file.name, digest_of(file));
  const char* own = std::getenv(kOwnPython);
  environment.python = own != nullptr ? own : environment.folder + "/venv/bin/python";
  if (!file.setup.needed()) {
    environment.ready = true;
    return environment;
  }
  std::error_code error;
  const std::string record = environment.folder + "/setup.json";
  const bool python_there = file.setup.python.empty() || fs::exists(environment.python, error);
  if (!fs::exists(record, error) || !python_there) {
    environment.trouble =
        fmt::format("its environment is not there; run: treino bench setup {}", file.name);
    return environment;
  }
  const auto json = nlohmann::json::parse(read_whole_file(record), nullptr, false);
  const auto number = [&](const char* key) -> Number {
    const auto found = json.find(key);  // of what is no object: the end
    return found != json.end() && found->is_number() ? Number(found->get<double>()) : std::nullopt;
  };
  environment.setup_s = number("seconds");
  environment.installed_mib = number("installed_mib");
  environment.packages = number("packages");
  environment.ready = true;
  return environment;
}

Environment make_environment(const ContestantFile& file, bool afresh,
                             const std::function<void(const std::string&)>& tell) {
  Environment environment = environment_of(file);
  if (!file.setup.needed()) return environment;
  // One made by a version that could not measure it is made again.
  const bool measured = environment.installed_mib || file.setup.python.empty();
  if (environment.ready && measured && !afresh) return environment;
  environment.ready = false;
  std::error_code error;
  fs::remove_all(environment.folder, error);
  make_folders(environment.folder);
  return Maker(file, environment, tell).make();
}

Number program_lines(const ContestantFile& file) {
  if (file.program.empty()) return std::nullopt;
  double lines = 0;
  for (const std::string& source : file.program) {
    std::istringstream text(read_whole_file(file.folder + "/" + source));
    for (std::string line; std::getline(text, line);) {
      if (line.find_first_not_of(" \t\r") != line.npos) ++lines;
    }
  }
  return lines;
}

}  // namespace treino::experiment
