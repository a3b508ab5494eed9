// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/number_text.h"
#include "treino/cli/commands.h"
#include "treino/cli/input_options.h"
#include "treino/cli/picture.h"
#include "treino/cli/terminal.h"
#include "treino/cli/training_view.h"
#include "treino/data/load.h"

namespace treino::cli {

namespace {

struct Options {
  std::vector<std::string> names;
  std::string name, folder, output, draw = "auto", mirror;
  InputFlags input;
  std::int64_t samples = 10;
  bool json = false, refresh = false, no_download = false;
};

nlohmann::ordered_json to_json(const data::Entry& entry) {
  return {{"name", entry.name},
          {"title", entry.title},
          {"kind", data::to_string(entry.kind)},
          {"sample", entry.sample},
          {"train", entry.train},
          {"test", entry.test},
          {"classes", entry.classes},
          {"bytes", entry.bytes},
          {"licence", entry.licence},
          {"citation", entry.citation},
          {"addresses", entry.addresses},
          {"recipe", entry.recipe.empty() ? nlohmann::json() : nlohmann::json(entry.recipe)},
          {"variant", entry.variant.empty() ? nlohmann::json()
                                            : nlohmann::json(entry.name + ":" + entry.variant)},
          {"folder", entry.folder.empty() ? nlohmann::json() : nlohmann::json(entry.folder)}};
}

int list_sets(const Options& options) {
  const std::vector<data::Entry> entries = data::list();
  if (options.json) {
    auto all = nlohmann::ordered_json::array();
    for (const data::Entry& entry : entries) all.push_back(to_json(entry));
    fmt::print("{}\n", all.dump(2));
    return 0;
  }
  fmt::print("{:<22} {:<10} {:>8} {:>7} {:>8} {:>9}  {}\n", "name", "kind", "train", "test",
             "classes", "download", "on this machine");
  for (const data::Entry& entry : entries) {
    fmt::print("{:<22} {:<10} {:>8} {:>7} {:>8} {:>9}  {}\n", entry.name,
               data::to_string(entry.kind), grouped(entry.train),
               entry.test > 0 ? grouped(entry.test) : "-",
               entry.classes > 0 ? std::to_string(entry.classes) : "-", bytes_text(entry.bytes),
               entry.folder.empty() ? "-" : entry.folder);
  }
  return 0;
}

void print_entry(const std::string& name) {
  const std::string plain = name.substr(0, name.find(':'));
  for (const data::Entry& entry : data::list()) {
    if (entry.name != plain) continue;
    fmt::print("{}\n  licence: {}\n  cite: {}\n", entry.title, entry.licence, entry.citation);
    for (const std::string& address : entry.addresses) fmt::print("  from: {}\n", address);
    if (!entry.recipe.empty()) fmt::print("  train it with: treino train {}\n", entry.recipe);
  }
}

void draw(const HostTensor& sheet, const std::string& how) {
  const bool sixels = how == "sixel" || (how == "auto" && knows_sixels());
  fmt::print("{}", sixels ? sixel_picture(sheet) : block_picture(sheet, columns()));
}

int show_set(const Options& options) {
  TrainingView view(false);
  data::LoadOptions load = load_options(options.input);
  load.folder = options.folder;
  load.download = !options.no_download;
  load.progress = &view;
  const data::Dataset dataset = data::load(options.name, load);
  print_entry(options.name);
  for (const std::string& warning : dataset.warnings) view.note("warning: " + warning);
  for (const std::string& line : data::describe(dataset)) fmt::print("{}\n", line);
  const bool pictures = dataset.train.samples && dataset.train.samples->dtype == DType::u8;
  if (!pictures) {
    if (!options.output.empty()) {
      throw Error::mistake(fmt::format("{} holds no pictures; leave -o out", dataset.name));
    }
    const auto width = static_cast<std::size_t>(is_terminal(STDOUT_FILENO) ? columns() : 160);
    fmt::print("\n");
    for (const std::string& row : data::sample_rows(dataset, options.samples, width)) {
      fmt::print("{}\n", row);
    }
    return 0;
  }
  const bool drawn = options.draw != "none" &&
                     (options.draw != "auto" || (is_terminal(STDOUT_FILENO) && has_colours()));
  if (options.output.empty() && !drawn) return 0;
  if (!options.output.empty() && !options.output.ends_with(".png"))
    throw Error::mistake(
        fmt::format("-o {}: the sheet is a PNG; give a name with .png", options.output));
  const HostTensor sheet = data::sample_sheet(dataset, static_cast<int>(options.samples));
  if (!options.output.empty()) {
    data::write_png(options.output, sheet);
    fmt::print("{}: a sheet of samples, {} x {}\n", options.output, sheet.shape[1], sheet.shape[0]);
  } else {
    draw(sheet, options.draw);
  }
  return 0;
}

int verify_sets(const Options& options) {
  bool good = true;
  for (const std::string& name : options.names) {
    for (const data::Verdict& verdict : data::verify(name, options.folder)) {
      fmt::print("{} {}: {}\n", name, verdict.file, verdict.state);
      good = good && verdict.state == "ok";
    }
  }
  return good ? 0 : 1;
}

int get_sets(const Options& options) {
  TrainingView view(false);
  data::LoadOptions load;
  load.mirror = options.mirror;
  load.progress = &view;
  for (const std::string& name : options.names) {
    const std::string folder = data::get(name, load, options.refresh);
    view.note(fmt::format("{}: ready", name));
    fmt::print("{}\n", folder);
  }
  return 0;
}

int print_path(const Options& options) {
  if (options.name.empty()) {
    fmt::print("{}\n", data::cache_root());
    return 0;
  }
  const std::string folder = data::path(options.name);
  if (folder.empty()) {
    throw Error::mistake(fmt::format("{} is not on this machine; fetch it with: treino data get {}",
                                     options.name, options.name));
  }
  fmt::print("{}\n", folder);
  return 0;
}

int remove_sets(const Options& options) {
  for (const std::string& name : options.names) {
    fmt::print("{}: {} freed\n", name, bytes_text(data::remove(name)));
  }
  return 0;
}

void add_names(CLI::App& app, Options& options) {
  app.add_option("NAME", options.names, "names of data sets (treino data list)")->required();
}

}  // namespace

void add_data(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* summary, int (*run)(const Options&)) {
    CLI::App* command = app.add_subcommand(name, summary);
    command->callback([options, run, &action] { action = [=] { return run(*options); }; });
    return command;
  };
  add("list", "the data sets there are, and where", list_sets)
      ->add_flag("--json", options->json, "as JSON, with licences, citations and addresses");

  CLI::App* show = add("show", "what a set holds, and a picture or rows of samples", show_set);
  show->add_option("NAME", options->name, "a data set, or a folder or file of your own")
      ->required();
  show->add_option("-o,--output", options->output, "write the sheet of samples there")
      ->type_name("FILE.png");
  show->add_option("--samples", options->samples, "samples of each class, or rows")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  show->add_option("--draw", options->draw, "in the terminal: auto, blocks, sixel or none")
      ->check(CLI::IsMember({"auto", "blocks", "sixel", "none"}))
      ->capture_default_str();
  show->add_option("--data", options->folder, "the folder with the set's files")->type_name("DIR");
  show->add_flag("--no-download", options->no_download, "use only data that are on this machine");
  add_input_flags(*show, options->input);

  CLI::App* verify =
      add("verify", "compare the files' checksums with the published ones", verify_sets);
  add_names(*verify, *options);
  verify->add_option("--data", options->folder, "the folder with the set's files")
      ->type_name("DIR");

  CLI::App* get =
      add("get", "download sets into the cache, unless they are on this machine", get_sets);
  add_names(*get, *options);
  get->add_flag("--refresh", options->refresh, "fetch them anew");
  get->add_option("--mirror", options->mirror, "try URL/<set>/<file> first (also: TREINO_MIRROR)")
      ->type_name("URL");

  add("path", "the folder of a set, or of the cache", print_path)
      ->add_option("NAME", options->name, "a data set; without it, the cache");
  add_names(*add("rm", "delete sets from the cache", remove_sets), *options);
  app.footer(
      "Sets are looked for in $TREINO_DATA/<name>, the cache (~/.cache/treino/<name>), the "
      "system's\n"
      "folder, and then downloaded. Proxies: http_proxy, https_proxy, no_proxy.\n\n"
      "Examples:\n"
      "  treino data list\n"
      "  treino data show cifar10 -o cifar10.png\n"
      "  treino data show photos/ --crop 64\n"
      "  treino data get mnist iris\n"
      "  treino data verify mnist");
}

}  // namespace treino::cli
