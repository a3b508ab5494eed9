// SPDX-License-Identifier: Apache-2.0
// Index files made by hand: what a reader could not have made is as if it were not there.
#include "treino/data/index.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::data {
namespace {

class HandMadeIndex : public testing::TestWithParam<std::pair<const char*, std::int64_t>> {};

TEST_P(HandMadeIndex, IsReadWhereItIsSound) {
  const auto [name, samples] = GetParam();
  const test::TemporaryFolder folder;
  const IndexKey key{folder.path(), "fuzz", {}};
  write_whole_file(index_path(key), read_whole_file(std::string(TREINO_SOURCE_DIR) +
                                                    "/tests/fuzz/corpus/index/" + name));
  Dataset dataset;
  EXPECT_EQ(read_index(key, dataset), samples > 0);
  EXPECT_EQ(dataset.train.size(), samples);
}

INSTANTIATE_TEST_SUITE_P(Files, HandMadeIndex,
                         testing::Values(std::pair{"pictures", 3}, std::pair{"texts", 2},
                                         std::pair{"numbers", 2}, std::pair{"coarse", 3},
                                         std::pair{"label", 0}, std::pair{"count", 0},
                                         std::pair{"label_type", 0}, std::pair{"cells_outside", 0},
                                         std::pair{"other_key", 0}),
                         [](const auto& info) { return std::string(info.param.first); });

}  // namespace
}  // namespace treino::data
