// SPDX-License-Identifier: Apache-2.0
// Translates a fused group into the register machine of fused.h.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "treino/backend/cpu/fused.h"
#include "treino/base/error.h"
#include "treino/runtime/parts.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cpu {

namespace {

constexpr Index kUsualBlock = 512;  // elements: a register is 2 KiB of floats, a dozen fit L1
constexpr Index kLongestBlock = 2048;

std::size_t index(int i) {
  return static_cast<std::size_t>(i);
}

// Rough nanoseconds an element of a loop.
double weight(Op op) {
  switch (op) {
    case Op::sqrt:
    case Op::rsqrt:
    case Op::reciprocal:
    case Op::div:
      return 0.2;
    case Op::exp:
    case Op::expm1:
    case Op::log:
    case Op::sigmoid:
    case Op::tanh:
      return 0.6;
    case Op::log1p:
    case Op::erf:
    case Op::softplus:
      return 1.2;
    case Op::pow:
    case Op::cos:
      return 8;
    default:
      return 0.05;
  }
}

class Translator {
 public:
  Translator(Planner& planner, const Step& step, const FusedAttributes& group)
      : planner_(planner), step_(step), group_(group), state_(planner.state<FusedState>()) {}

  void run() {
    find_uses();
    state_.elements = group_.shape.elements();
    place_inputs();
    choose_block();
    for (int i = 0; i < count(); ++i) translate(i);
    finish();
  }

 private:
  struct Place {
    int slot = -1;
    bool scalar = false;
    int splat = -1;      // register holding the scalar repeated
    int register_ = -1;  // number of the register, to give back
    DType dtype = DType::f32;
  };

  int count() const { return static_cast<int>(group_.instructions.size()); }
  const FusedInstruction& instruction(int i) const { return group_.instructions[index(i)]; }
  static int arity(Op op) { return info(op).least_inputs; }

  int new_slot() {
    if (slots_ >= kMostSlots)
      throw Error::mistake("a fused group of " + step_.scope + " is too large for the cpu device");
    return slots_++;
  }

  void find_uses() {
    uses_.assign(index(count()), 0);
    last_use_.assign(index(count()), -1);
    input_last_.assign(step_.inputs.size(), -1);
    is_output_.assign(index(count()), false);
    for (int i = 0; i < count(); ++i) {
      for (int k = 0; k < arity(instruction(i).op); ++k) {
        const int operand = instruction(i).operands[index(k)];
        if (operand >= 0)
          ++uses_[index(operand)], last_use_[index(operand)] = i;
        else
          input_last_[index(~operand)] = i;
      }
    }
    for (int output : group_.outputs) is_output_[index(output)] = true;
    // A product read once, by a sum, is computed with the sum.
    folded_.assign(index(count()), false);
    for (int i = 0; i < count(); ++i) {
      const FusedInstruction& sum = instruction(i);
      if (sum.op != Op::add || sum.dtype != DType::f32 || state_elements() == 1) continue;
      for (int side = 0; side < 2; ++side) {
        const int product = sum.operands[index(side)], other = sum.operands[index(1 - side)];
        if (product < 0 || product == other || instruction(product).op != Op::mul ||
            uses_[index(product)] != 1 || is_output_[index(product)] || uniform(product) ||
            uniform(other)) {
          continue;
        }
        fold(product, i);
        break;
      }
    }
    // So are bytes that become floats to be scaled.
    for (int i = 0; i < count(); ++i) {
      if (folded_[index(i)]) continue;
      if (const int bytes = scaled_bytes(i); bytes >= 0) fold(bytes, i);
    }
  }

  // An instruction that is computed with a later one: its operands live until then.
  void fold(int inner, int into) {
    folded_[index(inner)] = true;
    for (int k = 0; k < arity(instruction(inner).op); ++k) {
      const int operand = instruction(inner).operands[index(k)];
      int& last = operand >= 0 ? last_use_[index(operand)] : input_last_[index(~operand)];
      last = std::max(last, into);
    }
  }

  // The cast of bytes that product i multiplies by a scalar and nothing else reads, or -1.
  int scaled_bytes(int i) const {
    const FusedInstruction& product = instruction(i);
    if (product.op != Op::mul || product.dtype != DType::f32 || state_elements() == 1) return -1;
    for (int side = 0; side < 2; ++side) {
      const int cast = product.operands[index(side)];
      if (cast < 0 || instruction(cast).op != Op::cast || uses_[index(cast)] != 1 ||
          is_output_[index(cast)] || uniform(cast) || !uniform(product.operands[index(1 - side)]))
        continue;
      const int bytes = instruction(cast).operands[0];
      const DType from =
          bytes >= 0 ? instruction(bytes).dtype : step_.inputs[index(~bytes)].type.dtype;
      if (from == DType::u8) return cast;
    }
    return -1;
  }

  Index state_elements() const { return group_.shape.elements(); }

  // Whether an operand is one number for the whole group.
  bool uniform(int operand) const {
    if (state_elements() == 1) return false;
    if (operand < 0) return step_.inputs[index(~operand)].type.shape.elements() == 1;
    const FusedInstruction& source = instruction(operand);
    if (source.op == Op::constant) return true;
    if (is_output_[index(operand)]) return false;
    for (int k = 0; k < arity(source.op); ++k) {
      if (!uniform(source.operands[index(k)])) return false;
    }
    return true;
  }

  void place_inputs() {
    inputs_.resize(step_.inputs.size());
    state_.moving.reserve(step_.inputs.size() + step_.outputs.size());  // their addresses are kept
    state_.fixed.reserve(step_.inputs.size());
    state_.loads.reserve(step_.inputs.size());
    for (std::size_t i = 0; i < step_.inputs.size(); ++i) {
      const Tensor& tensor = step_.inputs[i];
      Place& place = inputs_[i];
      place.slot = new_slot();
      place.dtype = tensor.type.dtype;
      const Pattern pattern = broadcast_pattern(tensor.type.shape, group_.shape);
      const int bytes = host_bytes(place.dtype);
      bytes_ += static_cast<double>(bytes_of(tensor));
      if (pattern.contiguous() && tensor.type.shape.elements() == state_.elements) {
        state_.moving.push_back({place.slot, bytes, nullptr});
        planner_.point(state_.moving.back().base, tensor);
      } else if (tensor.type.shape.elements() == 1) {
        place.scalar = true;
        state_.fixed.push_back({place.slot, nullptr});
        planner_.point(state_.fixed.back().base, tensor);
      } else {
        state_.loads.push_back({place.slot, bytes, false, pattern, nullptr});
        planner_.point(state_.loads.back().base, tensor);
        wide_ = wide_ || bytes == 8;
      }
    }
    for (const FusedInstruction& each : group_.instructions)
      wide_ = wide_ || host_bytes(each.dtype) == 8;
  }

  void choose_block() {
    Index block = std::min(kUsualBlock, std::max<Index>(state_.elements, 1));
    for (const Load& load : state_.loads) {
      const Index period = load.pattern.period();
      if (period > 0 && period <= kLongestBlock)
        block = std::max<Index>(1, kUsualBlock / period) * period;
    }
    state_.block = block;
    for (Load& load : state_.loads) {
      const Index period = load.pattern.period();
      load.once = period > 0 && block % period == 0;
      // Loaded registers are not given back: some are filled only once.
      state_.registers.push_back({load.slot, register_offset(registers_++)});
    }
  }

  Index register_bytes() const { return whole_lines(state_.block * (wide_ ? 8 : 4)); }
  Index register_offset(int number) const { return number * register_bytes(); }

  int take_register(Place& place) {
    if (free_.empty()) {
      place.register_ = registers_++;
    } else {
      place.register_ = free_.back();
      free_.pop_back();
    }
    place.slot = new_slot();
    state_.registers.push_back({place.slot, register_offset(place.register_)});
    return place.slot;
  }

  Place& place_of(int operand) {
    return operand >= 0 ? places_[index(operand)] : inputs_[index(~operand)];
  }

  // The slot of an operand as a whole block, repeating a scalar.
  int block_slot(int operand) {
    Place& place = place_of(operand);
    if (!place.scalar) return place.slot;
    if (place.splat < 0) {
      place.splat = new_slot();
      state_.registers.push_back({place.splat, register_offset(registers_++)});
      state_.splats.push_back({place.splat, place.slot, host_bytes(place.dtype)});
    }
    return place.splat;
  }

  void give_back(int operand, int now) {
    if (operand < 0 || last_use_[index(operand)] != now) return;
    Place& place = places_[index(operand)];
    if (place.register_ >= 0) free_.push_back(place.register_), place.register_ = -1;
  }

  // Whether output `k` may be written while the body still runs: no tensor in the same memory is
  // read after instruction i.
  bool writes_at_once(std::size_t k, int i) const {
    const Extent own = Planner::extent_of(step_.outputs[k]);
    for (std::size_t j = 0; j < step_.inputs.size(); ++j) {
      if (overlap(own, Planner::extent_of(step_.inputs[j])) && input_last_[j] > i) return false;
    }
    return true;
  }

  void translate(int i) {
    if (places_.empty()) places_.resize(index(count()));
    const FusedInstruction& op = instruction(i);
    Place& place = places_[index(i)];
    place.dtype = op.dtype;
    if (op.op == Op::constant) {
      make_constant(op, place);
      return;
    }
    if (folded_[index(i)]) return;
    if (uniform(i)) {
      place.scalar = true;
      place.slot = new_slot();
      // Scalars of a slice have registers of their own, few and short-lived.
      state_.registers.push_back({place.slot, register_offset(registers_++)});
      MicroOp micro = micro_op(i);
      micro.out = place.slot;
      state_.once.push_back(micro);
      return;
    }
    MicroOp micro = micro_op(i);
    cost_ += weight(op.op);
    // What is made of elements of another size does not go where they are.
    const bool cast = op.op == Op::cast || (op.op == Op::mul && folded_operand(i) >= 0);
    if (!cast) give_back_operands(i);
    int output = -1;
    for (std::size_t k = 0; k < group_.outputs.size() && output < 0; ++k) {
      if (group_.outputs[k] == i && writes_at_once(k, i)) output = static_cast<int>(k);
    }
    if (output >= 0) {
      place.slot = output_slot(index(output));
      written_.push_back(output);
    } else {
      take_register(place);
    }
    if (cast) give_back_operands(i);
    micro.out = place.slot;
    state_.body.push_back(micro);
  }

  // The operand that is computed with instruction i, or -1.
  int folded_operand(int i) const {
    for (int k = 0; k < arity(instruction(i).op); ++k) {
      const int operand = instruction(i).operands[index(k)];
      if (operand >= 0 && folded_[index(operand)]) return operand;
    }
    return -1;
  }

  void give_back_operands(int i) {
    const FusedInstruction& op = instruction(i);
    for (int k = 0; k < arity(op.op); ++k) {
      const int operand = op.operands[index(k)];
      if (operand >= 0 && folded_[index(operand)]) {
        for (int inner = 0; inner < arity(instruction(operand).op); ++inner)
          give_back(instruction(operand).operands[index(inner)], i);
      } else {
        give_back(operand, i);
      }
    }
  }

  int output_slot(std::size_t k) {
    const int slot = new_slot();
    state_.moving.push_back({slot, host_bytes(step_.outputs[k].type.dtype), nullptr});
    planner_.point(state_.moving.back().base, step_.outputs[k]);
    return slot;
  }

  void make_constant(const FusedInstruction& op, Place& place) {
    if (state_.constant_count == 64)
      throw Error::mistake("a fused group has too many constants for the cpu device");
    const int number = state_.constant_count++;
    place.scalar = true;
    place.slot = state_.constant_slots[number] = new_slot();
    void* to = &state_.constants[number];
    const auto put = [&](auto value) { std::memcpy(to, &value, sizeof value); };
    switch (op.dtype) {
      case DType::f32:
        put(static_cast<float>(op.value));
        break;
      case DType::f64:
        put(op.value);
        break;
      case DType::u8:
        put(static_cast<std::uint8_t>(op.value));
        break;
      case DType::i32:
        put(static_cast<std::int32_t>(op.value));
        break;
      case DType::i64:
        put(static_cast<std::int64_t>(op.value));
        break;
    }
  }

  // The loop of an instruction and its operands' slots.
  MicroOp micro_op(int i) {
    const FusedInstruction& op = instruction(i);
    const bool on_scalars = uniform(i);
    const auto slot_of = [&](int operand) {
      return on_scalars ? place_of(operand).slot : block_slot(operand);
    };
    MicroOp micro;
    const DType dtype = place_of(op.operands[0]).dtype;
    if (op.op == Op::cast) {
      micro.run = planner_.kernels.cast[static_cast<int>(dtype)][static_cast<int>(op.dtype)];
      micro.a = slot_of(op.operands[0]);
      return micro;
    }
    if (const int folded = folded_operand(i); folded >= 0) {
      const int other = op.operands[op.operands[0] == folded ? 1 : 0];
      return op.op == Op::add ? multiply_add(folded, other) : scale_bytes(folded, other);
    }
    micro.run = planner_.kernels.elementwise[static_cast<int>(op.op)][static_cast<int>(dtype)];
    const int operands = arity(op.op);
    if (operands == 2 && dtype == DType::f32 && !on_scalars) {
      const bool first = place_of(op.operands[0]).scalar, second = place_of(op.operands[1]).scalar;
      if (first != second) {
        const ElementwiseFunction* table =
            first ? planner_.kernels.scalar_first : planner_.kernels.scalar_second;
        micro.run = table[static_cast<int>(op.op)];
        micro.a = place_of(op.operands[0]).slot;
        micro.b = place_of(op.operands[1]).slot;
        return micro;
      }
    }
    micro.a = slot_of(op.operands[0]);
    if (operands > 1) micro.b = slot_of(op.operands[1]);
    if (operands > 2) micro.c = slot_of(op.operands[2]);
    return micro;
  }

  MicroOp scale_bytes(int cast, int factor) {
    MicroOp micro;
    micro.run = planner_.kernels.scale_bytes;
    micro.a = block_slot(instruction(cast).operands[0]);
    micro.b = place_of(factor).slot;
    return micro;
  }

  MicroOp multiply_add(int product, int addend) {
    int a = instruction(product).operands[0], b = instruction(product).operands[1];
    if (place_of(a).scalar) std::swap(a, b);
    MicroOp micro;
    const bool scalar = place_of(b).scalar;
    micro.run =
        scalar ? planner_.kernels.multiply_add_scalar_second : planner_.kernels.multiply_add;
    micro.a = block_slot(a);
    micro.b = scalar ? place_of(b).slot : block_slot(b);
    micro.c = block_slot(addend);
    return micro;
  }

  void finish() {
    for (std::size_t k = 0; k < group_.outputs.size(); ++k) {
      if (std::find(written_.begin(), written_.end(), static_cast<int>(k)) != written_.end())
        continue;
      const int bytes = host_bytes(step_.outputs[k].type.dtype);
      const int to = output_slot(k);
      state_.copies.push_back({block_slot(group_.outputs[k]), to, bytes});
    }
    for (const Tensor& output : step_.outputs) {
      bytes_ += static_cast<double>(bytes_of(output));
    }
    planner_.worker_scratch(register_offset(registers_));
    const double nanoseconds =
        static_cast<double>(state_.elements) * cost_ + bytes_ / 32 + 100 + 20.0 * count();
    const Partition partition = partition_rows(nanoseconds);
    planner_.phase(run_fused, &state_, state_.slices, nanoseconds, partition);
  }

  // Slices share the rows of axis 0, or blocks when there are too few rows.
  Partition partition_rows(double nanoseconds) {
    const Shape& shape = group_.shape;
    state_.rows = shape.rank() == 0 ? 1 : std::max<Index>(shape[0], 1);
    state_.row_elements = state_.elements / state_.rows;
    bool whole_periods = true;
    for (const Load& load : state_.loads) {
      whole_periods =
          whole_periods && (!load.once || state_.row_elements % load.pattern.period() == 0);
    }
    if (state_.rows >= kRowSlices && whole_periods) {
      state_.slices = planner_.short_row_slices(state_.rows, nanoseconds);
      Partition partition{state_.rows, 0, (1U << step_.outputs.size()) - 1};
      for (std::size_t i = 0; i < step_.inputs.size() && i < 32; ++i) {
        const Shape& input = step_.inputs[i].type.shape;
        if (input.elements() == state_.elements) partition.inputs |= 1U << i;
      }
      return partition;
    }
    state_.rows = (state_.elements + state_.block - 1) / state_.block;
    state_.row_elements = state_.block;
    state_.slices = slices_for(state_.rows, nanoseconds);
    return {};
  }

  Planner& planner_;
  const Step& step_;
  const FusedAttributes& group_;
  FusedState& state_;
  std::vector<int> uses_, last_use_, input_last_;
  std::vector<bool> is_output_, folded_;
  std::vector<Place> places_, inputs_;
  std::vector<int> free_, written_;
  int slots_ = 0, registers_ = 0;
  bool wide_ = false;
  double cost_ = 0, bytes_ = 0;
};

}  // namespace

void plan_fused(Planner& planner, const Step& step) {
  const auto plan = [&](const Step& one) {
    const auto& group = std::get<FusedAttributes>(one.attributes);
    if (!plan_known_group(planner, one, group)) Translator(planner, one, group).run();
  };
  const std::vector<Step> parts = parts_of(step);
  for (const Step& part : parts) {
    planner.touch(part);
    plan(part);
  }
  if (parts.empty()) plan(step);
}

// One op is a group of one instruction; a broadcast is a copy whose input is walked by its pattern.
void plan_elementwise(Planner& planner, const Step& step) {
  FusedAttributes group;
  group.shape = step.outputs[0].type.shape;
  FusedInstruction instruction;
  instruction.op = step.op == Op::broadcast ? Op::cast : step.op;
  instruction.dtype = step.outputs[0].type.dtype;
  for (std::size_t k = 0; k < step.inputs.size(); ++k)
    instruction.operands[k] = ~static_cast<int>(k);
  group.instructions = {instruction};
  group.outputs = {0};
  Translator(planner, step, group).run();
}

}  // namespace treino::cpu
