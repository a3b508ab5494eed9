// SPDX-License-Identifier: Apache-2.0
// Sets of texts as numbers, by a vocabulary made from their training part.
#pragma once

#include <optional>
#include <string>

#include "treino/data/dataset.h"
#include "treino/data/vocabulary.h"
#include "treino/nn/recipe.h"

namespace treino::train {

struct EncodedSet {
  data::Dataset dataset;                       // samples i32 [n, length] where there were texts
  std::optional<data::Vocabulary> vocabulary;  // of a set of texts
};

// Makes the vocabulary that [input] text asks for (words where it says none) and turns texts into
// its numbers; other sets are left alone. Throws Error::mistake where the recipe's embedding is
// smaller than the vocabulary, or no embedding comes first.
EncodedSet encode_texts(const nn::Recipe& recipe, const data::Dataset& dataset);

// The vocabulary of a run's folder; none where it was not trained on texts.
std::optional<data::Vocabulary> read_vocabulary(const std::string& folder);
void write_vocabulary(const std::string& folder, const data::Vocabulary& vocabulary);

// A split's texts as samples i32 [n, length].
data::Split encode_split(const data::Split& split, const data::Vocabulary& vocabulary,
                         std::int64_t length);

}  // namespace treino::train
