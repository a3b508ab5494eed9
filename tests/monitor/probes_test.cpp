// SPDX-License-Identifier: Apache-2.0
// The probes against folders that look like /proc.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <set>

#include "tests/monitor/fake_proc.h"
#include "treino/monitor/cgroup_tree.h"
#include "treino/monitor/io.h"
#include "treino/monitor/io_ledger.h"
#include "treino/monitor/memory.h"
#include "treino/monitor/process_tree.h"
#include "treino/monitor/processes.h"
#include "treino/monitor/pss.h"
#include "treino/monitor/surroundings.h"

namespace treino::monitor {
namespace {

using test::FakeProc;
using testing::HasSubstr;

const double kMib = 1024.0 * 1024;

std::string rollup(int rss, int pss, int own) {
  return fmt::format(
      "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss: {} kB\nPss: {} kB\nPss_Anon: {} "
      "kB\nPss_File: 1 kB\n"
      "Pss_Shmem: 4 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: {} kB\n",
      rss, pss, pss - 5, own - 1);
}

TEST(Probes, EachHasColumnsOfItsOwnAndSaysWhatTheyMean) {
  std::set<std::string> names;
  for (const ProbeRow& row : probe_table()) {
    const auto probe = row.make({});
    EXPECT_FALSE(probe->columns().empty()) << row.name;
    for (const Column& column : probe->columns()) {
      EXPECT_TRUE(names.insert(column.name).second) << column.name;
      EXPECT_NE(std::string(column.meaning), "") << column.name;
    }
  }
  for (const char* promised : {"cpu_cores", "cpu_pct", "cpu_s", "rss_mib", "pss_mib", "uss_mib",
                               "anon_mib", "processes", "threads", "read_mib", "written_mib"}) {
    EXPECT_TRUE(names.contains(promised)) << promised;
  }
}

TEST(Probes, CapabilitiesAreFoundOrSayWhyNotAndWhatToDo) {
  const FakeProc nothing;  // a machine without anything
  for (const std::string& root : {std::string(), nothing.root()}) {
    const std::vector<Capability> all = capabilities(root);
    EXPECT_GE(all.size(), 5u);
    for (const Capability& one : all) {
      EXPECT_NE(one.name, "");
      EXPECT_NE(one.reason, "") << one.name;
    }
  }
}

TEST(PssPass, AddsUpWhatCanBeReadAndCountsWhatCannot) {
  FakeProc proc;
  proc.set({.pid = 10});
  proc.write("10/smaps_rollup", rollup(300, 100, 50));
  proc.write("10/status", "Name:\tx\nVmHWM:\t     400 kB\n");
  proc.set({.pid = 11});
  proc.write("11/smaps_rollup", rollup(300, 60, 20));
  proc.write("12/statm", "0 0 0 0 0 0 0\n");  // of a kernel without smaps_rollup
  ProcReader reader;
  const PssPass pass = read_pss(reader, proc.root(), {10, 11, 12, 13});
  EXPECT_EQ(pass.processes, 2);
  EXPECT_EQ(pass.pss, 160 * 1024);
  EXPECT_EQ(pass.uss, 70 * 1024);
  EXPECT_EQ(pass.rss, 600 * 1024);
  EXPECT_EQ(pass.anon, (95 + 4 + 55 + 4) * 1024);
  EXPECT_EQ(pass.largest_peak, 400 * 1024);
  EXPECT_EQ(pass.unsupported, 1);
  EXPECT_EQ(pass.denied, 0);
}

TEST(MemoryProbe, RowsOfRssAndPssWhenItComes) {
  FakeProc proc;
  proc.set({.pid = 10, .resident = 1000});
  proc.set({.pid = 11, .parent = 10, .resident = 500});
  proc.write("10/smaps_rollup", rollup(4000, 3000, 2000));
  proc.write("11/smaps_rollup", rollup(2000, 1000, 100));
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  const auto probe = make_memory_probe({.root = proc.root()});
  std::vector<Reading> cells(4);
  probe->read({Moment::start, 0, 0}, tree, cells);
  const double rss = 1500 * static_cast<double>(page_bytes()) / kMib;
  double pss = 0, uss = 0, anon = 0;
  for (double t = 0.1; pss == 0; t += 0.1) {
    probe->read({Moment::tick, t, 0.1}, tree, cells);
    EXPECT_NEAR(cells[0].value, rss, 1e-9);
    if (cells[1].known()) {
      pss = cells[1].value;
      uss = cells[2].value;
      anon = cells[3].value;
    } else {
      EXPECT_STREQ(cells[1].note, "read at a slower pace");
      ::usleep(1000);
    }
  }
  EXPECT_NEAR(pss, 4000 / 1024.0, 1e-9);
  EXPECT_NEAR(uss, 2100 / 1024.0, 1e-9);
  EXPECT_NEAR(anon, 3998 / 1024.0, 1e-9);
  Summary summary;
  probe->summarize(summary);
  EXPECT_NEAR(summary.get("peak_pss_mib").value, 4000 / 1024.0, 1e-9);
  EXPECT_THAT(summary.get("peak_pss_mib").note, HasSubstr("passes"));
  EXPECT_FALSE(summary.get("peak_cgroup_mib").known());
}

TEST(MemoryProbe, SwitchedOffAndUnreadableAreReasons) {
  FakeProc proc;
  proc.set({.pid = 10});
  std::vector<Reading> cells(4);
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  const auto off = make_memory_probe({.root = proc.root(), .pss = false});
  off->read({Moment::tick, 1, 1}, tree, cells);
  EXPECT_STREQ(cells[1].note, "switched off");
  EXPECT_TRUE(cells[0].known());
  // Without smaps_rollup: an old kernel.
  const auto old = make_memory_probe({.root = proc.root()});
  for (double t = 0.1; cells[1].note != std::string("this kernel has no smaps_rollup"); t += 0.1) {
    old->read({Moment::tick, t, 0.1}, tree, cells);
    EXPECT_FALSE(cells[1].known());
    ::usleep(1000);
  }
}

TEST(IoProbe, CountsFromTheStartAndKeepsWhatEndedUnderTheLauncher) {
  FakeProc proc;
  const auto io = [&](int pid, double read, double written) {
    proc.write(
        fmt::format("{}/io", pid),
        fmt::format(
            "rchar: 9\nwchar: 9\nread_bytes: {}\nwrite_bytes: {}\ncancelled_write_bytes: 0\n",
            static_cast<long>(read * kMib), static_cast<long>(written * kMib)));
  };
  proc.set({.pid = 5});
  io(5, 100, 0);  // the launcher has a past
  proc.set({.pid = 10, .parent = 5});
  io(10, 1, 1);
  ProcessTree tree(proc.root(), 5, ProcessTree::Top::launcher);
  const auto probe = make_io_probe({.root = proc.root()});
  std::vector<Reading> cells(2);
  probe->read({Moment::start, 0, 0}, tree, cells);
  io(10, 4, 3);
  probe->read({Moment::tick, 1, 1}, tree, cells);
  EXPECT_NEAR(cells[0].value, 3, 1e-9);
  EXPECT_NEAR(cells[1].value, 2, 1e-9);
  proc.end(10);
  io(5, 105, 2.5);  // reaped: the launcher has its bytes, and a little more
  tree.refresh(Tree::Depth::all);
  probe->read({Moment::end, 2, 1}, tree, cells);
  EXPECT_NEAR(cells[0].value, 4, 1e-9);
  EXPECT_NEAR(cells[1].value, 2, 1e-9);  // never falls
}

// A tree whose processes do what a test says they have done.
class IoTree {
 public:
  IoTree() {
    proc.set({.pid = 5});
    has(5, 0);
    proc.set({.pid = 10, .parent = 5});
    has(10, 0);
  }
  void has(int pid, double mib) {
    proc.write(fmt::format("{}/io", pid),
               fmt::format("read_bytes: {0}\nwrite_bytes: {0}\n", static_cast<long>(mib * kMib)));
  }
  void child(int pid, int parent, double mib) {
    proc.set({.pid = pid, .parent = parent});
    has(pid, mib);
  }
  double written() {
    if (!tree) {
      tree.emplace(proc.root(), 5, ProcessTree::Top::launcher);
      ledger.take(*tree);
    }
    tree->refresh(Tree::Depth::all);
    return static_cast<double>(ledger.take(*tree).bytes.written) / kMib;
  }

  FakeProc proc;
  std::optional<ProcessTree> tree;
  IoLedger ledger;
};

TEST(IoLedger, WhatNobodyWaitedForIsKept) {
  IoTree io;
  EXPECT_NEAR(io.written(), 0, 1e-9);
  double total = 0;
  for (int i = 0; i < 6; ++i) {  // one after the other, SIGCHLD ignored
    io.child(20 + i, 10, 8);
    EXPECT_NEAR(io.written(), total += 8, 1e-9);
    io.proc.end(20 + i);
    EXPECT_NEAR(io.written(), total, 1e-9);
  }
  io.has(10, 3);
  EXPECT_NEAR(io.written(), total + 3, 1e-9);
}

TEST(IoLedger, WhatAParentHasIsNotKeptAsWell) {
  IoTree io;
  io.child(20, 10, 8);
  io.child(21, 10, 4);
  EXPECT_NEAR(io.written(), 12, 1e-9);
  io.proc.end(20);
  io.has(10, 9);  // waited for: a little more than was last seen
  EXPECT_NEAR(io.written(), 13, 1e-9);
  // What the parent does itself may be the child's: it is not counted twice.
  io.proc.end(21);
  io.has(10, 11);
  EXPECT_NEAR(io.written(), 9 + 4, 1e-9);
}

TEST(IoLedger, AParentThatEndsWithItsChildren) {
  IoTree io;
  io.child(20, 10, 1);
  io.child(21, 20, 8);
  EXPECT_NEAR(io.written(), 9, 1e-9);
  // 20 waited for 21 and 10 for 20.
  io.proc.end(20);
  io.proc.end(21);
  io.has(10, 9);
  EXPECT_NEAR(io.written(), 9, 1e-9);
  // A daemon: its parent ends, and the launcher waits for both.
  io.child(30, 10, 1);
  io.child(31, 30, 6);
  EXPECT_NEAR(io.written(), 16, 1e-9);
  io.proc.end(30);
  io.proc.end(31);
  io.has(10, 10);
  io.has(5, 6);
  EXPECT_NEAR(io.written(), 16, 1e-9);
}

// The command's group may say what no pass of PSS saw.
TEST(MemoryProbe, APssBelowTheAnonymousPeakIsNoPeak) {
  std::string why;
  const auto group = Cgroup::make("", why);
  if (!group || group->memory_method().empty()) GTEST_SKIP() << "no group counts memory " << why;
  // A process of this test grows in the group when every pass is over.
  const pid_t grower = ::fork();
  if (grower == 0) {
    for (const std::string& folder : group->folders()) {
      const int file = ::open((folder + "/cgroup.procs").c_str(), O_WRONLY);
      (void)!::write(file, "0", 1);
    }
    ::raise(SIGSTOP);
    void* memory =
        ::mmap(nullptr, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, 64 << 20);
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  const auto stopped = [&] {
    int status = 0;
    ::waitpid(grower, &status, WUNTRACED);
  };
  stopped();
  {
    CgroupTree tree(*group, 0);
    const auto probe = make_memory_probe({});
    std::vector<Reading> cells(4);
    probe->read({Moment::start, 0, 0}, tree, cells);
    for (double t = 0.1; !cells[1].known(); t += 0.1) {
      probe->read({Moment::tick, t, 0.1}, tree, cells);
      ::usleep(1000);
    }
    Summary before;
    probe->summarize(before);
    EXPECT_TRUE(before.get("peak_pss_mib").known());
    ::kill(grower, SIGCONT);
    stopped();
    tree.refresh(Tree::Depth::all);
    probe->read({Moment::end, 0.2, 0.1}, tree, cells);
    Summary summary;
    probe->summarize(summary);
    EXPECT_GE(summary.get("peak_anon_mib").value, 64);
    EXPECT_FALSE(summary.get("peak_pss_mib").known());
    EXPECT_THAT(summary.get("peak_pss_mib").note, HasSubstr("missed the peak"));
    EXPECT_FALSE(summary.get("peak_uss_mib").known());
  }
  ::kill(grower, SIGKILL);
  ::waitpid(grower, nullptr, 0);
}

TEST(SurroundingsProbe, ForeignLoadAndPressure) {
  FakeProc proc;
  const auto machine = [&](long busy, long idle, long cpu_us, long io_us) {
    proc.write("stat", fmt::format("cpu  {} 0 0 {} 0 0 0 0 0 0\ncpu0 1 1 1 1\n", busy, idle));
    proc.write("pressure/cpu",
               fmt::format("some avg10=0.00 avg60=0.00 avg300=0.00 total={}\n", cpu_us));
    proc.write("pressure/io",
               fmt::format("some avg10=0.00 avg60=0.00 avg300=0.00 total={}\n", io_us));
  };
  machine(100000, 1000, 5000000, 0);
  proc.set({.pid = 10, .user = 50});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  const auto probe = make_surroundings_probe({.root = proc.root()});
  std::vector<Reading> cells(4);
  probe->read({Moment::start, 0, 0}, tree, cells);
  // Two seconds: the machine was busy for 3 s of CPU, 1 s of it our tree's; half of them waiting.
  machine(100300, 1100, 6000000, 200000);
  proc.set({.pid = 10, .user = 150});
  tree.refresh(Tree::Depth::all);
  probe->read({Moment::tick, 2, 2}, tree, cells);
  EXPECT_NEAR(cells[0].value, 1.0, 0.05);  // but for what this test itself used
  EXPECT_NEAR(cells[1].value, 50, 1e-6);
  EXPECT_FALSE(cells[2].known());
  EXPECT_THAT(cells[2].note, HasSubstr("PSI"));
  EXPECT_NEAR(cells[3].value, 10, 1e-6);
  probe->read({Moment::tick, 2.1, 0.1}, tree, cells);
  EXPECT_STREQ(cells[0].note, "read once a second");
}

}  // namespace
}  // namespace treino::monitor
