// SPDX-License-Identifier: Apache-2.0
// AMD and Intel through files as their kernel drivers write them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/monitor/fake_gpu.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;

class DrmTest : public testing::Test {
 protected:
  void card(const std::string& driver = "amdgpu") {
    machine.write("sys/class/drm/card0/device/uevent",
                  "DRIVER=" + driver + "\nPCI_SLOT_NAME=0000:03:00.0\n");
    machine.write("sys/class/drm/card0/device/mem_info_vram_total", "8589934592\n");
    machine.write("sys/class/drm/card0/device/gpu_busy_percent", "77\n");
    machine.write("sys/class/drm/card0/device/hwmon/hwmon3/power1_average", "120000000\n");
    machine.write("sys/class/drm/card0-HDMI-A-1/status", "connected\n");
  }
  void start() {
    std::string why;
    source = make_drm_source(machine.options(), why);
    ASSERT_NE(source, nullptr) << why;
  }
  void fdinfo(int pid, int file, const std::string& text) {
    machine.write(fmt::format("proc/{}/fdinfo/{}", pid, file), text);
  }
  static std::string amd(std::uint64_t gfx_ns, std::uint64_t vram_kib, int client = 7) {
    return fmt::format(
        "pos:\t0\nflags:\t02100002\ndrm-driver:\tamdgpu\ndrm-client-id:\t{}\n"
        "drm-pdev:\t0000:03:00.0\ndrm-memory-vram:\t{} KiB\ndrm-memory-gtt: \t8192 KiB\n"
        "drm-engine-gfx:\t{} ns\ndrm-engine-compute:\t1000 ns\n",
        client, vram_kib, gfx_ns);
  }
  GpuPass pass(double t, std::vector<pid_t> pids = {100}) { return source->pass(t, pids); }

  FakeMachine machine;
  std::unique_ptr<GpuSource> source;
};

TEST_F(DrmTest, counts_engine_time_and_memory) {
  card();
  machine.process(100, {"/dev/null", "/dev/dri/renderD128"});
  fdinfo(100, 4, amd(0, 1048576));
  start();
  pass(10);
  fdinfo(100, 4, amd(500'000'000, 2097152));
  const GpuPass found = pass(11);
  EXPECT_EQ(found.state, GpuState::ok);
  EXPECT_NEAR(found.util_pct.value, 50, 1e-9);
  EXPECT_NEAR(found.gpu_s.value, 0.5, 1e-9);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 2048);
  EXPECT_DOUBLE_EQ(found.mem_pct.value, 25);
  EXPECT_DOUBLE_EQ(found.device_util_pct.value, 77);
  EXPECT_DOUBLE_EQ(found.power_w.value, 120);
  EXPECT_DOUBLE_EQ(found.energy_j.value, 120);
}

TEST_F(DrmTest, a_file_that_is_shared_counts_once) {
  card();
  machine.process(100, {"/dev/dri/renderD128", "/dev/dri/renderD128"});
  machine.process(101, {"/dev/dri/renderD128"});
  for (const auto& [pid, file] : {std::pair{100, 3}, {100, 4}, {101, 3}}) {
    fdinfo(pid, file, amd(0, 1048576));
  }
  start();
  pass(1, {100, 101});
  for (const auto& [pid, file] : {std::pair{100, 3}, {100, 4}, {101, 3}}) {
    fdinfo(pid, file, amd(300'000'000, 1048576));
  }
  const GpuPass found = pass(2, {100, 101});
  EXPECT_NEAR(found.util_pct.value, 30, 1e-9);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 1024);
}

TEST_F(DrmTest, a_counter_that_steps_back_keeps_its_larger_value) {
  card();
  machine.process(100, {"/dev/dri/renderD128"});
  fdinfo(100, 3, amd(1'000'000'000, 1024));
  start();
  pass(1);
  fdinfo(100, 3, amd(900'000'000, 1024));
  EXPECT_DOUBLE_EQ(pass(2).util_pct.value, 0);
  fdinfo(100, 3, amd(1'100'000'000, 1024));
  const GpuPass found = pass(3);
  EXPECT_NEAR(found.util_pct.value, 10, 1e-9);
  EXPECT_NEAR(found.gpu_s.value, 0.1, 1e-9);
}

TEST_F(DrmTest, capacity_divides) {
  card("i915");
  machine.process(100, {"/dev/dri/renderD128"});
  const auto text = [](std::uint64_t ns) {
    return fmt::format(
        "drm-driver:\ti915\ndrm-client-id:\t3\ndrm-pdev:\t0000:03:00.0\n"
        "drm-total-local0:\t4096 MiB\ndrm-resident-local0:\t1024 MiB\ndrm-total-system0:\t9 GiB\n"
        "drm-engine-video:\t{} ns\ndrm-engine-capacity-video:\t2\n",
        ns);
  };
  fdinfo(100, 3, text(0));
  start();
  pass(1);
  fdinfo(100, 3, text(1'000'000'000));
  const GpuPass found = pass(2);
  EXPECT_NEAR(found.util_pct.value, 50, 1e-9);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 1024);
}

TEST_F(DrmTest, xe_counts_cycles) {
  card("xe");
  machine.process(100, {"/dev/dri/renderD128"});
  const auto text = [](std::uint64_t cycles, std::uint64_t total) {
    return fmt::format(
        "drm-driver:\txe\ndrm-client-id:\t3\ndrm-pdev:\t0000:03:00.0\n"
        "drm-resident-vram0:\t512 MiB\ndrm-cycles-rcs:\t{}\ndrm-total-cycles-rcs:\t{}\n",
        cycles, total);
  };
  fdinfo(100, 3, text(1000, 100'000));
  start();
  pass(1);
  fdinfo(100, 3, text(26'000, 200'000));
  const GpuPass found = pass(2);
  EXPECT_NEAR(found.util_pct.value, 25, 1e-9);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 512);
}

TEST_F(DrmTest, rocm_memory_comes_from_kfd_and_its_use_is_unknown) {
  card();
  machine.process(100, {"/dev/kfd", "/dev/dri/renderD128"});
  fdinfo(100, 4, amd(0, 0));
  machine.write("sys/class/kfd/kfd/proc/100/vram_29861", "3221225472\n");
  start();
  pass(1);
  const GpuPass found = pass(2);
  EXPECT_EQ(found.state, GpuState::ok);
  EXPECT_DOUBLE_EQ(found.mem_mib.value, 3072);
  EXPECT_FALSE(found.util_pct.known());
  EXPECT_FALSE(found.gpu_s.known());
}

TEST_F(DrmTest, kfd_of_another_namespace) {
  card();
  machine.process(100, {"/dev/kfd"});
  machine.write("sys/class/kfd/kfd/proc/5555/vram_29861", "3221225472\n");
  start();
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::pid_namespace);
  EXPECT_FALSE(found.mem_mib.known());
}

TEST_F(DrmTest, a_tree_without_device_files_is_idle) {
  card();
  machine.process(100, {"/dev/null"});
  start();
  pass(1);
  const GpuPass found = pass(2);
  EXPECT_EQ(found.state, GpuState::idle);
  EXPECT_EQ(found.util_pct.value, 0);
  EXPECT_FALSE(found.power_w.known());
}

TEST_F(DrmTest, a_driver_without_keys_is_unsupported) {
  card("i915");
  machine.process(100, {"/dev/dri/renderD128"});
  fdinfo(100, 3, "pos:\t0\nflags:\t02100002\n");
  start();
  const GpuPass found = pass(1);
  EXPECT_EQ(found.state, GpuState::unsupported);
  EXPECT_FALSE(found.util_pct.known());
}

TEST_F(DrmTest, nvidia_and_virtual_screens_are_not_its_business) {
  card("nvidia");
  std::string why;
  EXPECT_EQ(make_drm_source(machine.options(), why), nullptr);
  EXPECT_THAT(why, HasSubstr("no AMD or Intel GPU"));
}

}  // namespace
}  // namespace treino::monitor
