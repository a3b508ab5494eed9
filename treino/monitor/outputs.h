// SPDX-License-Identifier: Apache-2.0
// The text outputs of a sampler. Each writes a row as it comes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "treino/monitor/line_sink.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {

// One whose lines go to a sink.
class LineOutput : public Output {
 public:
  void flush(const Patience& patience) override { sink_.flush(patience); }
  double own_cpu_s() const override { return sink_.own_cpu_s(); }

 protected:
  explicit LineOutput(LineSink sink) : sink_(std::move(sink)) {}

  LineSink sink_;
};

// t_s, dt_s, missed, every column, `event` (names, in order, with ';' between) and `status`: why
// cells are empty, in the first row in which that is so or is so for another reason.
class CsvOutput : public LineOutput {
 public:
  explicit CsvOutput(const std::string& path) : LineOutput(LineSink(path)) {}
  void begin(const Header& header) override;
  void row(const Row& row) override;

 private:
  std::vector<Column> columns_;
  std::vector<const char*> notes_;
};

// One JSON object a line, "kind": header, row, event (with its counters), summary.
class JsonLinesOutput : public LineOutput {
 public:
  explicit JsonLinesOutput(const std::string& path) : LineOutput(LineSink(path)) {}
  void begin(const Header& header) override;
  void row(const Row& row) override;
  void mark(const Mark& mark) override;
  void end(const Summary& summary) override;

 private:
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
class UnixStatsOutput : public LineOutput {
 public:
  explicit UnixStatsOutput(const std::string& path) : LineOutput(LineSink(path)) {}
  void begin(const Header& header) override;
  void row(const Row& row) override;

 private:
  std::optional<FourPercentsOf> percents_;
};

// The seed's line a row, for people; events stand on lines of their own.
class PrettyOutput : public LineOutput {
 public:
  explicit PrettyOutput(int fd) : LineOutput(LineSink(fd, "standard error")) {}
  void begin(const Header& header) override;
  void row(const Row& row) override;
  void mark(const Mark& mark) override;

 private:
  std::optional<FourPercentsOf> percents_;
};

}  // namespace treino::monitor
