// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/tiny_sets.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino::data {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;
using namespace tiny;

TEST(Imdb, FromTheArchiveAndFromItsFolder) {
  TemporaryFolder packed, loose;
  packed.write("aclImdb_v1.tar.gz", imdb_archive());
  loose.write("aclImdb/train/pos/12416_10.txt", "A joy.<br /><br />Tr\xc3\xa8s bien.");
  loose.write("aclImdb/train/neg/3_1.txt", "Two hours lost.");
  loose.write("aclImdb/train/unsup/0_0.txt", "Who knows?");
  loose.write("aclImdb/test/pos/0_10.txt", "Lovely.");
  loose.write("aclImdb/test/neg/0_2.txt", "Dreadful.");
  for (const TemporaryFolder* folder : {&packed, &loose}) {
    const Dataset dataset = load("imdb_reviews", {.folder = folder->path()});
    EXPECT_TRUE(dataset.is_text());
    ASSERT_EQ(dataset.train.size(), 2);
    const std::int64_t positive = label_of(dataset.train, 0) == 1 ? 0 : 1;
    EXPECT_EQ(text_of(dataset.train, positive), "A joy.<br /><br />Tr\xc3\xa8s bien.");
    EXPECT_EQ(text_of(dataset.train, 1 - positive), "Two hours lost.");
    EXPECT_EQ(dataset.test.size(), 2);
    EXPECT_EQ(dataset.unlabelled.size(), 1);
    EXPECT_EQ(text_of(dataset.unlabelled, 0), "Who knows?");
    EXPECT_EQ(dataset.classes, (std::vector<std::string>{"negative", "positive"}));
    EXPECT_THAT(sample_rows(dataset, 2, 60),
                testing::Contains(HasSubstr("negative   Two hours lost.")));
  }
}

TEST(Imdb, EmptyReviewsAndOtherArchivesAreRefused) {
  TemporaryFolder empty, other;
  empty.write("aclImdb_v1.tar.gz", test::archive_of({{"aclImdb/train/pos/0_9.txt", ""}}));
  EXPECT_THAT(error_of([&] { load("imdb", {.folder = empty.path()}); }),
              HasSubstr("aclImdb/train/pos/0_9.txt: at byte 0"));
  other.write("aclImdb_v1.tar.gz", cifar10_archive());
  EXPECT_THAT(error_of([&] { load("imdb", {.folder = other.path()}); }),
              HasSubstr("it is not the Large Movie Review Dataset"));
}

TEST(Yelp, QuotesAndNewLinesAreTakenBack) {
  TemporaryFolder full, polarity, loose;
  full.write("yelp_review_full_csv.tgz",
             yelp_archive("yelp_review_full_csv", kYelpTrain, kYelpTest));
  const Dataset dataset = load("yelp_full_reviews", {.folder = full.path()});
  ASSERT_EQ(dataset.train.size(), 2);
  EXPECT_EQ(text_of(dataset.train, 0), "Best \"pie\" in town.\nGo, now!");
  EXPECT_EQ(text_of(dataset.train, 1), "Cold, and \"slow\".");
  EXPECT_EQ(dataset.classes[static_cast<std::size_t>(label_of(dataset.train, 0))], "5 stars");
  EXPECT_EQ(text_of(dataset.test, 0), "Meh.");

  polarity.write("yelp_review_polarity_csv.tgz",
                 yelp_archive("yelp_review_polarity_csv", kYelpTest, "\"1\",\"No\"\n"));
  const Dataset two = load("yelp_polarity_reviews", {.folder = polarity.path()});
  EXPECT_EQ(label_of(two.train, 0), 1);
  EXPECT_EQ(label_of(two.test, 0), 0);
  loose.write("yelp_review_polarity_csv/train.csv", "\"2\",\"Yes\"\r\n");
  EXPECT_EQ(text_of(load("yelp_polarity_reviews", {.folder = loose.path()}).train, 0), "Yes");
}

TEST(Yelp, NamesLineAndByte) {
  const auto error = [](const std::string& csv) {
    TemporaryFolder folder;
    folder.write("train.csv", csv);
    return error_of([&] { load("yelp_full_reviews", {.folder = folder.path()}); });
  };
  EXPECT_THAT(error("\"5\",\"good\"\n\"6\",\"great\"\n"),
              HasSubstr("train.csv: line 2, at byte 12: rating 6 is outside 1..5"));
  EXPECT_THAT(error("\"5\",\"good\"\nplain,text\n"),
              HasSubstr("line 2, at byte 11: is not of the form"));
  EXPECT_THAT(error("\"5\",\"good"), HasSubstr("the last line has no end"));
  EXPECT_THAT(error("\"5\",\"good\n"),
              HasSubstr("line 1, at byte 9: the text has no closing quote"));
  EXPECT_THAT(error("\"5\",\"a \"b\" c\"\n"),
              HasSubstr("at byte 7: a quote inside the text is not doubled"));
  EXPECT_THAT(error(""), HasSubstr("there is no review in it"));
}

TEST(Squad, OneRowAnAnswerInSixColumns) {
  TemporaryFolder folder;
  folder.write("train-v1.1.json", kSquadTrain);
  folder.write("dev-v1.1-excerpt.json", kSquadTrain);
  const Dataset dataset = load("squad", {.folder = folder.path()});
  ASSERT_EQ(dataset.train.size(), 3);
  const Texts& texts = *dataset.train.texts;
  EXPECT_EQ(texts.columns(), (std::vector<std::string>{"answer_start", "context", "id", "question",
                                                       "answer_text", "title"}));
  EXPECT_EQ(texts.at(0, 0), "4");
  EXPECT_EQ(texts.at(0, 1), "F\xc3\xbcr Ada wrote notes.");
  EXPECT_EQ(texts.at(1, 4), "F\xc3\xbcr Ada");
  EXPECT_EQ(texts.at(2, 2), "b1");
  EXPECT_EQ(texts.at(2, 5), "Bo");
  EXPECT_EQ(texts.at(0, 1).data(), texts.at(1, 1).data());  // the paragraph is there once
  EXPECT_EQ(dataset.train.labels, nullptr);
  EXPECT_EQ(dataset.test.size(), 3);
  for (const std::string& warning : dataset.warnings)
    EXPECT_THAT(warning, testing::Not(HasSubstr("answer_start")));
  EXPECT_THAT(sample_rows(dataset, 1, 80), testing::Contains(HasSubstr("question       Who?")));
}

TEST(Squad, NamesWhatIsWrong) {
  const auto error = [](const std::string& json) {
    TemporaryFolder folder;
    folder.write("train-v1.1.json", json);
    return error_of([&] { load("squad", {.folder = folder.path()}); });
  };
  EXPECT_THAT(error(""), HasSubstr("train-v1.1.json: at byte"));
  EXPECT_THAT(error(kSquadTrain.substr(0, 100)), HasSubstr("the JSON is damaged or ends early"));
  EXPECT_THAT(error("[]"), HasSubstr("it is not SQuAD"));
  EXPECT_THAT(error(R"({"data":[]})"), HasSubstr("there is no question in it"));
  EXPECT_THAT(error(R"({"data":[{"title":"x"}]})"),
              HasSubstr("data[0]: has no list \"paragraphs\""));
  EXPECT_THAT(
      error(
          R"({"data":[{"title":"x","paragraphs":[{"context":"c","qas":[{"id":"i","question":"q","answers":[]}]}]}]})"),
      HasSubstr("data[0].paragraphs[0].qas[0]: has no answer"));
  std::string beyond = kSquadTrain;
  beyond.replace(beyond.find("\"answer_start\":3"), 16, "\"answer_start\":99");
  EXPECT_THAT(
      error(beyond),
      HasSubstr("data[1].paragraphs[0].qas[0].answers: answer_start 99 lies beyond the paragraph"));
}

TEST(Squad, AnswersThatStandElsewhereAreCounted) {
  TemporaryFolder folder;
  std::string moved = kSquadTrain;
  moved.replace(moved.find("\"answer_start\":3"), 16, "\"answer_start\":2");
  folder.write("train-v1.1.json", moved);
  const Dataset dataset = load("squad", {.folder = folder.path()});
  EXPECT_THAT(dataset.warnings[0], HasSubstr("1 of 3 answers do not stand at their answer_start"));
}

}  // namespace
}  // namespace treino::data
