// SPDX-License-Identifier: Apache-2.0
// A contestant's folder: contestant.toml and its program (docs/experiments.md).
#pragma once

#include <map>
#include <string>
#include <vector>

namespace treino::experiment {

// How its environment is made, before and outside every measurement.
struct Setup {
  std::vector<std::string> python;                 // packages from PyPI, into a virtual environment
  std::string check;                               // Python that fails when they are not usable
  std::vector<std::string> programs;               // wanted on PATH
  std::vector<std::vector<std::string>> commands;  // after the packages
  std::string made;  // a file or folder that is there when all went well
  bool needed() const { return !python.empty() || !programs.empty() || !commands.empty(); }
};

struct ContestantFile {
  std::string name;    // the folder's
  std::string folder;  // absolute
  std::string path;    // of contestant.toml
  std::string summary, note;
  std::vector<std::string> works;
  std::vector<std::string> command;  // with {placeholders}
  std::map<std::string, std::string> environment;
  std::string run_folder;            // where it runs; empty: where we do
  std::vector<std::string> program;  // its source files, counted in the table of effort
  std::string log_profile;           // how events are read from its output when it sends none
  std::map<std::string, std::map<std::string, std::string>> variants;  // more placeholders, by name
  Setup setup;
};

// Reads <folder>/contestant.toml. Throws Error::mistake naming file and line.
ContestantFile read_contestant(const std::string& folder);

// The folder meant by `use`: a path (from `base` or here), or a name in contestants/. Throws
// Error::mistake (beginning with `where`) when there is none, naming those there are.
std::string find_contestant(const std::string& use, const std::string& base,
                            const std::string& where);

// Folders named `kind` (contestants, experiments) that came with this program, and here.
std::vector<std::string> shipped_folders(const std::string& kind);

using Placeholders = std::map<std::string, std::string>;

// Text with every {name} replaced. Throws Error::mistake (beginning with `where`) for an unknown
// one.
std::string fill_in(const std::string& text, const Placeholders& values, const std::string& where);

}  // namespace treino::experiment
