// SPDX-License-Identifier: Apache-2.0
// Drawings compared with files that were looked at. TREINO_UPDATE_GOLDEN=1 writes them anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/chart/samples.h"
#include "treino/base/file.h"

namespace treino::chart {
namespace {

void expect_golden(const std::string& name, const std::string& made) {
  const std::string path = std::string(TREINO_SOURCE_DIR) + "/tests/chart/golden/" + name;
  if (std::getenv("TREINO_UPDATE_GOLDEN") != nullptr) write_whole_file(path, made);
  EXPECT_EQ(read_whole_file(path), made) << "of " << path;
}

struct Sample {
  const char* name;
  Chart (*make)();
};
constexpr Sample kSamples[] = {{"curves", samples::curves},   {"dots", samples::runs_as_dots},
                               {"bars", samples::bars},       {"ratios", samples::ratios},
                               {"grouped", samples::grouped}, {"roof", samples::roof}};

TEST(Golden, wide_svg) {
  for (const Sample& sample : kSamples) {
    expect_golden(std::string(sample.name) + ".svg", svg(sample.make()));
  }
}

TEST(Golden, narrow_svg) {
  for (const Sample& sample : kSamples) {
    expect_golden(std::string(sample.name) + "-narrow.svg", svg(sample.make(), {.width = 340}));
  }
}

TEST(Golden, several_in_one_image) {
  const Chart both[] = {samples::curves(), samples::bars()};
  expect_golden("stack.svg", svg(both, {.width = 500, .id = "m"}));
}

TEST(Golden, terminal_text) {
  for (const Sample& sample : kSamples) {
    expect_golden(std::string(sample.name) + ".txt", text(sample.make()));
    expect_golden(std::string(sample.name) + "-ascii.txt",
                  text(sample.make(), {.columns = 50, .rows = 12, .unicode = false}));
  }
}

TEST(Golden, terminal_text_in_colour) {
  expect_golden("curves-colour.txt", text(samples::curves(), {.color = true}));
}

}  // namespace
}  // namespace treino::chart
