// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/plan_memory.h"

#include <algorithm>
#include <numeric>

namespace treino::compiler {

std::vector<std::int64_t> plan_memory(const std::vector<Block>& blocks, std::int64_t& total,
                                      std::int64_t alignment) {
  const auto at = [&](int i) -> const Block& { return blocks[static_cast<std::size_t>(i)]; };
  std::vector<int> order(blocks.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return at(a).bytes != at(b).bytes ? at(a).bytes > at(b).bytes : a < b;
  });

  std::vector<std::int64_t> offsets(blocks.size(), 0);
  std::vector<int> placed;  // by offset
  total = 0;
  for (int block : order) {
    std::int64_t offset = 0;
    for (int other : placed) {
      if (at(other).last < at(block).first || at(block).last < at(other).first) continue;
      const std::int64_t start = offsets[static_cast<std::size_t>(other)];
      if (offset + at(block).bytes <= start) break;
      const std::int64_t end = start + at(other).bytes;
      offset = std::max(offset, (end + alignment - 1) / alignment * alignment);
    }
    offsets[static_cast<std::size_t>(block)] = offset;
    total = std::max(total, offset + at(block).bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), block,
                                   [&](int a, int b) {
                                     return offsets[static_cast<std::size_t>(a)] <
                                            offsets[static_cast<std::size_t>(b)];
                                   }),
                  block);
  }
  return offsets;
}

}  // namespace treino::compiler
