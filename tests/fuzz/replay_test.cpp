// SPDX-License-Identifier: Apache-2.0
// Feeds the kept corpus of every target, and small changes of it, without a fuzzing engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/fuzz/targets.h"
#include "treino/base/file.h"
#include "treino/base/rng.h"

namespace treino::fuzz {
namespace {

class Replay : public testing::TestWithParam<std::size_t> {
 protected:
  const Target& target() const { return targets()[GetParam()]; }
  void feed(const std::string& input) const {
    fuzz::feed(target(), reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
  std::vector<std::string> corpus() const {
    std::vector<std::string> inputs;
    const std::filesystem::path folder = TREINO_SOURCE_DIR "/tests/fuzz/corpus";
    for (const auto& entry : std::filesystem::directory_iterator(folder / target().name))
      inputs.push_back(read_whole_file(entry.path().string()));
    return inputs;
  }
};

TEST_P(Replay, EveryFileOfTheCorpus) {
  const auto inputs = corpus();
  EXPECT_GE(inputs.size(), 3U);
  for (const std::string& input : inputs) feed(input);
  feed("");
}

// At least one file of the corpus is good, or the reader's depths are never reached.
TEST_P(Replay, HoldsAGoodFile) {
  const auto inputs = corpus();
  EXPECT_TRUE(std::any_of(inputs.begin(), inputs.end(), [&](const std::string& input) {
    try {
      target().run(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }));
}

TEST_P(Replay, SmallChangesOfTheCorpus) {
  Rng rng(17, GetParam());
  for (const std::string& input : corpus()) {
    for (int round = 0; round < 50 && !input.empty(); ++round) {
      std::string changed = input;
      switch (rng.below(4)) {
        case 0:
          changed.resize(rng.below(input.size()));
          break;
        case 1:
          changed.insert(rng.below(input.size()), input.substr(rng.below(input.size()), 16));
          break;
        default:
          for (std::uint64_t i = 1 + rng.below(3); i > 0; --i)
            changed[rng.below(changed.size())] = static_cast<char>(rng.below(256));
      }
      feed(changed);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Replay, testing::Range<std::size_t>(0, targets().size()),
                         [](const auto& info) { return std::string(targets()[info.param].name); });

}  // namespace
}  // namespace treino::fuzz
