// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/process_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/monitor/fake_proc.h"
#include "tests/support/errors.h"

namespace treino::monitor {
namespace {

using test::FakeProc;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::vector<int> pids(const ProcessTree& tree) {
  std::vector<int> all;
  for (const Member& member : tree.members()) all.push_back(member.pid);
  return all;
}

double cpu(ProcessTree& tree) {
  tree.refresh(Tree::Depth::all);
  return tree.cpu_s().value;
}

TEST(ProcessTree, FindsDescendantsAndLeavesOthers) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  proc.set({.pid = 11, .parent = 10, .name = "a) b\n(c", .threads = 3});
  proc.set({.pid = 9, .parent = 11});  // a lower number than its parent: they wrap round
  proc.set({.pid = 12, .parent = 1});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  EXPECT_THAT(pids(tree), UnorderedElementsAre(10, 11, 9));
  EXPECT_EQ(tree.processes(), 3);
  EXPECT_EQ(tree.threads(), 5);
  EXPECT_EQ(tree.members()[0].pid, 10);
  proc.set({.pid = 13, .parent = 9});
  tree.refresh(Tree::Depth::all);
  EXPECT_THAT(pids(tree), UnorderedElementsAre(10, 11, 9, 13));
}

TEST(ProcessTree, ThreadsAreNoProcesses) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  proc.set({.pid = 11, .parent = 10, .exit_signal = -1});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  EXPECT_THAT(pids(tree), ElementsAre(10));
}

TEST(ProcessTree, NoSuchProcessIsAMistake) {
  FakeProc proc;
  EXPECT_EQ(test::error_of([&] { ProcessTree(proc.root(), 5, ProcessTree::Top::member); }),
            "there is no process 5");
}

TEST(ProcessTree, CountsFromTheStartOfTheWatch) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1, .user = 500, .child_user = 300});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  EXPECT_DOUBLE_EQ(cpu(tree), 0);
  proc.set({.pid = 10, .parent = 1, .user = 520, .child_user = 300});
  EXPECT_NEAR(cpu(tree), 0.20, 1e-9);
  // A child that came and went between two looks is in its parent's counter.
  proc.set({.pid = 10, .parent = 1, .user = 520, .child_user = 307});
  EXPECT_NEAR(cpu(tree), 0.27, 1e-9);
}

TEST(ProcessTree, ANewChildCountsFromItsBirth) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  proc.set({.pid = 11, .parent = 10, .user = 8, .child_user = 2});
  EXPECT_NEAR(cpu(tree), 0.10, 1e-9);
}

TEST(ProcessTree, AReapedChildIsNotCountedTwice) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  proc.set({.pid = 11, .parent = 10});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  proc.set({.pid = 11, .parent = 10, .user = 30});
  EXPECT_NEAR(cpu(tree), 0.30, 1e-9);
  proc.end(11);
  proc.set({.pid = 10, .parent = 1, .child_user = 35});  // with what it did after the last look
  EXPECT_NEAR(cpu(tree), 0.35, 1e-9);
  proc.set({.pid = 10, .parent = 1, .child_user = 45});  // and one never seen
  EXPECT_NEAR(cpu(tree), 0.45, 1e-9);
}

TEST(ProcessTree, AChildNobodyWaitsForKeepsItsTime) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  proc.set({.pid = 11, .parent = 10});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  proc.set({.pid = 11, .parent = 10, .user = 30});
  cpu(tree);
  proc.end(11);  // its parent ignores SIGCHLD: no counter has it
  EXPECT_NEAR(cpu(tree), 0.30, 1e-9);
  proc.set({.pid = 10, .parent = 1, .user = 5});
  EXPECT_NEAR(cpu(tree), 0.35, 1e-9);
}

TEST(ProcessTree, ASubtreeThatEndsTogetherKeepsItsTime) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  proc.set({.pid = 11, .parent = 10, .user = 10});
  proc.set({.pid = 12, .parent = 11, .user = 20});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  proc.set({.pid = 11, .parent = 10, .user = 15});
  proc.set({.pid = 12, .parent = 11, .user = 40});
  EXPECT_NEAR(cpu(tree), 0.25, 1e-9);
  proc.end(11);
  proc.end(12);
  proc.set({.pid = 10, .parent = 1, .child_user = 56});  // 15 + 41
  EXPECT_NEAR(cpu(tree), 0.26, 1e-9);
}

TEST(ProcessTree, AReusedNumberIsAnotherProcess) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  proc.set({.pid = 11, .parent = 10, .start = 100, .user = 0});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  proc.set({.pid = 11, .parent = 10, .start = 100, .user = 50});
  EXPECT_NEAR(cpu(tree), 0.50, 1e-9);
  // It ended and was waited for; its number went to a stranger with a large time of its own.
  proc.end(11);
  proc.set({.pid = 11, .parent = 1, .start = 900, .user = 100000});
  proc.set({.pid = 10, .parent = 1, .child_user = 50});
  EXPECT_NEAR(cpu(tree), 0.50, 1e-9);
  EXPECT_THAT(pids(tree), ElementsAre(10));
  // And then to a child of the tree again.
  proc.set({.pid = 11, .parent = 10, .start = 950, .user = 7});
  EXPECT_NEAR(cpu(tree), 0.57, 1e-9);
  EXPECT_THAT(pids(tree), ElementsAre(10, 11));
}

TEST(ProcessTree, UnderALauncherOrphansStay) {
  FakeProc proc;
  proc.set({.pid = 5, .parent = 1});  // the launcher, itself not of the tree
  proc.set({.pid = 10, .parent = 5});
  proc.set({.pid = 11, .parent = 10});
  ProcessTree tree(proc.root(), 5, ProcessTree::Top::launcher);
  EXPECT_THAT(pids(tree), ElementsAre(10, 11));
  proc.set({.pid = 11, .parent = 10, .user = 10});
  EXPECT_NEAR(cpu(tree), 0.10, 1e-9);
  // 10 ends: 11, a daemon now, has the launcher as its parent, which has 10's time.
  proc.end(10);
  proc.set({.pid = 5, .parent = 1, .child_user = 3});
  proc.set({.pid = 11, .parent = 5, .user = 12});
  EXPECT_NEAR(cpu(tree), 0.15, 1e-9);
  EXPECT_THAT(pids(tree), ElementsAre(11));
  proc.end(11);
  proc.set({.pid = 5, .parent = 1, .child_user = 15});
  EXPECT_NEAR(cpu(tree), 0.15, 1e-9);
  tree.set_reaped(0.157);  // rusage knows it to the microsecond
  EXPECT_NEAR(cpu(tree), 0.157, 1e-9);
}

TEST(ProcessTree, ZombiesAreMembersButNotCounted) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  proc.set({.pid = 11, .parent = 10, .user = 5, .resident = 0, .shared = 0, .state = 'Z'});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  EXPECT_EQ(tree.processes(), 1);
  EXPECT_EQ(tree.members().size(), 2u);
}

TEST(ProcessTree, OneWhoseMainThreadHasEndedIsReadThroughAnother) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1, .threads = 3});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  EXPECT_EQ(tree.members()[0].task, 10);
  const auto thread = [&](int number, long resident) {
    proc.set({.pid = number, .parent = 1, .threads = 3, .resident = resident, .exit_signal = -1});
    proc.write(fmt::format("10/task/{}/comm", number), "work");
  };
  proc.set({.pid = 10, .parent = 1, .threads = 3, .resident = 0, .shared = 0, .state = 'Z'});
  proc.write("10/task/10/comm", "work");
  thread(11, 0);
  thread(12, 70);
  tree.refresh(Tree::Depth::all);
  EXPECT_EQ(tree.processes(), 1);
  EXPECT_EQ(tree.threads(), 3);
  EXPECT_FALSE(tree.members()[0].zombie);
  EXPECT_EQ(tree.members()[0].task, 12);
  EXPECT_EQ(tree.members()[0].resident, 70 * page_bytes());
  // That one ends as well, and another has come.
  proc.end(12);
  thread(13, 80);
  tree.refresh(Tree::Depth::all);
  EXPECT_EQ(tree.members()[0].task, 13);
  EXPECT_EQ(tree.members()[0].resident, 80 * page_bytes());
  proc.set({.pid = 10, .parent = 1, .threads = 1, .resident = 0, .shared = 0, .state = 'Z'});
  proc.end(13);
  tree.refresh(Tree::Depth::all);
  EXPECT_TRUE(tree.members()[0].zombie);
  EXPECT_EQ(tree.processes(), 0);
}

TEST(ProcessTree, TwoThousandProcesses) {
  FakeProc proc;
  proc.set({.pid = 10, .parent = 1});
  for (int i = 0; i < 2000; ++i) proc.set({.pid = 100 + i, .parent = i < 100 ? 10 : i});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  EXPECT_EQ(tree.processes(), 2001);
  for (int i = 0; i < 2000; i += 2) proc.end(101 + i);
  for (int i = 0; i < 2000; i += 2) proc.set({.pid = 100 + i, .parent = 10, .user = 1});
  EXPECT_NEAR(cpu(tree), 10.0, 1e-6);
  EXPECT_EQ(tree.processes(), 1001);
}

// Whatever order births, deaths and waits come in, the total never falls and never exceeds the
// truth.
TEST(ProcessTree, TotalsAreMonotoneAndNeverAboveTheTruth) {
  FakeProc proc;
  unsigned state = 12345;
  const auto random = [&](unsigned below) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
  };
  proc.set({.pid = 10, .parent = 1});
  ProcessTree tree(proc.root(), 10, ProcessTree::Top::member);
  std::vector<FakeProc::Process> children;
  long reaped = 0, truth = 0;
  double before = 0;
  for (int step = 0; step < 200; ++step) {
    for (FakeProc::Process& child : children) {
      const long more = random(4);
      child.user += more;
      truth += more;
      proc.set(child);
    }
    if (random(2) == 0) {
      FakeProc::Process child{.pid = 100 + step % 12, .parent = 10, .start = 1000 + step};
      const bool taken = std::any_of(children.begin(), children.end(),
                                     [&](const auto& other) { return other.pid == child.pid; });
      if (!taken) {
        children.push_back(child);
        proc.set(child);
      }
    }
    if (!children.empty() && random(3) == 0) {
      const std::size_t which = random(static_cast<unsigned>(children.size()));
      const long more = random(3);  // after the last look
      truth += more;
      reaped += children[which].user + more;
      proc.end(children[which].pid);
      children.erase(children.begin() + static_cast<long>(which));
      proc.set({.pid = 10, .parent = 1, .child_user = reaped});
    }
    const double now = cpu(tree);
    EXPECT_GE(now, before);
    EXPECT_LE(now, static_cast<double>(truth) * 0.01 + 1e-9);
    before = now;
  }
  EXPECT_NEAR(before, static_cast<double>(truth) * 0.01, 1e-6);
}

}  // namespace
}  // namespace treino::monitor
