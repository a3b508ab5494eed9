// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/device.h"

#include "treino/backend/cuda/executable.h"
#include "treino/base/error.h"

namespace treino::cuda {

namespace {

class CudaTarget : public Target {
 public:
  int bytes(DType dtype) const override { return host_bytes(dtype); }
  std::int64_t alignment() const override { return 256; }
  std::int64_t apart_up_to() const override { return std::int64_t{4} << 20; }
  bool fuses_elementwise() const override { return true; }
  bool fuses_bias(const Node& heavy) const override { return heavy.outputs[0].dtype == DType::f32; }
  bool fuses_activation(const Node& heavy, Op activation) const override {
    return activation == Op::relu && heavy.outputs[0].dtype == DType::f32;
  }
  bool rounds_operands(const Node& product) const override {
    const auto* window = std::get_if<WindowAttributes>(&product.attributes);
    return product.outputs[0].dtype == DType::f32 && (window == nullptr || window->groups == 1);
  }
  bool fuses_norm_pool(const Node& pool) const override {
    return pool.outputs[0].dtype == DType::f32;
  }
};

// Source: CUDA programming guide, "arithmetic instructions": fp32 units of a multiprocessor. Memory
// moves two words a clock.
HardwarePeak peak_of(const DeviceInfo& info) {
  const int units = info.major < 8 || (info.major == 8 && info.minor == 0) ? 64 : 128;
  return {info.name, 2.0 * units * info.multiprocessors * info.clock * 1e3,
          2.0 * info.memory_clock * 1e3 * info.memory_width / 8};
}

class CudaDevice : public Device {
 public:
  explicit CudaDevice(const CudaOptions& options)
      : gpu_(std::make_shared<Gpu>(Driver::load(), options.vram_limit)),
        libraries_(options.exact ? nullptr : std::make_shared<Libraries>(!options.fast)) {}

  std::string_view name() const override { return "cuda"; }
  const Target& target() const override { return target_; }
  HardwarePeak peak() const override { return peak_of(gpu_->driver().devices().front()); }

  std::int64_t own_memory() const override { return gpu_->most_held(); }

  std::unique_ptr<Store> make_store(std::span<const Variable> variables) override {
    return std::make_unique<CudaStore>(gpu_, variables);
  }

  std::unique_ptr<Executable> load(const Program& program, Store& store) override {
    auto* own = dynamic_cast<CudaStore*>(&store);
    if (own == nullptr)
      throw Error::mistake("the store of program " + program.name +
                           " is not one of the cuda device");
    auto workspace = workspace_.lock();
    if (!workspace) workspace_ = workspace = std::make_shared<Workspace>(gpu_);
    return std::make_unique<CudaExecutable>(program, *own, std::move(workspace), gpu_, libraries_);
  }

 private:
  CudaTarget target_;
  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<Libraries> libraries_;
  std::weak_ptr<Workspace> workspace_;  // there while there are programs
};

}  // namespace

std::unique_ptr<Device> make_cuda_device(const CudaOptions& options) {
  return std::make_unique<CudaDevice>(options);
}

}  // namespace treino::cuda
