// SPDX-License-Identifier: Apache-2.0
#include "treino/data/yelp_reviews.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/data/files.h"
#include "treino/format/archive.h"
#include "treino/format/byte_source.h"

namespace treino::data {

namespace {

// The published folder's train.csv and test.csv, loose or in an archive.
std::vector<std::string> sources(const std::string& folder, const char* inside) {
  for (const std::string& loose : {join(folder, inside), folder}) {
    if (!is_file(join(loose, "train.csv"))) continue;
    std::vector<std::string> files{join(loose, "train.csv")};
    if (is_file(join(loose, "test.csv"))) files.push_back(join(loose, "test.csv"));
    return files;
  }
  if (!is_folder(folder)) return {};
  for (const std::string& name : names_in(folder)) {
    if (format::is_archive_name(name) && is_file(join(folder, name))) return {join(folder, name)};
  }
  return {};
}

// Lines `"5","text"`: every field in double quotes, a quote inside as "" or \"", a new line as \n.
class Reader {
 public:
  Reader(std::string place, int classes) : place_(std::move(place)), classes_(classes) {}

  void take(std::string_view piece) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      if (end == piece.npos) {
        line_ += piece;
        return;
      }
      line_ += piece.substr(0, end);
      take_line();
      piece.remove_prefix(end + 1);
    }
  }

  Split finish() {
    if (!line_.empty()) fail(0, "the last line has no end: the file is cut off");
    if (labels_.empty()) fail(0, "there is no review in it");
    auto labels =
        std::make_shared<HostTensor>(DType::i32, Shape{static_cast<std::int64_t>(labels_.size())});
    std::copy(labels_.begin(), labels_.end(), labels->as<std::int32_t>().begin());
    return {nullptr, labels, texts_};
  }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw Error::mistake(one_line(fmt::format("{}: line {}, at byte {}: {}", place_, number_ + 1,
                                              begin_ + static_cast<std::int64_t>(at), what)));
  }

  void take_line() {
    std::string_view line = line_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const std::size_t end = line.find("\",\"", 1);
    if (line.size() < 6 || line.front() != '"' || end == line.npos) {
      fail(0, "is not of the form \"rating\",\"text\"");
    }
    if (line.back() != '"') fail(line.size(), "the text has no closing quote");
    const std::string_view rating = line.substr(1, end - 1);
    if (rating.size() != 1 || rating[0] < '1' || rating[0] >= '1' + classes_) {
      fail(1, fmt::format("rating {} is outside 1..{}", rating.substr(0, 20), classes_));
    }
    unescape(line.substr(end + 3, line.size() - end - 4), end + 3);
    texts_->add(text_);
    labels_.push_back(rating[0] - '1');
    begin_ += static_cast<std::int64_t>(line_.size()) + 1;
    ++number_;
    line_.clear();
  }

  void unescape(std::string_view field, std::size_t at) {
    text_.clear();
    for (std::size_t i = 0; i < field.size(); ++i) {
      const std::string_view rest = field.substr(i);
      if (rest.substr(0, 3) == "\\\"\"") {
        text_ += '"', i += 2;
      } else if (rest.substr(0, 2) == "\"\"") {
        text_ += '"', i += 1;
      } else if (rest.substr(0, 2) == "\\n") {
        text_ += '\n', i += 1;
      } else if (rest[0] == '"') {
        fail(at + i, "a quote inside the text is not doubled");
      } else {
        text_ += rest[0];
      }
    }
  }

  std::string place_, line_, text_;
  int classes_;
  std::int64_t number_ = 0, begin_ = 0;  // of the current line
  std::shared_ptr<Texts> texts_ = std::make_shared<Texts>();
  std::vector<std::int32_t> labels_;
};

void read(const std::vector<std::string>& files, int classes, Dataset& dataset) {
  const auto take = [&](const std::string& name, Reader& reader) {
    (format::base_name(name) == "train.csv" ? dataset.train : dataset.test) = reader.finish();
  };
  if (format::is_archive_name(files[0])) {
    format::Archive archive(files[0]);
    while (const auto name = archive.next()) {
      const std::string base = format::base_name(*name);
      if (base != "train.csv" && base != "test.csv") continue;
      Reader reader(archive.place(), classes);
      archive.read_pieces([&](std::string_view piece) { reader.take(piece); });
      take(*name, reader);
    }
  } else {
    for (const std::string& file : files) {
      format::ByteSource source(file);
      Reader reader(file, classes);
      for (auto piece = source.next(); !piece.empty(); piece = source.next()) reader.take(piece);
      take(file, reader);
    }
  }
  if (dataset.train.size() == 0)
    throw Error::mistake(one_line(fmt::format("{}: holds no train.csv", files[0])));
}

constexpr const char* kCitation =
    "Zhang, Zhao, LeCun: Character-level Convolutional Networks for Text Classification, NIPS 2015";
constexpr const char* kLicence = "Yelp's dataset agreement: for academic use, not to be passed on";
constexpr const char* kFullFolder = "yelp_review_full_csv";
constexpr const char* kPolarityFolder = "yelp_review_polarity_csv";
constexpr const char* kAddresses[] = {"https://s3.amazonaws.com/fast-ai-nlp/"};
constexpr FileRow kFullFiles[] = {
    {"yelp_review_full_csv.tgz", 196'146'755,
     "56006b0a17a370f1e366504b1f2c3e3754e4a3dda17d3e718a885c552869a559"}};
constexpr FileRow kPolarityFiles[] = {
    {"yelp_review_polarity_csv.tgz", 166'373'201,
     "528f22e286cad085948acbc3bea7e58188416546b0e364d0ae4ca0ce666abe35"}};

}  // namespace

const Row kYelpFullReviews{
    .name = "yelp_full_reviews",
    .title = "Yelp reviews with one to five stars",
    .licence = kLicence,
    .citation = kCitation,
    .kind = Kind::text,
    .sample = "a review",
    .train = 650'000,
    .test = 50'000,
    .classes = 5,
    .addresses = kAddresses,
    .files = kFullFiles,
    .sources = [](const std::string& folder) { return sources(folder, kFullFolder); },
    .read =
        [](const std::string& folder, const LoadOptions&, Dataset& dataset) {
          read(sources(folder, kFullFolder), 5, dataset);
          dataset.classes = {"1 star", "2 stars", "3 stars", "4 stars", "5 stars"};
        },
    .recipe = "yelp_full",
};

const Row kYelpPolarityReviews{
    .name = "yelp_polarity_reviews",
    .title = "Yelp reviews for and against",
    .licence = kLicence,
    .citation = kCitation,
    .kind = Kind::text,
    .sample = "a review",
    .train = 560'000,
    .test = 38'000,
    .classes = 2,
    .addresses = kAddresses,
    .files = kPolarityFiles,
    .sources = [](const std::string& folder) { return sources(folder, kPolarityFolder); },
    .read =
        [](const std::string& folder, const LoadOptions&, Dataset& dataset) {
          read(sources(folder, kPolarityFolder), 2, dataset);
          dataset.classes = {"negative", "positive"};
        },
    .recipe = "yelp_polarity",
};

}  // namespace treino::data
