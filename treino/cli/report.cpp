// SPDX-License-Identifier: Apache-2.0
#include "treino/report/report.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/cli/commands.h"
#include "treino/cli/terminal.h"
#include "treino/experiment/analyse.h"
#include "treino/experiment/history.h"

namespace treino::cli {

namespace {

struct Options {
  std::string place, out;
  std::map<std::string, bool> formats;  // by name; none: html
  bool unequal = false;
};

int draw(const Options& options) {
  experiment::Result result = experiment::open_result(options.place);
  if (options.unequal && !result.settings.unequal) {
    result.settings.unequal = true;
    result.warnings.clear();
    const bool folder = std::filesystem::exists(options.place + "/environment.json");
    experiment::analyse(result, folder ? options.place : "");
  }
  for (const std::string& warning : result.warnings) tell("warning: {}\n", warning);
  for (const report::Format& format : report::formats()) {
    const auto wanted = options.formats.find(std::string(format.name));
    const bool html = format.name == "html";
    const bool none = std::none_of(options.formats.begin(), options.formats.end(),
                                   [](const auto& one) { return one.second; });
    if (none ? !html : wanted == options.formats.end() || !wanted->second) continue;
    const std::string text = format.write(result);
    std::string out = options.out;
    if (out.empty() && html && std::filesystem::is_directory(options.place))
      out = options.place + "/report.html";
    if (!out.empty()) {
      write_whole_file(out, text);
      tell("{}\n", out);
    } else if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
               std::fflush(stdout) != 0) {
      throw Error::work(
          fmt::format("standard output: cannot be written: {}", std::strerror(errno)));
    }
  }
  return 0;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.add_option("DIR", options->place, "an experiment's folder, or a result.json")->required();
  app.add_option("-o,--out", options->out,
                 "file to write (default: DIR/report.html; other formats: standard output)");
  CLI::Option_group& group = *app.add_option_group("format");
  for (const report::Format& format : report::formats()) {
    const std::string name(format.name);
    options->formats[name] = false;
    group.add_flag("--" + name, options->formats[name], std::string(format.summary));
  }
  group.require_option(0, 1);
  app.add_flag("--unequal", options->unequal, "rank different work too, and say so in the title");
  app.footer(
      "Examples:\n"
      "  treino report results/seed\n"
      "  treino report results/seed --md >> summary.md\n"
      "  treino report results/seed --json | python3 -m json.tool");
  app.callback([options, &action] { action = [options] { return draw(*options); }; });
}

}  // namespace treino::cli
