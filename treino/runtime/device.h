// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "treino/base/host_tensor.h"
#include "treino/runtime/kernel_choice.h"
#include "treino/runtime/program.h"
#include "treino/runtime/target.h"

namespace treino {

// The variables of a training on a device: parameters, statistics, optimiser state, counters,
// tables. Several programs (training, its last partial batch, evaluation) run over one store.
class Store {
 public:
  virtual ~Store() = default;

  virtual const std::vector<Variable>& variables() const = 0;
  // Index of a variable; throws Error::mistake naming it when there is none.
  int find(std::string_view name) const;

  // Copies host data in; shapes must be equal, f32/f64 and integer types are converted to the
  // device's own representation. New stores are all zero.
  virtual void write(int variable, const HostTensor& value) = 0;
  // Gives the store a tensor to read (Role::data only). A device on the host's memory uses it where
  // it is, without a copy; others copy. The caller keeps the contents unchanged while programs run.
  virtual void bind(int variable, std::shared_ptr<const HostTensor> value) {
    write(variable, *value);
  }
  // Copies out as `dtype` (f64 to see the reference device's full precision).
  virtual HostTensor read(int variable, DType dtype) const = 0;
  HostTensor read(int variable) const {
    return read(variable, variables()[static_cast<std::size_t>(variable)].type.dtype);
  }

  // The host type that loses nothing of a variable: f64 for f32 on a device that holds it as
  // double.
  virtual DType exact_dtype(int variable) const {
    return variables()[static_cast<std::size_t>(variable)].type.dtype;
  }

  void write(std::string_view name, const HostTensor& value) { write(find(name), value); }
  HostTensor read(std::string_view name) const { return read(find(name)); }
};

// A kernel that a device launches for a step of a program.
struct LaunchTime {
  std::string kernel;
  int step = 0;            // of Program::steps
  double seconds = 0;      // by itself, its launch with it
  std::vector<int> after;  // launches that must be done before it starts
};

// How long each step of a program took, summed over `runs`; for profiles.
struct StepTimes {
  std::int64_t runs = 0;
  std::vector<double> seconds;  // one per Program::steps
  // Where steps are launches: these in order, and how long one takes that does nothing.
  std::vector<LaunchTime> launches;
  double empty_launch = 0;
};

// What hardware does at most by its clocks and widths, a second; zeros where that is not known.
struct HardwarePeak {
  std::string name;
  double flops = 0, bandwidth = 0;  // fp32 multiply-adds (two each), bytes of its memory
};

// A program bound to a store and its kernels, ready to run.
class Executable {
 public:
  virtual ~Executable() = default;

  // Runs the program `steps` times in a row and returns when the device has finished. Allocates
  // nothing, but that a device may get ready in its first call of many steps. Whatever changes from
  // step to step (counters, positions, rates) is in variables.
  virtual void run(std::int64_t steps) = 0;

  // As run(), timing each step by itself; slower.
  virtual StepTimes profile(std::int64_t steps) = 0;

  // One line a step about the kernel that serves it ("oneDNN jit:avx512_core", "own avx512"); what
  // a run's record of choices is made from.
  virtual std::vector<std::string> choices() const = 0;

  // The kernels of its heavy ops, each op and shape once; none where a device has no choice.
  virtual std::vector<KernelChoice> heavy_choices() const { return {}; }
};

class Device {
 public:
  virtual ~Device() = default;

  virtual std::string_view name() const = 0;  // "cpu", "reference", "cuda"
  virtual const Target& target() const = 0;
  virtual std::unique_ptr<Store> make_store(std::span<const Variable> variables) = 0;
  // Chooses kernels and allocates the arena. Program variables are found in the store by name; a
  // missing one, or one of another type, is an Error::mistake.
  virtual std::unique_ptr<Executable> load(const Program& program, Store& store) = 0;

  // What its kernels are compiled for ("avx512"); empty where there is no choice.
  virtual std::string instruction_set() const { return {}; }
  virtual HardwarePeak peak() const { return {}; }
  // Most bytes it has taken of a memory of its own, for data, variables and programs; 0: it works
  // in the host's.
  virtual std::int64_t own_memory() const { return 0; }
  // Raised by whoever changes the order of a kernel's sums, and so the bits of a run; from 1.
  virtual int arithmetic_revision() const { return 1; }
  // Kernels that can serve this step where there are several, the one taken by itself first; else
  // none.
  virtual std::vector<std::string> candidates(const Step& step) const {
    (void)step;
    return {};
  }
  // Seconds the step takes at best with each of these candidates, run in turn on random operands
  // for about `seconds` each.
  virtual std::vector<double> time_candidates(const Step& step,
                                              std::span<const std::string> kernels,
                                              double seconds) {
    (void)step, (void)kernels, (void)seconds;
    return {};
  }
  // From now on load() serves these ops with these kernels, others as before. Throws
  // Error::mistake, with reason and remedy, where one cannot run here; load() does where one does
  // not serve its shape.
  virtual void use(const KernelChoices& choices) { (void)choices; }
};

}  // namespace treino
