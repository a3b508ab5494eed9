// SPDX-License-Identifier: Apache-2.0
#include "treino/data/image_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/image_collector.h"

namespace treino::data {

namespace {

bool is_picture_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (std::string_view suffix : {".png", ".jpg", ".jpeg"}) {
    if (name.size() > suffix.size() &&
        name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0)
      return true;
  }
  return false;
}

std::vector<std::string> class_folders(const std::string& folder) {
  std::vector<std::string> classes;
  for (const std::string& name : names_in(folder)) {
    if (is_folder(join(folder, name))) classes.push_back(name);
  }
  return classes;
}

// Calls take(path, label) for each picture and leave(path) for each other file of the class
// folders.
template <class Take, class Leave>
void for_each_file(const std::string& folder, const std::vector<std::string>& classes, Take&& take,
                   Leave&& leave) {
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::string inside = join(folder, classes[label]);
    if (!is_folder(inside)) continue;
    for (const std::string& name : names_in(inside)) {
      if (is_picture_name(name)) {
        take(join(inside, name), static_cast<std::int32_t>(label));
      } else {
        leave(join(inside, name));
      }
    }
  }
}

Split read_part(const std::string& folder, const LoadOptions& options, Dataset& dataset) {
  ImageCollector images(options, dataset);
  for_each_file(
      folder, dataset.classes,
      [&](std::string path, std::int32_t label) { images.add(std::move(path), label); },
      [&](const std::string& path) {
        dataset.warnings.push_back(path +
                                   ": left out, its name is not that of a PNG or JPEG picture");
      });
  return images.finish(folder + ": its class folders");
}

}  // namespace

bool is_image_folder(const std::string& folder) {
  return is_folder(folder) && !class_folders(folder).empty();
}

void read_image_folder(const std::string& folder, const LoadOptions& options, Dataset& dataset) {
  const std::string train = join(folder, "train"), test = join(folder, "test");
  const bool parted = is_folder(train);
  const std::string root = parted ? train : folder;
  dataset.classes = class_folders(root);
  if (dataset.classes.size() < 2) {
    throw Error::mistake(
        fmt::format("{}: {} class folders; pictures go into one subfolder a class, two at least",
                    root, dataset.classes.size()));
  }
  dataset.train = read_part(root, options, dataset);
  dataset.undivided = !parted;
  if (!parted || !is_folder(test)) return;
  for (const std::string& name : class_folders(test)) {
    if (std::ranges::find(dataset.classes, name) != dataset.classes.end()) continue;
    const std::string what =
        fmt::format("{}: there is no class of that name in {}", join(test, name), train);
    if (options.strict) throw Error::mistake(what);
    dataset.warnings.push_back(what + "; its pictures are left out");
  }
  LoadOptions alike = options;  // gray where the training pictures are, colour where they are
  alike.channels = static_cast<int>(dataset.train.samples->shape[3]);
  dataset.test = read_part(test, alike, dataset);
  const Shape train_sample = dataset.train.samples->shape.sub(1, 4),
              test_sample = dataset.test.samples->shape.sub(1, 4);
  if (!(train_sample == test_sample)) {
    throw Error::mistake(fmt::format(
        "{}: its pictures are {} but those of {} are {}; use resize, crop or pad in the recipe's "
        "[input]",
        test, to_string(test_sample), train, to_string(train_sample)));
  }
}

std::vector<std::string> image_folder_files(const std::string& folder) {
  std::vector<std::string> files;
  const bool parted = is_folder(join(folder, "train"));
  for (const std::string& root :
       {parted ? join(folder, "train") : folder, parted ? join(folder, "test") : std::string()}) {
    if (!is_folder(root)) continue;
    const auto add = [&](const std::string& path, std::int32_t = 0) { files.push_back(path); };
    for_each_file(root, class_folders(root), add, add);
  }
  return files;
}

}  // namespace treino::data
