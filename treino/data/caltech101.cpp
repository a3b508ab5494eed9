// SPDX-License-Identifier: Apache-2.0
#include "treino/data/caltech101.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/data/files.h"
#include "treino/data/image_collector.h"
#include "treino/format/archive.h"

namespace treino::data {

namespace {

constexpr const char* kFolder = "101_ObjectCategories";

// In order of the labels: the folders' names in small letters.
constexpr const char* kNames[] = {"accordion",
                                  "airplanes",
                                  "anchor",
                                  "ant",
                                  "background_google",
                                  "barrel",
                                  "bass",
                                  "beaver",
                                  "binocular",
                                  "bonsai",
                                  "brain",
                                  "brontosaurus",
                                  "buddha",
                                  "butterfly",
                                  "camera",
                                  "cannon",
                                  "car_side",
                                  "ceiling_fan",
                                  "cellphone",
                                  "chair",
                                  "chandelier",
                                  "cougar_body",
                                  "cougar_face",
                                  "crab",
                                  "crayfish",
                                  "crocodile",
                                  "crocodile_head",
                                  "cup",
                                  "dalmatian",
                                  "dollar_bill",
                                  "dolphin",
                                  "dragonfly",
                                  "electric_guitar",
                                  "elephant",
                                  "emu",
                                  "euphonium",
                                  "ewer",
                                  "faces",
                                  "faces_easy",
                                  "ferry",
                                  "flamingo",
                                  "flamingo_head",
                                  "garfield",
                                  "gerenuk",
                                  "gramophone",
                                  "grand_piano",
                                  "hawksbill",
                                  "headphone",
                                  "hedgehog",
                                  "helicopter",
                                  "ibis",
                                  "inline_skate",
                                  "joshua_tree",
                                  "kangaroo",
                                  "ketch",
                                  "lamp",
                                  "laptop",
                                  "leopards",
                                  "llama",
                                  "lobster",
                                  "lotus",
                                  "mandolin",
                                  "mayfly",
                                  "menorah",
                                  "metronome",
                                  "minaret",
                                  "motorbikes",
                                  "nautilus",
                                  "octopus",
                                  "okapi",
                                  "pagoda",
                                  "panda",
                                  "pigeon",
                                  "pizza",
                                  "platypus",
                                  "pyramid",
                                  "revolver",
                                  "rhino",
                                  "rooster",
                                  "saxophone",
                                  "schooner",
                                  "scissors",
                                  "scorpion",
                                  "sea_horse",
                                  "snoopy",
                                  "soccer_ball",
                                  "stapler",
                                  "starfish",
                                  "stegosaurus",
                                  "stop_sign",
                                  "strawberry",
                                  "sunflower",
                                  "tick",
                                  "trilobite",
                                  "umbrella",
                                  "watch",
                                  "water_lilly",
                                  "wheelchair",
                                  "wild_cat",
                                  "windsor_chair",
                                  "wrench",
                                  "yin_yang"};

std::vector<std::string> sources(const std::string& folder) {
  for (const std::string& loose : {join(folder, kFolder), folder}) {
    if (is_folder(join(loose, "BACKGROUND_Google"))) return {loose};
  }
  if (!is_folder(folder)) return {};
  for (const std::string& name : names_in(folder)) {
    if (format::is_archive_name(name) && is_file(join(folder, name))) return {join(folder, name)};
  }
  return {};
}

// The label of "101_ObjectCategories/CLASS/image_0001.jpg"; -1 for what is no picture of the set:
// the stray BACKGROUND_Google/tmp, lists, thumbnails of some system.
std::int32_t label_of(const std::string& place, const std::string& name) {
  const std::filesystem::path path(name);
  if (path.extension() != ".jpg" || path.filename().string().front() == '.') return -1;
  std::string folder = path.parent_path().filename().string();
  for (char& c : folder) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const auto* found = std::find(std::begin(kNames), std::end(kNames), folder);
  if (found == std::end(kNames)) {
    throw Error::mistake(
        one_line(fmt::format("{}: there is no class \"{}\" in Caltech 101", place, folder)));
  }
  return static_cast<std::int32_t>(found - std::begin(kNames));
}

void read(const std::string& folder, const LoadOptions& options, Dataset& dataset) {
  const std::string source = sources(folder).at(0);
  ImageCollector images(options, dataset);
  if (is_folder(source)) {
    for (const std::string& name : names_in(source)) {
      if (!is_folder(join(source, name))) continue;
      for (const std::string& file : names_in(join(source, name))) {
        const std::string path = join(join(source, name), file);
        if (const std::int32_t label = label_of(path, name + "/" + file); label >= 0)
          images.add(path, label);
      }
    }
  } else {
    format::Archive archive(source);
    while (const auto name = archive.next()) {
      if (const std::int32_t label = label_of(archive.place(), *name); label >= 0) {
        images.add(archive.place(), label, archive.read_all());
      }
    }
  }
  dataset.classes.assign(std::begin(kNames), std::end(kNames));
  dataset.train = images.finish(source);
  dataset.undivided = true;
}

constexpr const char* kAddresses[] = {
    "https://s3.amazonaws.com/fast-ai-imageclas/caltech_101.tgz",
    "http://www.vision.caltech.edu/Image_Datasets/Caltech101/101_ObjectCategories.tar.gz"};
constexpr FileRow kFiles[] = {{"101_ObjectCategories.tar.gz", 131'740'031,
                               "af6ece2f339791ca20f855943d8b55dd60892c0a25105fcd631ee3d6430f9926"}};

}  // namespace

const Row kCaltech101{
    .name = "caltech101",
    .title = "Caltech 101, photographs of 101 kinds of things and of others, in many sizes",
    .licence = "none seen in its publications",
    .citation =
        "Fei-Fei, Fergus, Perona: Learning generative visual models from few training examples, "
        "CVPR Workshop 2004",
    .kind = Kind::images,
    .sample = "80..3481 x 92..3999, gray or colour",
    .train = 9'144,
    .test = 0,
    .classes = 102,
    .addresses = kAddresses,
    .files = kFiles,
    .sources = sources,
    .read = read,
    .recipe = "caltech101",
    .geometry = {Geometry::crop, 96, 96},
};

}  // namespace treino::data
