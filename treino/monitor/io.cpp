// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/io.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "treino/monitor/proc.h"
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

struct Bytes {
  std::int64_t read = 0, written = 0;
};

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
  // The file of a process holds its reaped children's bytes too, so the launcher's and the living
  // members' make the total. What an ended process did and nobody waited for is not in it.
  void take(const Tree& tree, bool first) {
    Bytes sum;
    const char* why = nullptr;
    if (tree.launcher() > 0) add(tree, tree.launcher(), sum, why);
    for (const Member& member : tree.members()) add(tree, member.pid, sum, why);
    if (why != nullptr) {
      if (!read_.known()) read_ = written_ = Reading::absent(why);
      return;
    }
    if (first) base_ = sum;
    raise(read_, sum.read - base_.read);
    raise(written_, sum.written - base_.written);
  }

  void add(const Tree& tree, pid_t pid, Bytes& sum, const char*& why) {
    const auto text = reader_.read(fmt::format("{}/proc/{}/io", tree.root(), pid));
    if (!text) {
      if (reader_.error() == EACCES || reader_.error() == EPERM) why = "no permission";
      return;  // ended: what it did is in its parent's file
    }
    sum.read += number_after(*text, "read_bytes:").value_or(0);
    sum.written += number_after(*text, "write_bytes:").value_or(0);
  }

  static void raise(Reading& total, std::int64_t bytes) {
    const double now = static_cast<double>(std::max<std::int64_t>(bytes, 0)) / (1024 * 1024);
    if (!total.known() || now > total.value) total = Reading::of(now);
  }

  Bytes base_;
  Reading read_, written_;
  double last_t_ = 0;
  ProcReader reader_;
};

}  // namespace

std::unique_ptr<Probe> make_io_probe(const ProbeContext&) {
  return std::make_unique<IoProbe>();
}

}  // namespace treino::monitor
