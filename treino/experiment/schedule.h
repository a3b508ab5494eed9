// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace treino::experiment {

struct Turn {
  int block = 0;     // from 1
  int position = 0;  // in its group in the block, from 1
  int contestant = 0;
};

// Who runs when: every block runs every contestant once, those of one group (one work) after each
// other, groups in random order. Inside a group the orders come from a Williams design with random
// names and rows, so that over its rows everybody stands at every place equally often and follows
// everybody else equally often. Source: Williams, Australian Journal of Scientific Research 2,
// 1949.
std::vector<Turn> balanced_schedule(const std::vector<std::vector<int>>& groups, int blocks,
                                    std::uint64_t seed);

}  // namespace treino::experiment
