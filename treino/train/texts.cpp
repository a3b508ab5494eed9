// SPDX-License-Identifier: Apache-2.0
#include "treino/train/texts.h"

#include <fmt/format.h>

#include <filesystem>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/data/texts.h"

namespace treino::train {

namespace fs = std::filesystem;

namespace {

struct Asked {
  data::TokenKind kind = data::TokenKind::words;
  std::int64_t vocabulary = 0, length = 0;
};

Asked asked_of(const nn::TextOptions& options) {
  if (const auto* pairs = std::get_if<nn::BytePairText>(&options))
    return {data::TokenKind::bpe, pairs->vocabulary, pairs->length};
  const auto* words = std::get_if<nn::WordText>(&options);
  const nn::WordText usual;
  const nn::WordText& chosen = words != nullptr ? *words : usual;
  return {data::TokenKind::words, chosen.vocabulary, chosen.length};
}

// Reads an embedding's size.
class SizeReader final : public nn::FieldVisitor {
 public:
  void value(std::string_view name, nn::FieldRef& field, const nn::Limits&) override {
    const nn::FieldValue value = field.get();
    if (name == "vocabulary") vocabulary = std::get<std::int64_t>(value);
  }
  void group(std::string_view, nn::FieldGroup&) override {}
  void one_of(std::string_view, nn::FieldUnion&) override {}
  void list(std::string_view, nn::FieldList&) override {}
  void layers(std::string_view, std::vector<nn::Layer>&) override {}
  std::int64_t vocabulary = 0;
};

void check_embedding(const nn::Recipe& recipe, const data::Dataset& dataset,
                     std::int64_t vocabulary) {
  if (recipe.layers.empty() || recipe.layers[0].name() != "embedding") {
    throw Error::mistake(
        fmt::format("{}: {} is made of texts; begin the model with embedding = {{ vocabulary = {}, "
                    "units = 16 }}",
                    recipe.path, dataset.name, vocabulary));
  }
  SizeReader size;
  recipe.layers[0].visit(size);
  if (size.vocabulary >= vocabulary) return;
  throw Error::mistake(fmt::format(
      "{}: embedding.vocabulary is {} but input.text's vocabulary has {} numbers; use {}",
      recipe.path, size.vocabulary, vocabulary, vocabulary));
}

std::string path_of(const std::string& folder) {
  return (fs::path(folder) / "vocabulary.json").string();
}

}  // namespace

data::Split encode_split(const data::Split& split, const data::Vocabulary& vocabulary,
                         std::int64_t length) {
  if (!split.texts) return split;
  data::Split encoded = split;
  encoded.samples = std::make_shared<HostTensor>(vocabulary.encode(*split.texts, length));
  return encoded;
}

EncodedSet encode_texts(const nn::Recipe& recipe, const data::Dataset& dataset) {
  if (!dataset.is_text()) return {dataset, std::nullopt};
  if (!dataset.train.labels)
    throw Error::mistake(
        fmt::format("{}: has texts without labels; it cannot be trained on", dataset.name));
  const Asked asked = asked_of(recipe.input.text);
  EncodedSet set{dataset,
                 data::Vocabulary::train(asked.kind, asked.vocabulary, *dataset.train.texts)};
  check_embedding(recipe, dataset, set.vocabulary->size());
  set.dataset.train = encode_split(dataset.train, *set.vocabulary, asked.length);
  if (dataset.test.size() > 0)
    set.dataset.test = encode_split(dataset.test, *set.vocabulary, asked.length);
  return set;
}

std::optional<data::Vocabulary> read_vocabulary(const std::string& folder) {
  if (!fs::exists(path_of(folder))) return std::nullopt;
  return data::Vocabulary::parse(read_whole_file(path_of(folder)), path_of(folder));
}

void write_vocabulary(const std::string& folder, const data::Vocabulary& vocabulary) {
  write_whole_file(path_of(folder), vocabulary.to_json());
}

}  // namespace treino::train
