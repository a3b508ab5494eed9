// SPDX-License-Identifier: Apache-2.0
#include "treino/data/imdb_reviews.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "treino/base/error.h"
#include "treino/data/files.h"
#include "treino/format/archive.h"

namespace treino::data {

namespace {

constexpr const char* kFolder = "aclImdb";
constexpr const char* kParts[] = {"train/neg", "train/pos", "train/unsup", "test/neg", "test/pos"};

std::vector<std::string> sources(const std::string& folder) {
  for (const std::string& loose : {join(folder, kFolder), folder}) {
    if (is_folder(join(loose, "train/pos"))) return {loose};
  }
  if (!is_folder(folder)) return {};
  for (const std::string& name : names_in(folder)) {
    if (format::is_archive_name(name) && is_file(join(folder, name))) return {join(folder, name)};
  }
  return {};
}

// Texts and labels of one part while they come in.
struct Part {
  std::shared_ptr<Texts> texts = std::make_shared<Texts>();
  std::vector<std::int32_t> labels;

  void add(std::string_view text, std::int32_t label) {
    texts->add(text);
    labels.push_back(label);
  }

  Split finish(bool labelled) const {
    Split split;
    split.texts = texts;
    if (!labelled) return split;
    auto tensor =
        std::make_shared<HostTensor>(DType::i32, Shape{static_cast<std::int64_t>(labels.size())});
    std::copy(labels.begin(), labels.end(), tensor->as<std::int32_t>().begin());
    split.labels = tensor;
    return split;
  }
};

class Reader {
 public:
  // `name` is "aclImdb/train/pos/0_9.txt", more or fewer folders before; others are left out.
  bool wants(const std::string& name) {
    const std::filesystem::path path(name), folder = path.parent_path();
    if (path.extension() != ".txt") return false;
    kind_ = folder.filename().string();
    part_ = folder.parent_path().filename().string();
    return (part_ == "train" || part_ == "test") &&
           (kind_ == "pos" || kind_ == "neg" || kind_ == "unsup");
  }

  void add(const std::string& place, std::string_view text) {
    if (text.empty())
      throw Error::mistake(fmt::format("{}: at byte 0: the review is empty", place));
    Part& part = kind_ == "unsup" ? unlabelled_ : part_ == "train" ? train_ : test_;
    part.add(text, kind_ == "pos" ? 1 : 0);
  }

  void finish(const std::string& source, Dataset& dataset) const {
    if (train_.labels.empty()) {
      throw Error::mistake(fmt::format(
          "{}: holds no aclImdb/train/pos and neg; it is not the Large Movie Review Dataset",
          source));
    }
    dataset.classes = {"negative", "positive"};
    dataset.train = train_.finish(true);
    if (!test_.labels.empty()) dataset.test = test_.finish(true);
    if (!unlabelled_.labels.empty()) dataset.unlabelled = unlabelled_.finish(false);
  }

 private:
  std::string part_, kind_;  // of the name wanted last
  Part train_, test_, unlabelled_;
};

void read(const std::string& folder, const LoadOptions&, Dataset& dataset) {
  const std::string source = sources(folder).at(0);
  Reader reader;
  if (is_folder(source)) {
    for (const char* part : kParts) {
      const std::string inside = join(source, part);
      if (!is_folder(inside)) continue;
      for (const std::string& name : names_in(inside)) {
        if (!reader.wants(std::string(part) + "/" + name)) continue;
        const HostBytes text = read_file(join(inside, name));
        reader.add(join(inside, name), {reinterpret_cast<const char*>(text.data()), text.size()});
      }
    }
  } else {
    format::Archive archive(source);
    while (const auto name = archive.next()) {
      if (reader.wants(*name)) reader.add(archive.place(), archive.read_text());
    }
  }
  reader.finish(source, dataset);
}

constexpr const char* kAddresses[] = {"http://ai.stanford.edu/~amaas/data/sentiment/"};
constexpr FileRow kFiles[] = {{"aclImdb_v1.tar.gz", 84'125'825,
                               "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"}};

}  // namespace

const Row kImdbReviews{
    .name = "imdb_reviews",
    .title = "Large Movie Review Dataset, reviews of films for and against",
    .licence = "none stated; the reviews belong to their authors",
    .citation =
        "Maas, Daly, Pham, Huang, Ng, Potts: Learning Word Vectors for Sentiment Analysis, ACL "
        "2011",
    .kind = Kind::text,
    .sample = "a review",
    .train = 25'000,
    .test = 25'000,
    .classes = 2,
    .addresses = kAddresses,
    .files = kFiles,
    .sources = sources,
    .read = read,
    .recipe = "imdb",
    .alias = "imdb",
};

}  // namespace treino::data
