// SPDX-License-Identifier: Apache-2.0
#include "treino/data/image_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/data/split.h"

namespace treino::data {

namespace {

bool is_picture_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (std::string_view suffix : {".png", ".jpg", ".jpeg"}) {
    if (name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0) return true;
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

Split read_part(const std::string& folder, const std::vector<std::string>& classes, const LoadOptions& options,
                Dataset& dataset) {
  std::vector<std::byte> pixels;
  std::vector<std::int32_t> labels;
  Shape shape;
  std::string first;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::string inside = join(folder, classes[label]);
    if (!is_folder(inside)) continue;
    for (const std::string& name : names_in(inside)) {
      const std::string path = join(inside, name);
      if (!is_picture_name(name)) {
        dataset.warnings.push_back(path + ": left out, its name is not that of a PNG or JPEG picture");
        continue;
      }
      HostTensor image = read_image(path, options.channels);
      if (options.image_size > 0) image = resize_image(image, options.image_size, options.image_size);
      if (labels.empty()) shape = image.shape, first = path;
      if (!(image.shape == shape)) {
        throw Error::mistake(fmt::format("{}: is {}x{} but {} is {}x{}; set input.size to resize them all", path,
                                         image.shape[0], image.shape[1], first, shape[0], shape[1]));
      }
      pixels.insert(pixels.end(), image.bytes.begin(), image.bytes.end());
      labels.push_back(static_cast<std::int32_t>(label));
    }
  }
  if (labels.empty()) throw Error::mistake(fmt::format("{}: its class folders hold no PNG or JPEG pictures", folder));
  const auto count = static_cast<std::int64_t>(labels.size());
  auto samples = std::make_shared<HostTensor>();
  samples->dtype = DType::u8;
  samples->shape = Shape{count, shape[0], shape[1], shape[2]};
  samples->bytes = std::move(pixels);
  auto label_tensor = std::make_shared<HostTensor>(DType::i32, Shape{count});
  std::copy(labels.begin(), labels.end(), label_tensor->as<std::int32_t>().begin());
  return {samples, label_tensor};
}

}  // namespace

bool is_image_folder(const std::string& folder) { return is_folder(folder) && !class_folders(folder).empty(); }

void read_image_folder(const std::string& folder, const LoadOptions& options, Dataset& dataset) {
  const std::string train = join(folder, "train"), test = join(folder, "test");
  const bool parted = is_folder(train);
  const std::string root = parted ? train : folder;
  dataset.classes = class_folders(root);
  if (dataset.classes.size() < 2) {
    throw Error::mistake(fmt::format("{}: {} class folders; pictures go into one subfolder a class, two at least", root,
                                     dataset.classes.size()));
  }
  const Split all = read_part(root, dataset.classes, options, dataset);
  if (parted) {
    dataset.train = all;
    if (is_folder(test)) dataset.test = read_part(test, dataset.classes, options, dataset);
    return;
  }
  const std::vector<bool> chosen = stratified_choice(*all.labels, options.test_fraction, options.seed);
  dataset.train = take(all, chosen, false);
  dataset.test = take(all, chosen, true);
}

}  // namespace treino::data
