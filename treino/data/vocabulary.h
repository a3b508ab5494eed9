// SPDX-License-Identifier: Apache-2.0
// Texts as numbers: whole words, or pieces found by byte-level byte-pair encoding.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "treino/base/host_tensor.h"

namespace treino::data {

class Texts;

enum class TokenKind : std::uint8_t {
  words,  // runs of letters, digits and apostrophes, ASCII letters in lower case
  bpe,    // Sennrich et al. 2016 over bytes: any text, nothing unknown
};

// Numbers by token: 0 padding, 1 unknown, then words by falling count (equal ones by their bytes),
// or the 256 bytes and the merged pieces in the order they were merged.
class Vocabulary {
 public:
  static constexpr std::int32_t kPadding = 0, kUnknown = 1, kFirst = 2;

  // From all texts, at most `size` numbers; the same texts give the same vocabulary. Throws
  // Error::mistake for a size that leaves no word, or (bpe) is below 258.
  static Vocabulary train(TokenKind kind, std::int64_t size, const Texts& texts);

  TokenKind kind() const { return kind_; }
  std::int64_t size() const { return kFirst + static_cast<std::int64_t>(tokens_.size()); }
  const std::string& token(std::int32_t number) const {
    return tokens_.at(static_cast<std::size_t>(number - kFirst));
  }

  // Never padding. `most`: no more than so many from the start.
  std::vector<std::int32_t> encode(std::string_view text, std::size_t most = SIZE_MAX) const;

  // i32 [texts, length]: the first `length` numbers of each, or padded at the end.
  HostTensor encode(const Texts& texts, std::int64_t length) const;

  // As vocabulary.json; parse throws Error::mistake naming `path`.
  std::string to_json() const;
  static Vocabulary parse(const std::string& json, const std::string& path);

 private:
  using Pair = std::pair<std::int32_t, std::int32_t>;
  struct PairHash {
    std::size_t operator()(const Pair& pair) const {
      return static_cast<std::size_t>(pair.first) * 0x9E3779B97F4A7C15U ^
             static_cast<std::size_t>(pair.second);
    }
  };
  friend class Merger;

  void train_words(std::int64_t size, const Texts& texts);
  void train_pairs(std::int64_t size, const Texts& texts);
  void number_tokens();
  std::vector<std::int32_t> merged(std::string_view piece) const;

  TokenKind kind_ = TokenKind::words;
  std::vector<std::string> tokens_;
  std::vector<Pair> merges_;                                        // bpe: of tokens_[256 + i]
  std::unordered_map<std::string, std::int32_t> numbers_;           // words
  std::unordered_map<Pair, std::int32_t, PairHash> merge_numbers_;  // bpe: what a pair becomes
};

}  // namespace treino::data
