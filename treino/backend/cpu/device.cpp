// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/device.h"

#include <fmt/format.h>

#include <cstdlib>

#include "treino/backend/cpu/candidates.h"
#include "treino/backend/cpu/executable.h"
#include "treino/backend/cpu/onednn_bridge.h"
#include "treino/base/error.h"

namespace treino::cpu {

namespace {

class CpuTarget : public Target {
 public:
  int bytes(DType dtype) const override { return host_bytes(dtype); }
  bool fuses_elementwise() const override { return true; }
  // x of a batch norm: its kernels read an element and write it. Under pooling they do so where
  // windows tile the image.
  bool overwrites(const Node& heavy, std::size_t input) const override {
    if (heavy.op == Op::batch_norm_grad) return input <= 1;
    if (heavy.op != Op::batch_norm_pool_grad || input != 1) return false;
    return std::get<NormPoolAttributes>(heavy.attributes).window.tiles_input();
  }
  bool fuses_bias(const Node& heavy) const override { return heavy.outputs[0].dtype == DType::f32; }
  bool fuses_activation(const Node& heavy, Op activation) const override {
    return activation == Op::relu && heavy.outputs[0].dtype == DType::f32;
  }
  bool fuses_pool_affine(const Node& pool) const override {
    return pool.outputs[0].dtype == DType::f32;
  }
  bool pools_as_it_convolves(const Node& convolution, const Node& pool) const override {
    return pool.outputs[0].dtype == DType::f32 &&
           std::get<WindowAttributes>(convolution.attributes).input[3] < kNarrowChannels;
  }
  bool fuses_norm_pool(const Node& pool) const override {
    return pool.outputs[0].dtype == DType::f32;
  }
};

// TREINO_CONVOLUTION=direct, winograd or onednn overrules the table; for measurements and tests.
Convolutions convolutions_wanted(const PlanOptions& plan, bool exact) {
  const char* text = std::getenv("TREINO_CONVOLUTION");
  const std::string_view wanted = text == nullptr ? "" : text;
  if (wanted.empty()) return exact ? Convolutions::direct : Convolutions::by_table;
  const Convolutions named = convolutions_named(wanted);
  if (named == Convolutions::by_table || (named == Convolutions::onednn && !plan.onednn)) {
    throw Error::mistake(
        "TREINO_CONVOLUTION=" + std::string(wanted) +
        " is not \"direct\", \"winograd\" or \"onednn\", or there is no oneDNN here");
  }
  if (exact && named != Convolutions::direct)
    throw Error::mistake("--exact contradicts TREINO_CONVOLUTION=" + std::string(wanted) +
                         "; leave one of them out");
  return named;
}

const Kernels& kernels_named(std::string_view name) {
  std::string names;
  for (const Kernels* set : available_kernels()) {
    if (set->name == name) return *set;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", set->name);
  }
  throw Error::mistake(fmt::format(
      "its kernels were made for the instruction set \"{}\", which this machine does not have (it "
      "has {}); go on on a machine that has it, or train anew",
      name, names));
}

class CpuDevice : public Device {
 public:
  explicit CpuDevice(const CpuOptions& options)
      : team_(std::make_shared<ThreadTeam>(options.threads > 0 ? options.threads : usable_threads(),
                                           onednn::prepare_worker)) {
    plan_.kernels = &choose_kernels();
    plan_.onednn = options.onednn && onednn::available();
    plan_.convolutions = convolutions_wanted(plan_, options.exact);
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
    return std::make_unique<CpuExecutable>(program, *own, team_, plan_, workspace_);
  }

  std::string instruction_set() const override { return std::string(plan_.kernels->name); }
  // 3: Winograd's tiles of up to 5x5, Adam's reciprocal; 4: larger blocks of Winograd's kernel
  // gradient, AVX2's reciprocal by one step of Newton's; 5: Winograd of few channels; 6: fewer
  // copies of products that are cut along their inner extent; 7: decay by itself, elu's slope at 0,
  // standard numbers of tables, gamma 0 under pooling.
  int arithmetic_revision() const override { return 7; }

  std::vector<std::string> candidates(const Step& step) const override {
    return candidates_of(step, plan_);
  }
  std::vector<double> time_candidates(const Step& step, std::span<const std::string> kernels,
                                      double seconds) override {
    return cpu::time_candidates(step, kernels, seconds, plan_, team_);
  }

  void use(const KernelChoices& choices) override {
    PlanOptions plan = plan_;
    if (!choices.instruction_set.empty() && choices.instruction_set != plan.kernels->name) {
      const char* wanted = std::getenv("TREINO_ISA");
      plan.kernels = &kernels_named(choices.instruction_set);
      if (wanted != nullptr && *wanted != '\0') {
        throw Error::mistake(
            fmt::format("its kernels were made for the instruction set \"{}\" and TREINO_ISA is "
                        "\"{}\"; leave the variable out, or train anew",
                        choices.instruction_set, wanted));
      }
    }
    if (choices.revision != 0 && choices.revision != arithmetic_revision()) {
      throw Error::mistake(fmt::format(
          "its kernels added in another order (revision {} of the arithmetic, this "
          "version of Treino has {}); go on with the version that made it, or train anew",
          choices.revision, arithmetic_revision()));
    }
    for (const KernelChoice& choice : choices.ops) {
      if (choice.kernel == "product") continue;
      const Convolutions named = convolutions_named(choice.kernel);
      if (named == Convolutions::by_table) {
        throw Error::mistake(
            fmt::format("its {} was served by a kernel \"{}\", which this version of Treino does "
                        "not have; go on with the version that has it, or train anew",
                        choice.op, choice.kernel));
      }
      if (named == Convolutions::onednn && !plan.onednn) {
        throw Error::mistake(
            fmt::format("its {} was served by oneDNN, which this build does not have; build Treino "
                        "where libdnnl-dev is installed (-DTREINO_ONEDNN=ON), or train anew",
                        choice.op));
      }
      if (plan.convolutions != Convolutions::by_table && plan.convolutions != named) {
        throw Error::mistake(fmt::format(
            "its {} was served by the kernel \"{}\"; {} would change the mathematics: "
            "leave it out, or train anew",
            choice.op, choice.kernel,
            std::getenv("TREINO_CONVOLUTION") != nullptr ? "TREINO_CONVOLUTION" : "--exact"));
      }
      plan.chosen[choice_key(choice.op, choice.shape)] = named;
    }
    plan_ = std::move(plan);
  }

 private:
  CpuTarget target_;
  std::shared_ptr<ThreadTeam> team_;
  std::shared_ptr<Workspace> workspace_ = std::make_shared<Workspace>();
  PlanOptions plan_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace treino::cpu
