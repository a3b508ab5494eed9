// SPDX-License-Identifier: Apache-2.0
// Measured answers to "which kernel serves this op best", kept from run to run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace treino::train {

struct CandidateTime {
  std::string kernel;
  double seconds = 0;
};

// An answer holds for a processor, an instruction set, an op and its shape, and for these
// candidates: a build without one of them, or with another, asks anew. The number of threads it was
// measured with is kept beside it and decides nothing: results must not depend on it.
struct TuneAnswer {
  std::string cpu, instruction_set, op, shape;
  int threads = 0;
  std::string kernel;
  std::vector<CandidateTime> candidates;

  bool answers(const TuneAnswer& question) const;
};

class TuneCache {
 public:
  using Warn = std::function<void(const std::string&)>;

  // Reads the file, if there is one. `warn` is told in one line, with the remedy, of a file that is
  // damaged, which then counts as empty, and of one that cannot be written.
  TuneCache(std::string path, Warn warn);

  // $XDG_CACHE_HOME/treino/kernels.json
  static std::string default_path();

  std::optional<TuneAnswer> find(const TuneAnswer& question) const;

  // Adds to what the file holds by now, under a lock and written whole, and gives back what stands
  // there: where another process answered first, that answer; `replace`: always the new ones.
  std::vector<TuneAnswer> add(const std::vector<TuneAnswer>& measured, bool replace = false);

 private:
  std::vector<TuneAnswer> read() const;

  std::string path_;
  Warn warn_;
  std::vector<TuneAnswer> answers_;
};

}  // namespace treino::train
