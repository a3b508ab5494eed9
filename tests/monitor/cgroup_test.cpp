// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/monitor/fake_proc.h"

namespace treino::monitor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> places(const std::string& root) {
  std::vector<std::string> all;
  for (const CgroupPlace& place : cgroup_places(root)) {
    all.push_back(place.controller + "=" + place.folder.substr(root.size()));
  }
  return all;
}

TEST(CgroupPlaces, UnifiedOnly) {
  test::FakeProc proc;
  proc.write("self/mountinfo",
             "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
  proc.write("self/cgroup", "0::/user.slice/app.scope\n");
  EXPECT_THAT(places(proc.root()), ElementsAre("=/sys/fs/cgroup/user.slice/app.scope"));
}

TEST(CgroupPlaces, OldAndNewTogetherNewFirst) {
  test::FakeProc proc;
  proc.write("self/mountinfo",
             "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
             "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
             "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
             "42 31 0:39 / /data rw shared:5 - ext4 /dev/sda rw\n");
  proc.write("self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/jobs/1\n2:name=systemd:/\n0::/\n");
  EXPECT_THAT(places(proc.root()),
              ElementsAre("=/sys/fs/cgroup/unified", "memory=/sys/fs/cgroup/memory/jobs/1",
                          "cpuacct=/sys/fs/cgroup/cpu,cpuacct/a"));
}

TEST(CgroupPlaces, AContainerSeesItsGroupMountedAsTheRoot) {
  test::FakeProc proc;
  proc.write("self/mountinfo",
             "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  proc.write("self/cgroup", "4:memory:/docker/abc\n");
  EXPECT_THAT(places(proc.root()), ElementsAre("memory=/sys/fs/cgroup/memory"));
}

TEST(CgroupPlaces, NoneAtAll) {
  test::FakeProc proc;
  EXPECT_THAT(places(proc.root()), ElementsAre());
  const CgroupAbility ability = cgroup_ability(proc.root());
  EXPECT_EQ(ability.cpu, "");
  EXPECT_THAT(ability.why, HasSubstr("no control groups"));
}

// A v2 folder in which nobody may make a group: known, with the reason, and nothing left behind.
TEST(Cgroup, WithoutRightsItSaysWhere) {
  test::FakeProc proc;
  proc.write("self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  proc.write("self/cgroup", "0::/app\n");
  std::string why;
  EXPECT_EQ(Cgroup::make(proc.root(), why), nullptr);
  EXPECT_THAT(why, HasSubstr("/sys/fs/cgroup"));
}

TEST(Cgroup, RealOnesCountAndAreGoneAfterwards) {
  std::string why;
  std::vector<std::string> folders;
  {
    const auto group = Cgroup::make("", why);
    if (!group) GTEST_SKIP() << why;
    folders = group->folders();
    for (const std::string& folder : folders) EXPECT_TRUE(std::filesystem::exists(folder));
    EXPECT_NEAR(group->cpu_s().value(), 0, 1e-3);
    EXPECT_TRUE(group->pids().empty());
    EXPECT_EQ(group->threads(), 0);
  }
  for (const std::string& folder : folders) EXPECT_FALSE(std::filesystem::exists(folder)) << folder;
}

}  // namespace
}  // namespace treino::monitor
