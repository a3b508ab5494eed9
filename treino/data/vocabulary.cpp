// SPDX-License-Identifier: Apache-2.0
#include "treino/data/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <queue>
#include <set>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/data/texts.h"

namespace treino::data {

namespace {

bool is_letter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Calls look(word) for each word in lower case. An apostrophe belongs to a word between letters.
template <class F>
void for_each_word(std::string_view text, F&& look) {
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool inside =
        i < text.size() && (is_letter(static_cast<unsigned char>(text[i])) ||
                            (text[i] == '\'' && !word.empty() && i + 1 < text.size() &&
                             is_letter(static_cast<unsigned char>(text[i + 1]))));
    if (inside) {
      word += lower(text[i]);
    } else if (!word.empty()) {
      if (!look(word)) return;
      word.clear();
    }
  }
}

// Merging takes time by the square of a piece, and a token is never longer than one: without a
// limit a file without spaces, or a vocabulary that doubles its tokens, would take forever.
constexpr std::size_t kLongestPiece = 256;

// Calls look(piece) for each stretch that merges stay within: a run of letters, of white space or
// of other bytes; one space before a run belongs to it. The pieces together are the text.
template <class F>
void for_each_piece(std::string_view text, F&& look) {
  const auto kind = [](char c) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') return 0;
    return is_letter(static_cast<unsigned char>(c)) ? 1 : 2;
  };
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    if (text[begin] == ' ' && begin + 1 < text.size() && kind(text[begin + 1]) != 0) ++end;
    const int of = kind(text[end]);
    while (end < text.size() && end - begin < kLongestPiece && kind(text[end]) == of) ++end;
    // The last space of a longer run goes to what follows.
    if (of == 0 && end < text.size() && end - begin > 1 && text[end - 1] == ' ') --end;
    if (!look(text.substr(begin, end - begin))) return;
    begin = end;
  }
}

template <class F>
void for_each_text(const Texts& texts, F&& look) {
  for (std::int64_t row = 0; row < texts.rows(); ++row) look(texts.at(row));
}

}  // namespace

// Byte-pair encoding: the most frequent pair of neighbours becomes one token, again and again.
class Merger {
 public:
  explicit Merger(const Texts& texts) {
    std::map<std::string, std::int64_t, std::less<>> counts;
    for_each_text(texts, [&](std::string_view text) {
      for_each_piece(text, [&](std::string_view piece) {
        const auto found = counts.find(piece);
        if (found != counts.end())
          ++found->second;
        else
          counts.emplace(piece, 1);
        return true;
      });
    });
    for (const auto& [piece, count] : counts) {
      Word word{{}, count};
      for (char c : piece)
        word.tokens.push_back(Vocabulary::kFirst + static_cast<unsigned char>(c));
      words_.push_back(std::move(word));
    }
    for (std::size_t i = 0; i < words_.size(); ++i) count_pairs(i, 1);
    for (const auto& [pair, entry] : pairs_) queue_.push({entry.count, pair});
  }

  // The pair to merge next, and does so; false when none occurs twice.
  bool merge(std::int32_t becomes, Vocabulary::Pair& pair) {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const auto entry = pairs_.find(top.pair);
      if (entry == pairs_.end() || entry->second.count != top.count) continue;  // out of date
      if (top.count < 2) return false;
      pair = top.pair;
      const std::set<std::size_t> where = entry->second.words;
      touched_.clear();
      for (std::size_t i : where) replace(i, pair, becomes);
      for (const Vocabulary::Pair& changed : touched_) {
        const auto now = pairs_.find(changed);
        if (now->second.count > 0)
          queue_.push({now->second.count, changed});
        else
          pairs_.erase(now);
      }
      return true;
    }
    return false;
  }

 private:
  struct Word {
    std::vector<std::int32_t> tokens;
    std::int64_t count;
  };
  struct Entry {
    std::int64_t count = 0;
    std::set<std::size_t> words;  // that have held it
  };
  struct Candidate {
    std::int64_t count;
    Vocabulary::Pair pair;
    bool operator<(
        const Candidate& other) const {  // equal counts: the pair of smaller numbers first
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  void count_pairs(std::size_t i, std::int64_t sign) {
    const Word& word = words_[i];
    for (std::size_t k = 0; k + 1 < word.tokens.size(); ++k) {
      const Vocabulary::Pair pair{word.tokens[k], word.tokens[k + 1]};
      Entry& entry = pairs_[pair];
      entry.count += sign * word.count;
      if (sign > 0) entry.words.insert(i);
      touched_.insert(pair);
    }
  }

  void replace(std::size_t i, const Vocabulary::Pair& pair, std::int32_t becomes) {
    count_pairs(i, -1);
    std::vector<std::int32_t>& tokens = words_[i].tokens;
    std::size_t to = 0;
    for (std::size_t from = 0; from < tokens.size(); ++from) {
      const bool here =
          from + 1 < tokens.size() && tokens[from] == pair.first && tokens[from + 1] == pair.second;
      tokens[to++] = here ? becomes : tokens[from];
      if (here) ++from;
    }
    tokens.resize(to);
    count_pairs(i, 1);
  }

  std::vector<Word> words_;
  std::unordered_map<Vocabulary::Pair, Entry, Vocabulary::PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::set<Vocabulary::Pair> touched_;
};

Vocabulary Vocabulary::train(TokenKind kind, std::int64_t size, const Texts& texts) {
  Vocabulary vocabulary;
  vocabulary.kind_ = kind;
  if (kind == TokenKind::words)
    vocabulary.train_words(size, texts);
  else
    vocabulary.train_pairs(size, texts);
  vocabulary.number_tokens();
  return vocabulary;
}

void Vocabulary::train_words(std::int64_t size, const Texts& texts) {
  if (size <= kFirst)
    throw Error::mistake(
        fmt::format("a vocabulary of {} leaves no word; use at least {}", size, kFirst + 1));
  std::unordered_map<std::string, std::int64_t> counts;
  for_each_text(texts, [&](std::string_view text) {
    for_each_word(text, [&](const std::string& word) {
      ++counts[word];
      return true;
    });
  });
  std::vector<std::pair<std::string, std::int64_t>> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  sorted.resize(std::min(sorted.size(), static_cast<std::size_t>(size - kFirst)));
  for (auto& [word, count] : sorted) tokens_.push_back(std::move(word));
}

void Vocabulary::train_pairs(std::int64_t size, const Texts& texts) {
  if (size < kFirst + 256)
    throw Error::mistake(fmt::format(
        "a vocabulary of {} does not hold the 256 bytes; use at least {}", size, kFirst + 256));
  for (int byte = 0; byte < 256; ++byte) tokens_.emplace_back(1, static_cast<char>(byte));
  Merger merger(texts);
  Pair pair;
  while (this->size() < size && merger.merge(static_cast<std::int32_t>(this->size()), pair)) {
    merges_.push_back(pair);
    tokens_.push_back(token(pair.first) + token(pair.second));
  }
}

void Vocabulary::number_tokens() {
  auto number = kFirst;
  if (kind_ == TokenKind::words) {
    for (const std::string& token : tokens_) numbers_.emplace(token, number++);
    return;
  }
  number += 256;
  for (const Pair& pair : merges_) merge_numbers_.emplace(pair, number++);
}

// The earliest merge that applies, over and over.
std::vector<std::int32_t> Vocabulary::merged(std::string_view piece) const {
  std::vector<std::int32_t> tokens;
  for (char c : piece) tokens.push_back(kFirst + static_cast<unsigned char>(c));
  while (tokens.size() > 1) {
    std::int32_t best = INT32_MAX;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = merge_numbers_.find({tokens[i], tokens[i + 1]});
      if (found != merge_numbers_.end() && found->second < best) best = found->second, at = i;
    }
    if (best == INT32_MAX) break;
    tokens[at] = best;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  return tokens;
}

std::vector<std::int32_t> Vocabulary::encode(std::string_view text, std::size_t most) const {
  std::vector<std::int32_t> numbers;
  if (kind_ == TokenKind::words) {
    for_each_word(text, [&](const std::string& word) {
      const auto found = numbers_.find(word);
      numbers.push_back(found == numbers_.end() ? kUnknown : found->second);
      return numbers.size() < most;
    });
  } else {
    for_each_piece(text, [&](std::string_view piece) {
      const auto tokens = merged(piece);
      numbers.insert(numbers.end(), tokens.begin(), tokens.end());
      return numbers.size() < most;
    });
  }
  if (numbers.size() > most) numbers.resize(most);
  return numbers;
}

HostTensor Vocabulary::encode(const Texts& texts, std::int64_t length) const {
  HostTensor result(DType::i32, Shape{texts.rows(), length});
  auto out = result.as<std::int32_t>().begin();
  for_each_text(texts, [&](std::string_view text) {
    const auto numbers = encode(text, static_cast<std::size_t>(length));
    std::copy(numbers.begin(), numbers.end(), out);
    out += length;
  });
  return result;
}

std::string Vocabulary::to_json() const {
  nlohmann::ordered_json json;
  json["kind"] = kind_ == TokenKind::words ? "words" : "bpe";
  if (kind_ == TokenKind::words)
    json["words"] = tokens_;
  else
    json["merges"] = merges_;
  return json.dump(0, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Vocabulary Vocabulary::parse(const std::string& text, const std::string& path) {
  Vocabulary vocabulary;
  try {
    const auto json = nlohmann::json::parse(text);
    const std::string kind = json.at("kind");
    if (kind == "words") {
      vocabulary.tokens_ = json.at("words").get<std::vector<std::string>>();
    } else if (kind == "bpe") {
      vocabulary.kind_ = TokenKind::bpe;
      for (int byte = 0; byte < 256; ++byte)
        vocabulary.tokens_.emplace_back(1, static_cast<char>(byte));
      for (const Pair& pair : json.at("merges").get<std::vector<Pair>>()) {
        if (std::min(pair.first, pair.second) < kFirst ||
            std::max(pair.first, pair.second) >= vocabulary.size())
          throw Error::mistake(
              fmt::format("{}: is damaged; a merge names a token that is not there", path));
        if (vocabulary.token(pair.first).size() + vocabulary.token(pair.second).size() >
            kLongestPiece)
          throw Error::mistake(
              fmt::format("{}: is damaged; a token of over {} bytes", path, kLongestPiece));
        vocabulary.merges_.push_back(pair);
        vocabulary.tokens_.push_back(vocabulary.token(pair.first) + vocabulary.token(pair.second));
      }
    } else {
      throw Error::mistake(
          fmt::format("{}: kind is {}; known are words and bpe", path, treino::quoted(kind)));
    }
  } catch (const nlohmann::json::exception&) {
    throw Error::mistake(fmt::format("{}: is damaged; it is no vocabulary", path));
  }
  vocabulary.number_tokens();
  return vocabulary;
}

}  // namespace treino::data
