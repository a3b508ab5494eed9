// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/levels.h"

namespace treino::cuda {

namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + 15) / 16 * 16;
}

}  // namespace

LevelTable make_levels(std::span<const Launch> launches) {
  LevelTable result;
  std::vector<int> level_of(launches.size(), 0);
  int count = 0;
  for (std::size_t i = 0; i < launches.size(); ++i) {
    for (const int other : launches[i].after)
      level_of[i] = std::max(level_of[i], level_of[static_cast<std::size_t>(other)] + 1);
    count = std::max(count, level_of[i] + 1);
  }
  std::vector<Level> table;
  std::vector<LevelLaunch> entries;
  std::vector<std::byte> arguments;
  for (int level = 0; level < count; ++level) {
    Level now{static_cast<int>(entries.size()), 0, 0};
    for (std::size_t i = 0; i < launches.size(); ++i) {
      if (level_of[i] != level) continue;
      const Launch& launch = launches[i];
      result.possible =
          result.possible && !launch.library && kInLevels[static_cast<int>(launch.kernel)];
      result.room = std::max(result.room, launch.room);
      entries.push_back({static_cast<int>(launch.kernel), now.blocks, launch.blocks,
                         static_cast<unsigned>(arguments.size()), launch.count});
      now.blocks += launch.blocks;
      const auto bytes = std::span(launch.arguments).first(launch.bytes);
      arguments.insert(arguments.end(), bytes.begin(), bytes.end());
      arguments.resize(aligned(arguments.size()));
    }
    now.last = static_cast<int>(entries.size());
    table.push_back(now);
    result.blocks += now.blocks;
    result.most = std::max<Index>(result.most, now.blocks);
  }
  Levels& levels = result.levels;
  levels.levels = count;
  levels.launches_at = static_cast<unsigned>(aligned(table.size() * sizeof(Level)));
  levels.arguments_at =
      static_cast<unsigned>(aligned(levels.launches_at + entries.size() * sizeof(LevelLaunch)));
  std::vector<std::byte>& data = result.data;
  data.resize(aligned(levels.arguments_at + arguments.size()));
  std::memcpy(data.data(), table.data(), table.size() * sizeof(Level));
  std::memcpy(data.data() + levels.launches_at, entries.data(),
              entries.size() * sizeof(LevelLaunch));
  std::memcpy(data.data() + levels.arguments_at, arguments.data(), arguments.size());
  levels.bytes = static_cast<unsigned>(data.size());
  return result;
}

}  // namespace treino::cuda
