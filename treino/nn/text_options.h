// SPDX-License-Identifier: Apache-2.0
// How a recipe turns texts into numbers: [input] text = { words = { vocabulary = 10000, length =
// 256 } }.
#pragma once

#include <variant>

#include "treino/nn/fields.h"

namespace treino::nn {

// The set holds no texts; one that does gets the fields of words.
struct NoText {
  static constexpr std::string_view kName = "none";
  template <class V>
  void fields(V&) {}
};

// Words in lower case: the most frequent ones have numbers. Longer texts are cut, shorter ones
// padded.
struct WordText {
  static constexpr std::string_view kName = "words";
  std::int64_t vocabulary = 10000;  // numbers at most, padding and unknown among them
  std::int64_t length = 256;        // numbers of a text

  template <class V>
  void fields(V& v) {
    v("vocabulary", vocabulary, Limits{.least = 3, .most = 1 << 20});
    v("length", length, Limits{.least = 1, .most = 1 << 20});
  }
};

// Pieces found by byte-pair encoding on the training texts.
struct BytePairText {
  static constexpr std::string_view kName = "bpe";
  std::int64_t vocabulary = 4096;
  std::int64_t length = 512;

  template <class V>
  void fields(V& v) {
    v("vocabulary", vocabulary, Limits{.least = 258, .most = 1 << 20});
    v("length", length, Limits{.least = 1, .most = 1 << 20});
  }
};

using TextOptions = std::variant<NoText, WordText, BytePairText>;

}  // namespace treino::nn
