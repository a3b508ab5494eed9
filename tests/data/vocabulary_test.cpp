// SPDX-License-Identifier: Apache-2.0
#include "treino/data/vocabulary.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "treino/base/error.h"
#include "treino/base/rng.h"
#include "treino/data/texts.h"

namespace treino::data {
namespace {

using testing::ElementsAre;

Texts texts_of(const std::vector<std::string>& list) {
  Texts texts;
  for (const std::string& text : list) texts.add(text);
  return texts;
}

TEST(Vocabulary, WordsAreNumberedByFrequencyThenByTheirBytes) {
  const Texts texts =
      texts_of({"The cat, the DOG; the end.", "a cat isn't a dog -- isn't it? 'so'"});
  const Vocabulary words = Vocabulary::train(TokenKind::words, 100, texts);
  // the 3; a, cat, dog, isn't 2; end, it, so 1
  EXPECT_EQ(words.size(), 2 + 8);
  EXPECT_EQ(words.token(2), "the");
  EXPECT_EQ(words.token(3), "a");
  EXPECT_EQ(words.token(6), "isn't");
  EXPECT_THAT(words.encode("The  cat\nwasn't 'the' end"),
              ElementsAre(2, 4, Vocabulary::kUnknown, 2, 7));
  EXPECT_THAT(words.encode("the cat the", 2), ElementsAre(2, 4));
  EXPECT_THAT(words.encode(" ,.-"), ElementsAre());
  const Vocabulary few = Vocabulary::train(TokenKind::words, 4, texts);
  EXPECT_THAT(few.encode("the a cat"), ElementsAre(2, 3, Vocabulary::kUnknown));
  EXPECT_THROW(Vocabulary::train(TokenKind::words, 2, texts), Error);
}

TEST(Vocabulary, SetsArePaddedAndCut) {
  const Texts texts = texts_of({"a b c d", "b", ""});
  const HostTensor samples = Vocabulary::train(TokenKind::words, 100, texts).encode(texts, 3);
  EXPECT_EQ(samples.shape, (Shape{3, 3}));
  EXPECT_THAT(samples.as<std::int32_t>(),
              ElementsAre(3, 2, 4, 2, 0, 0, 0, 0, 0));  // b is twice there
}

// The pairs of "low lower newest widest" counted by hand: Sennrich et al. 2016's example.
TEST(Vocabulary, MergesTheMostFrequentPair) {
  std::string text;
  for (const auto& [word, count] : std::vector<std::pair<std::string, int>>{
           {"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}})
    for (int i = 0; i < count; ++i) text += word + "\n";
  const Vocabulary pairs = Vocabulary::train(TokenKind::bpe, 258 + 4, texts_of({text}));
  // e s and s t 9 times each: the pair of smaller bytes first; then es t, l o, lo w (7 each, l o
  // smaller).
  EXPECT_EQ(pairs.token(258), "es");
  EXPECT_EQ(pairs.token(259), "est");
  EXPECT_EQ(pairs.token(260), "lo");
  EXPECT_EQ(pairs.token(261), "low");
  EXPECT_THAT(pairs.encode("lowest"), ElementsAre(261, 259));
}

// Each merge doubles the token before: 40 lines would be a terabyte.
TEST(Vocabulary, TokensThatGrowWithoutEndAreRefused) {
  std::string merges = "[97,97]";
  for (int i = 0; i < 7; ++i) merges += fmt::format(",[{0},{0}]", 258 + i);
  const auto parse = [](const std::string& list) {
    return Vocabulary::parse(R"({"kind":"bpe","merges":[)" + list + "]}", "v.json");
  };
  EXPECT_EQ(parse(merges).token(265).size(), 256U);
  EXPECT_EQ(test::error_of([&] { parse(merges + ",[265,97]"); }),
            "v.json: is damaged; a token of over 256 bytes");
}

TEST(Vocabulary, AMegabyteWithoutASpaceIsEncoded) {
  const std::string text(1 << 20, 'a');
  const Vocabulary pairs = Vocabulary::train(TokenKind::bpe, 300, texts_of({text}));
  EXPECT_EQ(pairs.size(), 258 + 8);  // 2, 4, ... 256 letters
  EXPECT_THAT(pairs.encode(text),
              testing::AllOf(testing::SizeIs(4096), testing::Each(Vocabulary::kFirst + 256 + 7)));
}

// What straightforward counting anew after every merge finds.
std::vector<std::string> slow_merges(std::string_view text, std::size_t count) {
  std::vector<std::vector<std::string>> words(1);  // letters only: pieces are words
  for (char c : text) {
    if (c == '\n')
      words.emplace_back();
    else
      words.back().emplace_back(1, c);
  }
  std::vector<std::string> merges;
  std::map<std::string, std::size_t> rank;
  const auto number = [&](const std::string& token) {
    return token.size() == 1 ? std::size_t{static_cast<unsigned char>(token[0])}
                             : 256 + rank.at(token);
  };
  while (merges.size() < count) {
    std::map<std::pair<std::size_t, std::size_t>, std::pair<int, std::string>> counts;
    for (const auto& word : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        auto& entry = counts[{number(word[i]), number(word[i + 1])}];
        ++entry.first;
        entry.second = word[i] + word[i + 1];
      }
    std::pair<int, std::string> best{1, ""};
    std::pair<std::size_t, std::size_t> best_pair;
    for (const auto& [pair, entry] : counts)
      if (entry.first > best.first) best = entry, best_pair = pair;
    if (best.first < 2) break;
    rank.emplace(best.second, merges.size());
    merges.push_back(best.second);
    for (auto& word : words) {
      std::vector<std::string> merged;
      for (std::size_t i = 0; i < word.size(); ++i) {
        const bool here =
            i + 1 < word.size() && std::pair(number(word[i]), number(word[i + 1])) == best_pair;
        merged.push_back(here ? best.second : word[i]);
        if (here) ++i;
      }
      word = merged;
    }
  }
  return merges;
}

TEST(Vocabulary, MergesAreThoseOfCountingAnew) {
  Rng rng(4, 4);
  std::string text;
  for (int word = 0; word < 300; ++word) {
    for (std::uint64_t i = 1 + rng.below(6); i > 0; --i)
      text += static_cast<char>('a' + rng.below(4) * rng.below(2) + rng.below(2));
    text += '\n';
  }
  text.pop_back();
  const auto expected = slow_merges(text, 60);
  const Vocabulary pairs = Vocabulary::train(TokenKind::bpe, 258 + 60, texts_of({text}));
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(pairs.token(static_cast<std::int32_t>(258 + i)), expected[i]) << i;
}

TEST(Vocabulary, BytePairsKeepEveryByte) {
  const std::string text = "Ação!  A café, 3.50 EUR\n\n\t\xff\xfe end ";
  const Vocabulary pairs = Vocabulary::train(TokenKind::bpe, 300, texts_of({text, text, "unlike"}));
  for (const std::string& any : {text, std::string("nothing like it \x80\x01")}) {
    std::string back;
    for (std::int32_t number : pairs.encode(any)) back += pairs.token(number);
    EXPECT_EQ(back, any);
  }
}

TEST(Vocabulary, ComesBackFromItsFile) {
  const Texts texts = texts_of({"one two two three three three", "\"quoted\" \\ back"});
  for (const TokenKind kind : {TokenKind::words, TokenKind::bpe}) {
    const Vocabulary before = Vocabulary::train(kind, 270, texts);
    const Vocabulary after = Vocabulary::parse(before.to_json(), "vocabulary.json");
    EXPECT_EQ(after.to_json(), before.to_json());
    EXPECT_EQ(after.encode("two \"quoted\" things"), before.encode("two \"quoted\" things"));
  }
  for (const char* damaged : {"", "[]", "{\"kind\":\"bpe\",\"merges\":[[2,9999]]}",
                              "{\"kind\":\"letters\"}", "{\"kind\":\"words\"}"})
    EXPECT_THROW(Vocabulary::parse(damaged, "vocabulary.json"), Error) << damaged;
}

}  // namespace
}  // namespace treino::data
