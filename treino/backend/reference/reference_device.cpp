// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/reference/reference_device.h"

#include <cstring>

#include "treino/backend/reference/kernels.h"
#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/runtime/bind.h"

namespace treino::reference {

namespace {

int device_bytes(DType dtype) {
  return is_float(dtype) ? 8 : host_bytes(dtype);
}

class ReferenceTarget final : public Target {
 public:
  int bytes(DType dtype) const override { return device_bytes(dtype); }
};

double host_get(const HostTensor& tensor, std::int64_t i) {
  const auto k = static_cast<std::size_t>(i);
  switch (tensor.dtype) {
    case DType::f32:
      return tensor.as<float>()[k];
    case DType::f64:
      return tensor.as<double>()[k];
    case DType::u8:
      return tensor.as<std::uint8_t>()[k];
    case DType::i32:
      return tensor.as<std::int32_t>()[k];
    case DType::i64:
      return static_cast<double>(tensor.as<std::int64_t>()[k]);
  }
  return 0;
}

void host_set(HostTensor& tensor, std::int64_t i, double value) {
  const auto k = static_cast<std::size_t>(i);
  switch (tensor.dtype) {
    case DType::f32:
      tensor.as<float>()[k] = static_cast<float>(value);
      break;
    case DType::f64:
      tensor.as<double>()[k] = value;
      break;
    case DType::u8:
      tensor.as<std::uint8_t>()[k] = static_cast<std::uint8_t>(value);
      break;
    case DType::i32:
      tensor.as<std::int32_t>()[k] = static_cast<std::int32_t>(value);
      break;
    case DType::i64:
      tensor.as<std::int64_t>()[k] = static_cast<std::int64_t>(value);
      break;
  }
}

class ReferenceStore final : public Store {
 public:
  explicit ReferenceStore(std::span<const Variable> variables)
      : variables_(variables.begin(), variables.end()),
        memory_(variables_.size()),
        bound_(variables_.size()) {}

  const std::vector<Variable>& variables() const override { return variables_; }

  void write(int variable, const HostTensor& value) override {
    check_write(variables_[index(variable)], value);
    bound_[index(variable)].reset();
    const View view = this->view(variable);
    if (value.dtype == DType::i64 && view.type.dtype == DType::i64) {  // a double would round it
      std::memcpy(view.data, value.bytes.data(), value.bytes.size());
      return;
    }
    for (std::int64_t i = 0; i < view.size(); ++i) view.set(i, host_get(value, i));
  }

  void bind(int variable, std::shared_ptr<const HostTensor> value) override {
    const Variable& target = variables_[index(variable)];
    if (is_float(target.type.dtype) || value->dtype != target.type.dtype)
      return write(variable, *value);
    check_write(target, *value);
    memory_[index(variable)].clear();
    bound_[index(variable)] = std::move(value);
  }

  HostTensor read(int variable, DType dtype) const override {
    const View view = this->view(variable);
    HostTensor result(dtype, view.shape());
    if (dtype == DType::i64 && view.type.dtype == DType::i64) {
      std::memcpy(result.bytes.data(), view.data, result.bytes.size());
      return result;
    }
    for (std::int64_t i = 0; i < view.size(); ++i) host_set(result, i, view.get(i));
    return result;
  }

  DType exact_dtype(int variable) const override {
    const DType dtype = variables_[index(variable)].type.dtype;
    return is_float(dtype) ? DType::f64 : dtype;
  }

  View view(int variable) const {
    const TensorType& type = variables_[index(variable)].type;
    if (const auto& bound = bound_[index(variable)]) {
      return {type, const_cast<std::byte*>(bound->bytes.data())};
    }
    auto& memory = memory_[index(variable)];
    const auto bytes = static_cast<std::size_t>(type.shape.elements() * device_bytes(type.dtype));
    if (memory.empty()) memory.resize(bytes);
    return {type, memory.data()};
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  std::vector<Variable> variables_;
  mutable std::vector<std::vector<std::byte>> memory_;  // made at the first touch
  std::vector<std::shared_ptr<const HostTensor>> bound_;
};

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(const Program& program, ReferenceStore& store)
      : program_(program),
        places_(bind_variables(program, store)),
        store_(store),
        arena_(static_cast<std::size_t>(program.arena_bytes)) {}

  void run(std::int64_t steps) override {
    for (std::int64_t i = 0; i < steps; ++i) {
      for (const Step& step : program_.steps) execute(step);
    }
  }

  StepTimes profile(std::int64_t steps) override {
    StepTimes times{steps, std::vector<double>(program_.steps.size(), 0)};
    for (std::int64_t i = 0; i < steps; ++i) {
      for (std::size_t k = 0; k < program_.steps.size(); ++k) {
        const double start = monotonic_seconds();
        execute(program_.steps[k]);
        times.seconds[k] += monotonic_seconds() - start;
      }
    }
    return times;
  }

  std::vector<std::string> choices() const override {
    return std::vector<std::string>(program_.steps.size(), "reference");
  }

 private:
  View view(const Tensor& tensor) {
    if (tensor.space == Space::arena) return {tensor.type, arena_.data() + tensor.offset};
    const View whole = store_.view(places_[static_cast<std::size_t>(tensor.variable)]);
    return {tensor.type, whole.data};
  }

  void execute(const Step& step) {
    Call call{step, {}, {}};
    for (const Tensor& tensor : step.inputs) call.in.push_back(view(tensor));
    for (const Tensor& tensor : step.outputs) call.out.push_back(view(tensor));
    kernel_of(step.op)(call);
  }

  Program program_;
  std::vector<int> places_;
  ReferenceStore& store_;
  std::vector<std::byte> arena_;
};

class ReferenceDevice final : public Device {
 public:
  std::string_view name() const override { return "reference"; }
  const Target& target() const override { return target_; }
  std::unique_ptr<Store> make_store(std::span<const Variable> variables) override {
    return std::make_unique<ReferenceStore>(variables);
  }
  std::unique_ptr<Executable> load(const Program& program, Store& store) override {
    return std::make_unique<ReferenceExecutable>(program, dynamic_cast<ReferenceStore&>(store));
  }

 private:
  ReferenceTarget target_;
};

}  // namespace

std::unique_ptr<Device> make_device() {
  return std::make_unique<ReferenceDevice>();
}

}  // namespace treino::reference
