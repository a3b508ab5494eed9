// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/io.h"

#include <algorithm>

#include "treino/monitor/io_ledger.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr Column kColumns[] = {
    {"read_mib", Kind::counter, 3, "read from storage since the start"},
    {"written_mib", Kind::counter, 3,
     "written to storage since the start, still in the cache or not"},
};

// Opening /proc/pid/io costs 8 us a process, so a larger tree is read less often than its rows.
constexpr std::size_t kEveryRow = 4;  // processes
constexpr double kSlowly = 1.0;       // seconds

class IoProbe : public Probe {
 public:
  std::span<const Column> columns() const override { return kColumns; }

  void read(const Moment& moment, const Tree& tree, std::span<Reading> out) override {
    const bool due = moment.what != Moment::tick || tree.members().size() <= kEveryRow ||
                     moment.t >= last_t_ + kSlowly;
    if (!due) {
      out[0] = out[1] = Reading::absent("read once a second");
      return;
    }
    last_t_ = moment.t;
    take(tree, moment.what == Moment::start);
    out[0] = read_;
    out[1] = written_;
  }

  void summarize(Summary& summary) const override {
    summary.add("read_mib", read_, 3);
    summary.add("written_mib", written_, 3);
  }

  std::string method() const override { return "/proc/PID/io"; }

 private:
  void take(const Tree& tree, bool first) {
    const IoLedger::Total total = ledger_.take(tree);
    if (total.denied) {
      if (!read_.known()) read_ = written_ = Reading::absent("no permission");
      return;
    }
    if (first) base_ = total.bytes;
    raise(read_, total.bytes.read - base_.read);
    raise(written_, total.bytes.written - base_.written);
  }

  static void raise(Reading& total, std::int64_t bytes) {
    const double now = static_cast<double>(std::max<std::int64_t>(bytes, 0)) / (1024 * 1024);
    if (!total.known() || now > total.value) total = Reading::of(now);
  }

  IoLedger ledger_;
  IoBytes base_;
  Reading read_, written_;
  double last_t_ = 0;
};

}  // namespace

std::unique_ptr<Probe> make_io_probe(const ProbeContext&) {
  return std::make_unique<IoProbe>();
}

}  // namespace treino::monitor
