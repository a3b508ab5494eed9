// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/device.h"

#include <cstdlib>

#include "treino/backend/cpu/executable.h"
#include "treino/backend/cpu/onednn_bridge.h"
#include "treino/base/error.h"

namespace treino::cpu {

namespace {

class CpuTarget : public Target {
 public:
  int bytes(DType dtype) const override { return host_bytes(dtype); }
  bool fuses_elementwise() const override { return true; }
  bool fuses_bias(const Node& heavy) const override { return heavy.outputs[0].dtype == DType::f32; }
  bool fuses_activation(const Node& heavy, Op activation) const override {
    return activation == Op::relu && heavy.outputs[0].dtype == DType::f32;
  }
  bool fuses_norm_pool(const Node& pool) const override {
    return pool.outputs[0].dtype == DType::f32;
  }
};

// TREINO_CONVOLUTION=direct, winograd or onednn overrules the table; for measurements and tests.
Convolutions convolutions_wanted(bool onednn) {
  const char* text = std::getenv("TREINO_CONVOLUTION");
  const std::string_view wanted = text == nullptr ? "" : text;
  if (wanted.empty()) return Convolutions::by_table;
  if (wanted == "direct") return Convolutions::direct;
  if (wanted == "winograd") return Convolutions::winograd;
  if (wanted == "onednn" && onednn) return Convolutions::onednn;
  throw Error::mistake(
      "TREINO_CONVOLUTION=" + std::string(wanted) +
      " is not \"direct\", \"winograd\" or \"onednn\", or there is no oneDNN here");
}

class CpuDevice : public Device {
 public:
  explicit CpuDevice(const CpuOptions& options)
      : team_(std::make_shared<ThreadTeam>(options.threads > 0 ? options.threads : usable_threads(),
                                           onednn::prepare_worker)) {
    plan_.kernels = &choose_kernels();
    plan_.onednn = options.onednn && onednn::available();
    plan_.convolutions = convolutions_wanted(plan_.onednn);
  }

  std::string_view name() const override { return "cpu"; }
  const Target& target() const override { return target_; }

  std::unique_ptr<Store> make_store(std::span<const Variable> variables) override {
    return std::make_unique<CpuStore>(variables);
  }

  std::unique_ptr<Executable> load(const Program& program, Store& store) override {
    auto* own = dynamic_cast<CpuStore*>(&store);
    if (own == nullptr)
      throw Error::mistake("the store of program " + program.name +
                           " is not one of the cpu device");
    return std::make_unique<CpuExecutable>(program, *own, team_, plan_);
  }

 private:
  CpuTarget target_;
  std::shared_ptr<ThreadTeam> team_;
  PlanOptions plan_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace treino::cpu
