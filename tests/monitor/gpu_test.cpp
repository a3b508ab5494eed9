// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/gpu.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/monitor/fake_gpu.h"
#include "tests/monitor/fake_tree.h"
#include "tests/support/program.h"
#include "treino/base/file.h"
#include "treino/monitor/gpu_reader.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;

// Says what the test wants.
class FakeSource : public GpuSource {
 public:
  explicit FakeSource(GpuPass& next) : next_(next) {}
  GpuPass pass(double, std::span<const pid_t> pids) override {
    if (passes.fetch_add(1) == 0) seen.assign(pids.begin(), pids.end());
    return next_;
  }
  std::string method() const override { return "fake"; }
  static inline std::atomic<int> passes = 0;
  static inline std::vector<pid_t> seen;

 private:
  GpuPass& next_;
};

class GpuTest : public testing::Test {
 protected:
  void SetUp() override {
    next.state = GpuState::ok;
    next.util_pct = next.mem_pct = Reading::of(50);
    next.mem_mib = Reading::of(1000);
    next.gpu_s = next.energy_j = Reading::of(0);
    next.power_w = Reading::of(200);
    next.mem_total_mib = 2000;
    next.throttle = "none";
  }
  void start() {
    std::vector<std::unique_ptr<GpuSource>> sources;
    sources.push_back(std::make_unique<FakeSource>(next));
    probe = make_gpu_probe(std::move(sources), "");
    cells.resize(probe->columns().size());
    read(Moment::start, 0, 0);
  }
  void read(Moment::What what, double t, double dt) {
    for (Reading& cell : cells) cell = Reading{};
    probe->read({what, t, dt}, tree, cells);
  }
  const Reading& cell(const std::string& name) const {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (probe->columns()[i].name == name) return cells[i];
    }
    throw std::out_of_range(name);
  }
  std::string status() const {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (probe->columns()[i].name == std::string("gpu_status")) {
        return cell_text(probe->columns()[i], cells[i]);
      }
    }
    return "no such column";
  }

  GpuPass next;
  FakeTree tree;
  std::unique_ptr<Probe> probe;
  std::vector<Reading> cells;
};

TEST_F(GpuTest, has_the_columns_that_are_promised) {
  start();
  for (const char* name : {"gpu_util_pct", "gpu_mem_mib", "gpu_mem_pct", "gpu_power_w"}) {
    EXPECT_TRUE(cell(name).known()) << name;
  }
  EXPECT_EQ(status(), "ok");
}

TEST_F(GpuTest, status_is_one_word) {
  for (const GpuState state : {GpuState::idle, GpuState::inferred, GpuState::pid_namespace,
                               GpuState::no_permission, GpuState::lost, GpuState::unsupported}) {
    next.state = state;
    start();
    EXPECT_EQ(status(), to_text(state));
    EXPECT_EQ(status().find(' '), std::string::npos);
  }
}

TEST_F(GpuTest, marks_read_counters_only) {
  start();
  next.gpu_s = Reading::of(3);
  read(Moment::tick, 1, 1);
  read(Moment::mark, 1.5, 0.5);
  EXPECT_DOUBLE_EQ(cell("gpu_s").value, 3);
  EXPECT_FALSE(cell("gpu_util_pct").known());
}

TEST_F(GpuTest, sums_up_from_counters) {
  start();
  next.gpu_s = Reading::of(3);
  next.energy_j = Reading::of(800);
  next.mem_mib = Reading::of(1500);
  read(Moment::tick, 2, 2);
  next.mem_mib = Reading::of(100);
  next.slowed = true;
  read(Moment::end, 4, 2);
  Summary summary;
  probe->summarize(summary);
  EXPECT_DOUBLE_EQ(summary.get("gpu.s").value, 3);
  EXPECT_DOUBLE_EQ(summary.get("gpu.util_pct_mean").value, 75);
  EXPECT_DOUBLE_EQ(summary.get("gpu.peak_mem_mib").value, 1500);
  EXPECT_DOUBLE_EQ(summary.get("gpu.energy_j").value, 800);
  EXPECT_DOUBLE_EQ(summary.get("gpu.power_w_mean").value, 200);
  EXPECT_NEAR(summary.get("gpu.slowed_pct").value, 100.0 / 3, 1e-9);
  EXPECT_STREQ(summary.get("gpu.status").note, "ok");
  EXPECT_THAT(to_json(summary), HasSubstr("\"peak_mem_mib\":1500.0"));
}

TEST_F(GpuTest, memory_taken_at_once_is_called_preallocated) {
  next.mem_pct = Reading::of(0);
  start();
  next.mem_pct = Reading::of(90);
  read(Moment::tick, 1, 1);
  Summary summary;
  probe->summarize(summary);
  EXPECT_THAT(summary.get("gpu.peak_mem_mib").note, HasSubstr("preallocated"));
}

TEST_F(GpuTest, memory_that_grows_is_not) {
  next.mem_pct = Reading::of(0);
  start();
  for (int i = 1; i <= 9; ++i) {
    next.mem_pct = Reading::of(10 * i);
    read(Moment::tick, 2 * i, 2);
  }
  Summary summary;
  probe->summarize(summary);
  EXPECT_STREQ(summary.get("gpu.peak_mem_mib").note, "");
}

TEST_F(GpuTest, without_any_gpu_all_is_unknown_and_says_why) {
  probe = make_gpu_probe(std::vector<std::unique_ptr<GpuSource>>(), "no NVIDIA driver");
  cells.resize(probe->columns().size());
  read(Moment::start, 0, 0);
  read(Moment::tick, 1, 1);
  EXPECT_EQ(status(), "unsupported");
  EXPECT_FALSE(cell("gpu_util_pct").known());
  EXPECT_FALSE(cell("gpu_s").known());
  Summary summary;
  probe->summarize(summary);
  EXPECT_THAT(summary.get("gpu.status").note, HasSubstr("no NVIDIA driver"));
  EXPECT_THAT(to_json(summary), HasSubstr("\"gpu\":null"));
}

// The whole way: the program, the library loaded by its name, the thread, the outputs.
TEST(Gpu, idle_beside_a_command_that_uses_none) {
  FakeMachine machine;
  machine.nvidia(one_device());
  const test::TemporaryFolder folder;
  const test::Outcome outcome =
      test::run_treino({"monitor", "--json", "--csv", folder / "rows.csv", "--", "sleep", "0.5"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const Json summary = Json::parse(outcome.out);
  EXPECT_EQ(summary["gpu"]["status"], "idle");
  EXPECT_EQ(summary["gpu"]["s"], 0.0);
  EXPECT_EQ(summary["gpu"]["peak_mem_mib"], 0.0);
  EXPECT_TRUE(summary["gpu"]["power_w_mean"].is_null());
  EXPECT_THAT(summary["methods"]["gpu"].get<std::string>(), HasSubstr("Fake H100"));
  EXPECT_THAT(read_whole_file(folder / "rows.csv"), HasSubstr(",idle,"));
}

TEST(Gpu, no_driver_is_null_with_its_reason) {
  FakeMachine machine;
  machine.nvidia({{"init", 9}});
  const test::Outcome outcome = test::run_treino({"monitor", "--json", "--", "true"});
  const Json summary = Json::parse(outcome.out);
  EXPECT_TRUE(summary["gpu"].is_null());
  EXPECT_THAT(summary["status"]["gpu.status"].get<std::string>(),
              HasSubstr("unsupported: the NVIDIA kernel module is not loaded"));
}

TEST(GpuTogether, keeps_what_an_idle_kind_did_before) {
  GpuPass before;
  before.state = GpuState::idle;
  before.gpu_s = Reading::of(4);
  before.energy_j = Reading::of(10);
  before.util_pct = Reading::of(0);
  GpuPass busy;
  busy.state = GpuState::ok;
  busy.gpu_s = Reading::of(1);
  busy.energy_j = Reading::of(5);
  busy.util_pct = Reading::of(90);
  for (const GpuPass& both : {together(before, busy), together(busy, before)}) {
    EXPECT_EQ(both.state, GpuState::ok);
    EXPECT_DOUBLE_EQ(both.gpu_s.value, 5);
    EXPECT_DOUBLE_EQ(both.energy_j.value, 15);
    EXPECT_DOUBLE_EQ(both.util_pct.value, 90);
  }
  const GpuPass none;
  EXPECT_EQ(together(none, busy).state, GpuState::ok);
  EXPECT_DOUBLE_EQ(together(busy, none).gpu_s.value, 1);
}

TEST(GpuTogether, an_unknown_part_makes_the_sum_unknown) {
  GpuPass a;
  a.state = GpuState::ok;
  a.gpu_s = Reading::of(4);
  GpuPass b;
  b.state = GpuState::pid_namespace;
  b.gpu_s = Reading::absent("other pids");
  EXPECT_FALSE(together(a, b).gpu_s.known());
  EXPECT_EQ(together(a, b).state, GpuState::pid_namespace);
}

TEST(GpuReader, passes_on_its_own_thread_over_the_newest_pids) {
  GpuPass next;
  next.state = GpuState::ok;
  next.news = true;
  FakeSource::passes = 0;
  GpuReader reader(std::make_unique<FakeSource>(next), 60);  // its own pace is not waited for
  reader.watch({1, 2, 3});
  const auto pass = reader.pass_now(60);
  ASSERT_TRUE(pass.has_value());
  EXPECT_EQ(pass->state, GpuState::ok);
  EXPECT_EQ(FakeSource::seen, (std::vector<pid_t>{1, 2, 3}));
  EXPECT_GE(reader.newest()->number, 1);
  EXPECT_GE(reader.cpu_s(), 0);
}

TEST(GpuReader, is_not_waited_for_longer_than_patience_lasts) {
  struct Slow : GpuSource {
    std::atomic<bool>& go;
    explicit Slow(std::atomic<bool>& flag) : go(flag) {}
    GpuPass pass(double, std::span<const pid_t>) override {
      while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return {};
    }
    std::string method() const override { return "slow"; }
  };
  std::atomic<bool> go = false;
  GpuReader reader(std::make_unique<Slow>(go), 0.1);
  EXPECT_FALSE(reader.pass_now(0.05).has_value());
  EXPECT_FALSE(reader.newest().has_value());
  go = true;
}

TEST(GpuCapabilities, name_what_is_missing_and_the_remedy) {
  FakeMachine machine;
  machine.nvidia({{"init", 18}});
  std::vector<Capability> found;
  gpu_capabilities(machine.root(), found);
  EXPECT_FALSE(found.at(0).ok);
  EXPECT_THAT(found.at(0).remedy, HasSubstr("reboot"));
  found.clear();
  machine.nvidia(one_device());
  gpu_capabilities(machine.root(), found);
  EXPECT_TRUE(found.at(0).ok);
  EXPECT_THAT(found.at(0).reason, HasSubstr("Fake H100"));
  for (const Capability& capability : found) {
    EXPECT_NE(capability.ok, !capability.remedy.empty()) << capability.name;
  }
}

}  // namespace
}  // namespace treino::monitor
