// SPDX-License-Identifier: Apache-2.0
// What drivers were seen to say, replayed by a fake library.
#include <gmock/gmock.h>

#include "tests/monitor/fake_gpu.h"
#include "treino/monitor/nvml.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;

constexpr int kPid = 100;

class NvmlTest : public testing::Test {
 protected:
  void SetUp() override {
    machine.computing(kPid);
    scenario = one_device();
  }
  Json& device() { return scenario["devices"][0]; }
  void busy(int pid = kPid, int mib = 2048) {
    device()["processes"].push_back({{"pid", pid}, {"mib", mib}});
  }
  // A driver's sample, seconds after the start.
  void sample(double seconds, int sm, int pid = kPid) {
    device()["samples"].push_back({{"pid", pid}, {"time", at(seconds)}, {"sm", sm}});
  }
  static std::int64_t at(double seconds) {
    return 1'000'000'000 + static_cast<std::int64_t>(seconds * 1e6);
  }
  void start(int version = 3) {
    machine.nvidia(scenario, version);
    machine.now_us = static_cast<std::uint64_t>(at(0));
    std::string why;
    source = make_nvml_source(machine.options(), why);
    ASSERT_NE(source, nullptr) << why;
  }
  GpuPass pass(double seconds, std::vector<pid_t> pids = {kPid}) {
    machine.nvidia(scenario);  // the version of the library stays the one it was loaded in
    machine.now_us = static_cast<std::uint64_t>(at(seconds));
    return source->pass(seconds, pids);
  }

  FakeMachine machine;
  Json scenario;
  std::unique_ptr<GpuSource> source;
};

TEST_F(NvmlTest, tells_use_memory_power_energy_and_clock) {
  busy();
  start();
  sample(0.5, 80);
  device()["device_samples"] = {{{"time", at(0.25)}, {"value", 60}},
                                {{"time", at(0.5)}, {"value", 100}}};
  device()["energy_mj"] = 5'060'000;
  device()["throttle"] = 0x4;
  const GpuPass found = pass(0.6);
  EXPECT_EQ(found.state, GpuState::ok);
  EXPECT_DOUBLE_EQ(found.util_pct.value, 80);
  EXPECT_DOUBLE_EQ(found.gpu_s.value, 0.4);  // 80 % of the half second the sample stands for
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 2048);
  EXPECT_DOUBLE_EQ(found.mem_pct.value, 2.5);
  EXPECT_DOUBLE_EQ(found.device_util_pct.value, 80);
  EXPECT_DOUBLE_EQ(found.power_w.value, 100);
  EXPECT_DOUBLE_EQ(found.energy_j.value, 60);
  EXPECT_DOUBLE_EQ(found.sm_mhz.value, 1980);
  EXPECT_STREQ(found.throttle, "power cap");
  EXPECT_TRUE(found.slowed);
}

TEST_F(NvmlTest, a_sample_counts_once) {
  busy();
  start();
  sample(0.2, 50);
  EXPECT_TRUE(pass(0.3).util_pct.known());
  EXPECT_TRUE(pass(0.3).gpu_s.known());
  const GpuPass again = pass(0.4);
  EXPECT_FALSE(again.util_pct.known());  // unknown, neither 50 again nor 0
  EXPECT_FALSE(again.news);
  EXPECT_DOUBLE_EQ(again.gpu_s.value, 0.1);
  sample(0.6, 100);
  EXPECT_DOUBLE_EQ(pass(0.7).gpu_s.value, 0.5);
}

TEST_F(NvmlTest, a_driver_that_repeats_its_buffer_counts_once_too) {
  busy();
  start();
  device()["stale"] = true;
  sample(-5, 99);  // from before the watch
  sample(0.5, 40);
  EXPECT_DOUBLE_EQ(pass(0.6).gpu_s.value, 0.2);
  EXPECT_DOUBLE_EQ(pass(0.7).gpu_s.value, 0.2);
}

TEST_F(NvmlTest, each_sample_stands_for_the_time_since_the_one_before) {
  busy();
  start();
  sample(0.5, 100);
  sample(2.0, 20);
  const GpuPass found = pass(2.1);
  EXPECT_DOUBLE_EQ(found.util_pct.value, 40);
  EXPECT_DOUBLE_EQ(found.gpu_s.value, 0.8);
}

TEST_F(NvmlTest, no_samples_means_idle_after_a_second_without_any) {
  busy();
  start();
  EXPECT_FALSE(pass(0.3).util_pct.known());
  const GpuPass later = pass(1.5);
  EXPECT_EQ(later.state, GpuState::ok);
  EXPECT_DOUBLE_EQ(later.util_pct.value, 0);
  EXPECT_DOUBLE_EQ(later.gpu_s.value, 0);
}

TEST_F(NvmlTest, a_tree_that_never_touches_the_gpu_is_idle) {
  machine.process(kPid);
  busy(999);
  machine.process(999);
  start();
  sample(0.5, 90, 999);
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::idle);
  EXPECT_EQ(found.util_pct.value, 0);
  EXPECT_EQ(found.mem_mib.value, 0);
  EXPECT_EQ(found.gpu_s.value, 0);
  EXPECT_FALSE(found.power_w.known());  // another's power is not the tree's
  EXPECT_EQ(found.energy_j.value, 0);
}

TEST_F(NvmlTest, no_samples_from_a_list_that_cannot_be_read_is_unknown) {
  machine.process(kPid);
  device()["list_code"] = nvml::not_supported;
  start();
  const GpuPass found = pass(1.5);
  EXPECT_EQ(found.state, GpuState::unsupported);
  EXPECT_FALSE(found.util_pct.known());
  EXPECT_FALSE(found.mem_mib.known());
  EXPECT_FALSE(found.gpu_s.known());
}

TEST_F(NvmlTest, garbage_is_thrown_away_and_not_shown_as_zero) {
  busy();
  start();
  sample(0.3, 37100);
  const GpuPass found = pass(0.4);
  EXPECT_FALSE(found.util_pct.known());
  EXPECT_THAT(found.util_pct.note, HasSubstr("100 %"));
}

TEST_F(NvmlTest, garbage_of_a_process_that_is_gone_does_no_harm) {
  busy();
  start();
  sample(0.3, 37100, 4242);
  sample(0.3, 25);
  EXPECT_DOUBLE_EQ(pass(0.4).util_pct.value, 25);
}

TEST_F(NvmlTest, memory_that_the_driver_does_not_know_is_unknown) {
  device()["processes"] = {{{"pid", kPid}}};  // ~0
  start();
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::ok);
  EXPECT_FALSE(found.mem_mib.known());
  EXPECT_THAT(found.mem_mib.note, HasSubstr("WSL 2"));
}

TEST_F(NvmlTest, a_listed_process_without_bytes_is_unknown) {
  busy(kPid, 0);  // R535 to R560 in a container
  start();
  EXPECT_FALSE(pass(1).mem_mib.known());
}

TEST_F(NvmlTest, every_age_of_symbols_is_understood) {
  for (const int version : {1, 2, 3, 535}) {
    scenario = one_device();
    for (int i = 0; i < 70; ++i) busy(2000 + i, 10);  // more than fits at first
    busy(kPid, 1000);
    busy(kPid + 1, 500);
    machine.computing(kPid + 1);
    start(version);
    sample(0.5, 30);
    sample(0.5, 20, kPid + 1);
    const GpuPass found = pass(0.6, {kPid, kPid + 1});
    EXPECT_EQ(found.state, GpuState::ok) << version;
    EXPECT_DOUBLE_EQ(found.mem_mib.value, 1500) << version;
    EXPECT_DOUBLE_EQ(found.util_pct.value, 50) << version;
    EXPECT_DOUBLE_EQ(found.mem_total_mib, 81920) << version;
    EXPECT_THAT(source->method(), HasSubstr("memory v")) << version;
    source.reset();
  }
}

TEST_F(NvmlTest, one_foreign_pid_and_one_holder_are_the_same_process) {
  busy(645400);  // its pid on the host
  start();
  sample(0.5, 70, 645400);
  const GpuPass found = pass(0.6);
  EXPECT_EQ(found.state, GpuState::inferred);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 2048);
  EXPECT_STREQ(found.mem_mib.note, "inferred");
  EXPECT_DOUBLE_EQ(found.util_pct.value, 70);
  EXPECT_STREQ(found.gpu_s.note, "inferred");
}

TEST_F(NvmlTest, two_foreign_pids_cannot_be_told_apart) {
  busy(645400);
  busy(645401);
  start();
  const GpuPass found = pass(1.5);
  EXPECT_EQ(found.state, GpuState::pid_namespace);
  EXPECT_FALSE(found.util_pct.known());
  EXPECT_FALSE(found.mem_mib.known());
  EXPECT_FALSE(found.gpu_s.known());
  EXPECT_TRUE(found.power_w.known());  // the device it holds is known
}

TEST_F(NvmlTest, an_empty_list_leaves_the_device_as_a_whole) {
  start();
  device()["used_mib"] = 3600;
  device()["device_samples"] = {{{"time", at(1)}, {"value", 40}}};
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::inferred);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 3000);  // more than at the start
  EXPECT_DOUBLE_EQ(found.util_pct.value, 40);
  EXPECT_DOUBLE_EQ(found.gpu_s.value, 0.4);
}

TEST_F(NvmlTest, the_whole_device_is_no_measure_where_a_screen_or_another_process_uses_it) {
  device()["display"] = 1;
  start();
  EXPECT_EQ(pass(1).state, GpuState::pid_namespace);
  device()["display"] = 0;
  busy(999);
  machine.process(999);
  EXPECT_EQ(pass(2).state, GpuState::pid_namespace);
}

TEST_F(NvmlTest, samples_of_another_namespace_than_the_list) {
  busy();  // R565: the list is right, the samples are not
  start();
  sample(0.5, 60, 645400);
  const GpuPass found = pass(0.6);
  EXPECT_EQ(found.state, GpuState::ok);
  EXPECT_DOUBLE_EQ(found.util_pct.value, 60);
  EXPECT_STREQ(found.util_pct.note, "inferred");
  sample(1.0, 20, 645400);
  sample(1.0, 20, 645402);
  const GpuPass two = pass(1.1);
  EXPECT_FALSE(two.util_pct.known());
  EXPECT_THAT(two.util_pct.note, HasSubstr("pid-namespace"));
  EXPECT_FALSE(two.gpu_s.known());  // from here on something is missing in the total
}

TEST_F(NvmlTest, a_divided_gpu_is_read_by_instance) {
  const Json counters = {{"2", 55.0}, {"3", 30.0}, {"10", 20.0}};
  Json ours = Json::array();
  ours.push_back({{"pid", kPid}, {"mib", 1000}});
  Json theirs = Json::array();
  theirs.push_back({{"pid", 999}, {"mib", 9000}});
  device()["instances"] = Json::array(
      {{{"gpu_instance", 7}, {"total_mib", 10240}, {"gpm", counters}, {"processes", ours}},
       {{"gpu_instance", 9}, {"total_mib", 10240}, {"gpm", counters}, {"processes", theirs}}});
  device()["utilization_code"] = nvml::not_supported;
  device()["device_samples_code"] = nvml::not_supported;
  start();
  EXPECT_FALSE(pass(0.5).util_pct.known());  // counters are read in pairs
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::ok);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 1000);
  EXPECT_DOUBLE_EQ(found.mem_total_mib, 10240);
  EXPECT_DOUBLE_EQ(found.util_pct.value, 55);
  EXPECT_STREQ(found.util_pct.note, "inferred");
}

TEST_F(NvmlTest, two_instances_add_up) {
  Json one = {{"total_mib", 10240}, {"gpm", {{"2", 50.0}, {"3", 30.0}, {"10", 20.0}}}};
  one["processes"] = Json::array();
  one["processes"].push_back({{"pid", kPid}, {"mib", 1000}});
  Json two = one;
  one["gpu_instance"] = 7;
  two["gpu_instance"] = 9;
  device()["instances"] = Json::array();
  device()["instances"].push_back(one);
  device()["instances"].push_back(two);
  start();
  pass(1);
  const GpuPass found = pass(2);
  EXPECT_DOUBLE_EQ(found.util_pct.value, 100);
  EXPECT_DOUBLE_EQ(found.gpu_s.value, 1);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 2000);
}

TEST_F(NvmlTest, a_shared_instance_is_unknown) {
  const Json both = Json::array({{{"pid", kPid}, {"mib", 1000}}, {{"pid", 999}, {"mib", 500}}});
  device()["instances"] = Json::array({{{"gpu_instance", 7},
                                        {"total_mib", 10240},
                                        {"gpm", {{"2", 55.0}, {"3", 30.0}, {"10", 20.0}}},
                                        {"processes", both}}});
  start();
  pass(0.5);
  const GpuPass found = pass(1);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 1000);
  EXPECT_FALSE(found.util_pct.known());
  EXPECT_THAT(found.util_pct.note, HasSubstr("MIG"));
}

TEST_F(NvmlTest, a_divided_gpu_that_shows_no_instance_is_unknown) {
  machine.process(kPid);
  device()["instances"] = Json::array();
  start();
  EXPECT_EQ(pass(1).state, GpuState::unsupported);
}

TEST_F(NvmlTest, hopper_tells_its_multiprocessors) {
  device()["gpm"] = {{"2", 91.5}, {"3", 42.0}, {"10", 63.0}};
  busy();
  start();
  EXPECT_FALSE(pass(0.2).sm_pct.known());
  const GpuPass found = pass(0.4);
  EXPECT_DOUBLE_EQ(found.sm_pct.value, 91.5);
  EXPECT_DOUBLE_EQ(found.occupancy_pct.value, 42);
  EXPECT_DOUBLE_EQ(found.dram_pct.value, 63);
}

TEST_F(NvmlTest, older_gpus_say_that_they_do_not) {
  busy();
  start();
  EXPECT_THAT(pass(0.4).sm_pct.note, HasSubstr("Hopper"));
}

TEST_F(NvmlTest, a_lost_device_is_unknown_from_then_on) {
  busy();
  start();
  sample(0.5, 100);
  EXPECT_DOUBLE_EQ(pass(0.6).gpu_s.value, 0.5);
  device()["lost"] = true;
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::lost);
  EXPECT_FALSE(found.util_pct.known());
  EXPECT_FALSE(found.mem_mib.known());
  EXPECT_FALSE(found.gpu_s.known());
  EXPECT_FALSE(found.energy_j.known());
  EXPECT_FALSE(found.power_w.known());
}

TEST_F(NvmlTest, a_list_for_root_only) {
  device()["list_code"] = nvml::no_permission;
  start();
  const GpuPass found = pass(1.5);
  EXPECT_EQ(found.state, GpuState::no_permission);
  EXPECT_FALSE(found.util_pct.known());
}

TEST_F(NvmlTest, energy_without_a_counter_is_power_over_time) {
  device().erase("energy_mj");
  busy();
  start();
  pass(1);
  EXPECT_DOUBLE_EQ(pass(3).energy_j.value, 200);
  EXPECT_STREQ(pass(3).energy_j.note, "power over time");
}

TEST_F(NvmlTest, two_devices_add_up) {
  scenario["devices"].push_back(device());
  scenario["devices"].push_back(device());
  machine.process(kPid, {"/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia2"});
  for (const int i : {0, 1}) {
    scenario["devices"][i]["processes"] = {{{"pid", kPid}, {"mib", 1000}}};
  }
  start();
  for (const int i : {0, 1}) {
    scenario["devices"][i]["samples"] = {{{"pid", kPid}, {"time", at(1)}, {"sm", 90}}};
  }
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::ok);  // the third is open, but its list works and is empty
  EXPECT_DOUBLE_EQ(found.util_pct.value, 180);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 2000);
  EXPECT_DOUBLE_EQ(found.mem_total_mib, 2 * 81920);
}

std::string reason_of(FakeMachine& machine) {
  std::string why;
  EXPECT_EQ(make_nvml_source(machine.options(), why), nullptr);
  return why;
}

TEST(Nvml, says_why_there_is_none) {
  FakeMachine machine;
  machine.nvidia({{"init", 9}});
  EXPECT_THAT(reason_of(machine), HasSubstr("kernel module is not loaded"));
  machine.nvidia({{"init", 18}});
  EXPECT_THAT(reason_of(machine), HasSubstr("differ in version"));
  machine.nvidia({{"devices", Json::array()}});
  EXPECT_THAT(reason_of(machine), HasSubstr("sees no GPU"));
  setenv("TREINO_NVML", "/nowhere/libnvidia-ml.so.1", 1);
  EXPECT_THAT(reason_of(machine), HasSubstr("cannot be loaded"));
}

}  // namespace
}  // namespace treino::monitor
