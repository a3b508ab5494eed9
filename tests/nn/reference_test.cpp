// SPDX-License-Identifier: Apache-2.0
// docs/recipe-reference.md is what the fields say. To write it anew after a change:
//   TREINO_WRITE_DOCS=1 build/tests/treino_test_nn --gtest_filter='RecipeReference.*'
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "treino/nn/describe.h"
#include "treino/nn/layers.h"

namespace treino::nn {
namespace {

TEST(RecipeReference, DocumentationIsUpToDate) {
  const std::string path = TREINO_SOURCE_DIR "/docs/recipe-reference.md";
  const std::string text =
      "# Recipe reference\n\nEvery layer, optimizer, schedule and section of a recipe, with its "
      "fields. Written by the "
      "program\nfrom the fields themselves (`tests/nn/reference_test.cpp`).\n\n" +
      recipe_reference();
  if (std::getenv("TREINO_WRITE_DOCS") != nullptr) std::ofstream(path) << text;
  std::ostringstream file;
  file << std::ifstream(path).rdbuf();
  EXPECT_EQ(file.str(), text);
}

TEST(RecipeReference, HasEveryLayerWithItsDefaults) {
  std::size_t layers = 0;
  for (const GroupDescription& group : describe_recipe()) {
    layers += group.kind == "layer";
    if (group.name == "max_pool") {
      EXPECT_EQ(group.fields[1].default_text, "size");
      EXPECT_EQ(group.fields[2].default_text, "\"valid\"");
      EXPECT_EQ(group.fields[2].allowed, "valid, same");
    }
    if (group.name == "adamw") EXPECT_EQ(group.fields.back().default_text, "0.004");
    if (group.name == "dense") EXPECT_EQ(group.fields[0].default_text, "");
  }
  EXPECT_EQ(layers, layer_names().size());
}

}  // namespace
}  // namespace treino::nn
