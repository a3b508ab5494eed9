// SPDX-License-Identifier: Apache-2.0
// The text outputs of a sampler. Each writes a row as it comes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "treino/monitor/line_sink.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {

// t_s, dt_s, missed, every column, `event` (names, in order, with ';' between) and `status`: why
// cells are empty, in the first row in which that is so or is so for another reason.
class CsvOutput : public Output {
 public:
  explicit CsvOutput(const std::string& path) : sink_(path) {}
  void begin(const Header& header) override;
  void row(const Row& row) override;

 private:
  LineSink sink_;
  std::vector<Column> columns_;
  std::vector<const char*> notes_;
};

// One JSON object a line, "kind": header, row, event (with its counters), summary.
class JsonLinesOutput : public Output {
 public:
  explicit JsonLinesOutput(const std::string& path) : sink_(path) {}
  void begin(const Header& header) override;
  void row(const Row& row) override;
  void mark(const Mark& mark) override;
  void end(const Summary& summary) override;

 private:
  LineSink sink_;
  std::vector<Column> columns_;
  std::vector<const char*> notes_;
};

// The four numbers of the seed's outputs, in percent; unknown where they are.
struct FourPercents {
  Reading cpu, ram, gpu, gpu_ram;
};
class FourPercentsOf {
 public:
  explicit FourPercentsOf(const Header& header);
  // Memory is the tree's: RSS at this row times PSS / RSS of the last pass, over the machine's
  // memory.
  FourPercents operator()(const Row& row);

 private:
  std::optional<std::size_t> cpu_, rss_, pss_, gpu_, gpu_ram_;
  double machine_mib_ = 0, share_ = 1;
};

// `time(s);cpu;ram;gpu;graphic ram` with decimal commas, for who reads the seed's files. Unlike
// there, each column is of the watched tree and an unknown is an empty cell.
class UnixStatsOutput : public Output {
 public:
  explicit UnixStatsOutput(const std::string& path) : sink_(path) {}
  void begin(const Header& header) override;
  void row(const Row& row) override;

 private:
  LineSink sink_;
  std::optional<FourPercentsOf> percents_;
};

// The seed's line a row, for people; events stand on lines of their own.
class PrettyOutput : public Output {
 public:
  explicit PrettyOutput(int fd) : sink_(fd, "the terminal") {}
  void begin(const Header& header) override;
  void row(const Row& row) override;
  void mark(const Mark& mark) override;

 private:
  LineSink sink_;
  std::optional<FourPercentsOf> percents_;
};

}  // namespace treino::monitor
