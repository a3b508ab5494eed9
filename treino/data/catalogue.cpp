// SPDX-License-Identifier: Apache-2.0
#include "treino/data/catalogue.h"

#include "treino/data/caltech101.h"
#include "treino/data/cifar.h"
#include "treino/data/imdb_reviews.h"
#include "treino/data/mnist.h"
#include "treino/data/squad.h"
#include "treino/data/uci.h"
#include "treino/data/yelp_reviews.h"

namespace treino::data {

namespace {

constexpr const Row* kRows[] = {
    &kMnist, &kFashionMnist, &kKmnist,      &kCifar10Row, &kCifar100Row,     &kCaltech101,
    &kIris,  &kWine,         &kImdbReviews, &kSquad,      &kYelpFullReviews, &kYelpPolarityReviews,
};

}  // namespace

std::span<const Row* const> catalogue() {
  return kRows;
}

const Row* find_row(std::string_view name) {
  const std::string_view plain = name.substr(0, name.find(':'));
  for (const Row* row : kRows) {
    if (plain != row->name && (row->alias[0] == '\0' || plain != row->alias)) continue;
    if (plain.size() == name.size() || name.substr(plain.size() + 1) == row->variant) return row;
  }
  return nullptr;
}

}  // namespace treino::data
