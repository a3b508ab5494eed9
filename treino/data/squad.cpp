// SPDX-License-Identifier: Apache-2.0
#include "treino/data/squad.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/data/files.h"

namespace treino::data {

namespace {

using Json = nlohmann::json;

// train-v1.1.json, dev-v1.1.json or excerpts of them: "train-v1.1-excerpt.json".
std::string find(const std::string& folder, std::string_view stem) {
  if (!is_folder(folder)) return {};
  const std::string published = join(folder, fmt::format("{}-v1.1.json", stem));
  if (is_file(published)) return published;
  for (const std::string& name : names_in(folder)) {
    if (name.rfind(fmt::format("{}-v1.1", stem), 0) == 0 && name.ends_with(".json"))
      return join(folder, name);
  }
  return {};
}

std::vector<std::string> sources(const std::string& folder) {
  std::vector<std::string> files;
  for (const char* stem : {"train", "dev"}) {
    if (std::string path = find(folder, stem); !path.empty()) files.push_back(std::move(path));
  }
  if (!files.empty() && files[0] != find(folder, "train")) files.clear();
  return files;
}

// The byte where code point `index` begins; npos beyond the end.
std::size_t byte_of(std::string_view text, std::int64_t index) {
  std::size_t at = 0;
  for (std::int64_t i = 0; i < index; ++i) {
    if (at >= text.size()) return text.npos;
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  return at;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Split read(Dataset& dataset) {
    const HostBytes bytes = read_maybe_gzip(path_);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    // Articles are taken one by one while the file is parsed, and forgotten: `data` is an object's
    // field, so an article's end is at depth 2.
    const auto on_event = [this](int depth, Json::parse_event_t event, Json& value) {
      if (event != Json::parse_event_t::object_end || depth != 2) return true;
      take_article(value);
      return false;
    };
    try {
      const Json whole = Json::parse(text.begin(), text.end(), on_event);
      if (!whole.is_object() || !whole.contains("data"))
        fail("", "there is no \"data\" in it; it is not SQuAD");
    } catch (const Json::parse_error& error) {
      throw Error::mistake(one_line(fmt::format(
          "{}: at byte {} of {}: the JSON is damaged or ends early; fetch the file again", path_,
          error.byte, text.size())));
    } catch (const Json::exception&) {  // a number that no double holds
      fail("", "the JSON is damaged; fetch the file again");
    }
    if (texts_->rows() == 0) fail("", "there is no question in it");
    if (misplaced_ > 0) {
      dataset.warnings.push_back(
          fmt::format("{}: {} of {} answers do not stand at their answer_start", path_, misplaced_,
                      texts_->rows()));
    }
    return {nullptr, nullptr, texts_};
  }

 private:
  [[noreturn]] void fail(const std::string& where, const std::string& what) const {
    throw Error::mistake(
        one_line(fmt::format("{}: {}{}{}", path_, where, where.empty() ? "" : ": ", what)));
  }

  const Json& list(const Json& value, const char* key, const std::string& where) const {
    if (!value.is_object() || !value.contains(key) || !value[key].is_array()) {
      fail(where, fmt::format("has no list \"{}\"", key));
    }
    return value[key];
  }

  const std::string& text(const Json& value, const char* key, const std::string& where) const {
    if (!value.is_object() || !value.contains(key) || !value[key].is_string()) {
      fail(where, fmt::format("has no text \"{}\"", key));
    }
    return value[key].get_ref<const std::string&>();
  }

  void take_article(const Json& article) {
    const std::string where = fmt::format("data[{}]", articles_++);
    const auto title = texts_->keep(text(article, "title", where));
    std::size_t p = 0;
    for (const Json& paragraph : list(article, "paragraphs", where)) {
      take_paragraph(paragraph, title, fmt::format("{}.paragraphs[{}]", where, p++));
    }
  }

  void take_paragraph(const Json& paragraph, Texts::Cell title, const std::string& where) {
    const std::string& context = text(paragraph, "context", where);
    const auto kept = texts_->keep(context);
    std::size_t q = 0;
    for (const Json& item : list(paragraph, "qas", where)) {
      const std::string here = fmt::format("{}.qas[{}]", where, q++);
      const auto id = texts_->keep(text(item, "id", here));
      const auto question = texts_->keep(text(item, "question", here));
      const Json& answers = list(item, "answers", here);
      if (answers.empty()) fail(here, "has no answer");
      for (const Json& answer : answers) {
        const std::string& words = text(answer, "text", here + ".answers");
        if (!answer.contains("answer_start") || !answer["answer_start"].is_number_unsigned()) {
          fail(here + ".answers", "has no \"answer_start\", a number from 0");
        }
        const auto start = answer["answer_start"].get<std::int64_t>();
        const std::size_t at =
            start < 0 || start > kept.length ? context.npos : byte_of(context, start);
        if (at == context.npos || at >= context.size()) {
          fail(here + ".answers", fmt::format("answer_start {} lies beyond the paragraph", start));
        }
        misplaced_ += context.compare(at, words.size(), words) != 0;
        texts_->add(
            {texts_->keep(std::to_string(start)), kept, id, question, texts_->keep(words), title});
      }
    }
  }

  std::string path_;
  std::int64_t articles_ = 0, misplaced_ = 0;
  std::shared_ptr<Texts> texts_ = std::make_shared<Texts>(std::vector<std::string>{
      "answer_start", "context", "id", "question", "answer_text", "title"});
};

void read(const std::string& folder, const LoadOptions&, Dataset& dataset) {
  dataset.train = Reader(find(folder, "train")).read(dataset);
  if (const std::string dev = find(folder, "dev"); !dev.empty())
    dataset.test = Reader(dev).read(dataset);
}

constexpr const char* kAddresses[] = {"https://rajpurkar.github.io/SQuAD-explorer/dataset/",
                                      "https://bj.bcebos.com/paddlenlp/datasets/squad/"};
constexpr FileRow kFiles[] = {{"train-v1.1.json", 30'288'272,
                               "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955"},
                              {"dev-v1.1.json", 4'854'279,
                               "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9"}};

}  // namespace

const Row kSquad{
    .name = "squad",
    .title = "SQuAD 1.1, questions with answers in paragraphs of Wikipedia",
    .licence = "CC BY 4.0 (as its data set card says)",
    .citation =
        "Rajpurkar, Zhang, Lopyrev, Liang: SQuAD: 100,000+ Questions for Machine Comprehension of "
        "Text, "
        "arXiv:1606.05250, 2016",
    .kind = Kind::questions,
    .sample = "a paragraph, a question, an answer",
    .train = 87'599,
    .test = 10'570,
    .classes = 0,
    .addresses = kAddresses,
    .files = kFiles,
    .sources = sources,
    .read = read,
};

}  // namespace treino::data
