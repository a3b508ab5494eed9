// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/rapl.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/monitor/fake_tree.h"
#include "tests/support/temporary_folder.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;

class RaplTest : public testing::Test {
 protected:
  void zone(const std::string& name, const std::string& kind, std::uint64_t microjoules,
            std::uint64_t range = 262143328850) {
    const std::string path = "sys/class/powercap/" + name;
    folder.write(path + "/name", kind + "\n");
    folder.write(path + "/energy_uj", std::to_string(microjoules) + "\n");
    folder.write(path + "/max_energy_range_uj", std::to_string(range) + "\n");
  }
  void start() {
    probe = make_rapl_probe({.root = folder.path()});
    probe->read({Moment::start, 0, 0}, tree, cells);
  }
  void tick(double t, double dt) { probe->read({Moment::tick, t, dt}, tree, cells); }

  test::TemporaryFolder folder;
  FakeTree tree;
  std::unique_ptr<Probe> probe;
  Reading cells[2];
};

TEST_F(RaplTest, counts_packages_and_nothing_twice) {
  zone("intel-rapl:0", "package-0", 1'000'000);
  zone("intel-rapl:0:0", "core", 500'000);
  zone("intel-rapl:0:1", "dram", 100'000);
  zone("intel-rapl:1", "package-1", 2'000'000);
  zone("intel-rapl:2", "psys", 9'000'000);
  zone("intel-rapl-mmio:0", "package-0", 1'000'000);
  start();
  zone("intel-rapl:0", "package-0", 6'000'000);
  zone("intel-rapl:1", "package-1", 3'000'000);
  zone("intel-rapl:2", "psys", 99'000'000);
  tick(2, 2);
  EXPECT_DOUBLE_EQ(cells[0].value, 3);
  EXPECT_DOUBLE_EQ(cells[1].value, 6);
  Summary summary;
  probe->summarize(summary);
  EXPECT_DOUBLE_EQ(summary.get("cpu_energy_j").value, 6);
  EXPECT_DOUBLE_EQ(summary.get("cpu_power_w_mean").value, 3);
}

TEST_F(RaplTest, a_counter_that_starts_again_goes_on) {
  zone("intel-rapl:0", "package-0", 999'000'000, 999'999'999);
  start();
  zone("intel-rapl:0", "package-0", 3'000'000, 999'999'999);
  tick(1, 1);
  EXPECT_DOUBLE_EQ(cells[1].value, 4);
}

TEST_F(RaplTest, sees_every_turn_between_rows_that_are_far_apart) {
  zone("intel-rapl:0", "package-0", 0, 9'999'999);
  start();
  for (int i = 1; i <= 6; ++i) {  // 6 J a step, the counter turns at 10 J
    zone("intel-rapl:0", "package-0", i * 6'000'000 % 10'000'000, 9'999'999);
    probe->peek(i, tree);
  }
  tick(60, 60);
  EXPECT_NEAR(cells[1].value, 36, 1e-9);
}

TEST_F(RaplTest, a_mark_does_not_move_the_base_of_the_rate) {
  zone("intel-rapl:0", "package-0", 0);
  start();
  zone("intel-rapl:0", "package-0", 1'000'000);
  probe->read({Moment::mark, 0.5, 0.5}, tree, cells);
  EXPECT_DOUBLE_EQ(cells[1].value, 1);
  zone("intel-rapl:0", "package-0", 2'000'000);
  tick(1, 1);
  EXPECT_DOUBLE_EQ(cells[0].value, 2);
}

TEST_F(RaplTest, none_is_unknown_with_its_reason) {
  start();
  tick(1, 1);
  EXPECT_FALSE(cells[0].known());
  EXPECT_FALSE(cells[1].known());
  EXPECT_THAT(cells[1].note, HasSubstr("no RAPL"));
}

// Root may read everything: as root, the test looks with other eyes.
class OtherUser {
 public:
  OtherUser() { changed_ = geteuid() == 0 && seteuid(65534) == 0; }
  ~OtherUser() {
    if (changed_ && seteuid(0) != 0) std::abort();
  }

 private:
  bool changed_ = false;
};

TEST_F(RaplTest, counters_for_root_only) {
  zone("intel-rapl:0", "package-0", 0);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(folder / "sys/class/powercap/intel-rapl:0/energy_uj",
                               std::filesystem::perms::none);
  const OtherUser user;
  start();
  EXPECT_THAT(cells[1].note, HasSubstr("no permission"));
  std::vector<Capability> found;
  rapl_capabilities(folder.path(), found);
  EXPECT_THAT(found.at(0).remedy, HasSubstr("chmod a+r"));
}

TEST_F(RaplTest, one_package_that_cannot_be_read_makes_all_unknown) {
  zone("intel-rapl:0", "package-0", 0);
  folder.write("sys/class/powercap/intel-rapl:1/name", "package-1\n");
  start();
  EXPECT_FALSE(cells[1].known());
}

}  // namespace
}  // namespace treino::monitor
