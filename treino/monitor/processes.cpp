// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/processes.h"

#include <algorithm>

#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr Column kColumns[] = {
    {"processes", Kind::gauge, 0, "processes of the tree, those ended but not yet reaped left out"},
    {"threads", Kind::gauge, 0, "threads of those processes"},
};

class ProcessesProbe : public Probe {
 public:
  std::span<const Column> columns() const override { return kColumns; }

  void read(const Moment& moment, const Tree& tree, std::span<Reading> out) override {
    if (moment.what == Moment::mark) return;
    const std::int64_t processes = tree.processes(), threads = tree.threads();
    out[0] = Reading::of(static_cast<double>(processes));
    out[1] = Reading::of(static_cast<double>(threads));
    peak_processes_ = std::max(peak_processes_, processes);
    peak_threads_ = std::max(peak_threads_, threads);
  }

  void summarize(Summary& summary) const override {
    summary.add("peak_processes", Reading::of(static_cast<double>(peak_processes_)), 0);
    summary.add("peak_threads", Reading::of(static_cast<double>(peak_threads_)), 0);
  }

 private:
  std::int64_t peak_processes_ = 0, peak_threads_ = 0;
};

}  // namespace

std::unique_ptr<Probe> make_processes_probe(const ProbeContext&) {
  return std::make_unique<ProcessesProbe>();
}

}  // namespace treino::monitor
