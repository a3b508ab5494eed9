// SPDX-License-Identifier: Apache-2.0
// Rows to predict find the columns of the table that was trained on.
#include "treino/data/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/archives.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino::data {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

class Rows : public testing::Test {
 protected:
  std::vector<float> numbers(const std::string& text, const TableColumns& columns,
                             const std::string& name = "p.csv") {
    const HostTensor rows = read_rows(folder_.write(name, text), columns);
    EXPECT_EQ(rows.shape[1], columns.features);
    const auto values = rows.as<float>();
    return {values.begin(), values.end()};
  }
  std::string error(const std::string& text, const TableColumns& columns) {
    return error_of([&] { numbers(text, columns); });
  }
  test::TemporaryFolder folder_;
};

TEST_F(Rows, TheLabelsColumnIsLeftOutWhereItStood) {
  EXPECT_THAT(numbers("1,2,x\n3,4,y\n", {2}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(numbers("1,2,3\n2,4,5\n", {2, {}, 0}), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(numbers("2,x,3\n", {2, {}, 1}), ElementsAre(2, 3));
  EXPECT_THAT(numbers("2,3\n", {2, {}, 0}), ElementsAre(2, 3));
}

TEST_F(Rows, AHeaderWithTheTrainingsNamesSaysWhichColumnIsWhich) {
  const TableColumns columns{2, {"width", "2020"}, 2};
  EXPECT_THAT(numbers("2020;id;width\n1;9;2\n3;9;4\n", columns), ElementsAre(2, 1, 4, 3));
  EXPECT_THAT(numbers("a;b\n1;2\n", columns), ElementsAre(1, 2));  // other words: by place
  EXPECT_THAT(numbers("1;2\n", columns), ElementsAre(1, 2));
  EXPECT_THAT(error("width;height\n1;2\n", columns),
              HasSubstr("p.csv:1: there is no column \"2020\", which the network was trained on"));
}

TEST_F(Rows, AreReadAsTheTableIs) {
  EXPECT_THAT(numbers("\xef\xbb\xbf"
                      "1,2\r\n\r\n\"3\", 4\r\n",
                      {2}),
              ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(numbers(test::gzip("1\t2\n"), {2}, "p.tsv.gz"), ElementsAre(1, 2));
  EXPECT_THAT(numbers("length, cm\twidth\n1\t2\n", {2}, "p.tsv"), ElementsAre(1, 2));
}

TEST_F(Rows, NamesLineAndColumn) {
  EXPECT_THAT(error("x,0.5\n1,2\n", {2}), HasSubstr("p.csv:1: column 1 is \"x\", not a number"));
  EXPECT_THAT(error("1,2\n1,nan\n", {2}), HasSubstr("p.csv:2: column 2 is \"nan\", not a number"));
  EXPECT_THAT(error("1,1e99\n", {2}), HasSubstr("p.csv:1: column 2: 1e99 is too large"));
  EXPECT_THAT(error("1,2,3,4\n", {2}), HasSubstr("has 4 columns where the network takes 2"));
  EXPECT_THAT(error("a,b\n", {2}), HasSubstr("p.csv: holds no rows"));
}

}  // namespace
}  // namespace treino::data
