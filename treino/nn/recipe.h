// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "treino/nn/model.h"
#include "treino/nn/train_options.h"

namespace treino::nn {

// A recipe file: what to train, on what, and how.
struct Recipe {
  std::string name;
  std::string data;  // catalogue name or folder
  InputOptions input;
  std::vector<Layer> layers;
  TrainOptions train;
  std::string path;  // the file it came from; not a field

  template <class V>
  void fields(V& v) {
    v("name", name);
    v("data", data);
    v("input", input);
    v("model", layers);
    v("train", train);
  }
};

// One --set: a dotted path and a TOML value; a bare word stands for a string. Layers go by their
// names: "model.dense_1.units". What an optimiser or schedule in force has may be written without
// its name: "train.optimizer.rate".
using Override = std::pair<std::string, std::string>;

// Reads a recipe: a path to a .toml file, or a name looked up in the folders of recipe_folders().
// Throws Error::mistake "file:line: what is wrong; remedy" (with "did you mean" for unknown words),
// Error::work when the file cannot be read.
Recipe load_recipe(const std::string& name_or_path, std::span<const Override> overrides = {});

// The same from text; `path` is what errors name.
Recipe parse_recipe(const std::string& text, const std::string& path,
                    std::span<const Override> overrides = {});

// The recipe as TOML with every default written out; parse_recipe gives the same recipe back.
std::string write_recipe(const Recipe& recipe);

// The recipe as one JSON object.
std::string recipe_json(const Recipe& recipe);

// Folders with recipes: beside the installed program (share/treino/recipes), in the source tree
// above the program, ./recipes. Names found there, sorted.
std::vector<std::string> recipe_folders();
std::vector<std::string> recipe_names();

// The recipe's model over samples of shape `data` (e.g. [28, 28, 1]); [input] shape wins where it
// has as many elements, and stands alone where `data` has rank 0. Throws Error::mistake for layers
// that do not fit and for a final layer that does not give `classes` numbers (0: not checked).
Model build_model(const Recipe& recipe, const Shape& data, std::int64_t classes = 0);

// Throws Error::mistake for a recipe made in C++ that the reader would refuse: no layers, a name
// for no folder, a field out of its range.
void check_recipe(const Recipe& recipe);

// `value` of a union or group as JSON, e.g. {"adam":{"rate":0.001,...}} for events.
std::string optimizer_json(const Optimizer& optimizer);

}  // namespace treino::nn
