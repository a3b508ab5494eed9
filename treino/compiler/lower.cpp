// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "treino/compiler/passes.h"
#include "treino/compiler/plan_memory.h"
#include "treino/compiler/rewrite.h"
#include "treino/compiler/schedule.h"

namespace treino::compiler {

namespace {

// Where a value lives before offsets are known: a variable, or a block of the arena.
struct Storage {
  int variable = -1;
  int block = -1;
};

class Lowering {
 public:
  Lowering(const Graph& graph, const Target& target, std::string name)
      : graph_(graph), target_(target), schedule_(schedule(graph)), storage_(graph.nodes().size()) {
    program_.name = std::move(name);
    program_.variables = graph.variables();
  }

  Program run() {
    find_last_reads();
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
      if (graph_.nodes()[i].op != Op::variable) continue;
      storage_[i] = {{std::get<VariableAttributes>(graph_.nodes()[i].attributes).index, -1}};
    }
    for (int position = 0; position < static_cast<int>(schedule_.order.size()); ++position) {
      lower_node(schedule_.order[static_cast<std::size_t>(position)], position);
    }
    for (Block& block : blocks_) {
      if (stays_apart(block.bytes)) block.first = 0, block.last = std::numeric_limits<int>::max();
    }
    const std::vector<std::int64_t> offsets =
        plan_memory(blocks_, program_.arena_bytes, target_.alignment());
    for (Step& step : program_.steps) {
      for (Tensor& tensor : step.inputs) settle(tensor, offsets);
      for (Tensor& tensor : step.outputs) settle(tensor, offsets);
    }
    return std::move(program_);
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  // The value whose storage a view shares.
  Value root(Value value) const {
    while (graph_.node(value.node).op == Op::reshape) value = graph_.node(value.node).inputs[0];
    return value;
  }

  void find_last_reads() {
    for (int position = 0; position < static_cast<int>(schedule_.order.size()); ++position) {
      const int node = schedule_.order[index(position)];
      for (const Value& input : graph_.node(node).inputs) {
        const Value source = root(input);
        last_read_[{source.node, source.output}] = position;
      }
    }
    for (int position = 0; position < static_cast<int>(schedule_.order.size()); ++position) {
      const Node& pool = graph_.node(schedule_.order[index(position)]);
      if (pool.op != Op::max_pool) continue;
      const Node& convolution = graph_.node(pool.inputs[0].node);
      if (convolution.op != Op::conv2d || !target_.pools_as_it_convolves(convolution, pool))
        continue;
      for (const Value& input : convolution.inputs) {
        const Value source = root(input);
        int& last = last_read_[{source.node, source.output}];
        last = std::max(last, position);
      }
    }
  }

  std::int64_t bytes(const TensorType& type) const {
    return type.shape.elements() * target_.bytes(type.dtype);
  }

  bool stays_apart(std::int64_t bytes) const { return bytes <= target_.apart_up_to(); }

  bool every_read_is_in_step(const Node& node, int block, const Shape& shape) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Value& input) {
      const Value source = root(input);
      return storage_[index(source.node)][index(source.output)].block != block ||
             input.shape() == shape;
    });
  }

  // An arena block of an input that this node may write output `k` over: it is the last to read it
  // and of the output's size.
  int reusable_block(const Node& node, int k, int position, const std::vector<int>& taken) {
    const TensorType& type = node.outputs[index(k)];
    if (stays_apart(bytes(type))) return -1;
    const bool elementwise = node.op == Op::fused || info(node.op).kind == OpKind::elementwise;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!elementwise && (k > 0 || !target_.overwrites(node, i))) continue;
      const Value& input = node.inputs[i];
      const Value source = root(input);
      const int block = storage_[index(source.node)][index(source.output)].block;
      const bool dies = last_read_[{source.node, source.output}] == position;
      if (block >= 0 && dies && bytes(input.type()) == bytes(type) &&
          blocks_[index(block)].last == position &&
          every_read_is_in_step(node, block, type.shape) &&
          std::find(taken.begin(), taken.end(), block) == taken.end()) {
        return block;
      }
    }
    return -1;
  }

  Tensor tensor_of(const Value& value) const {
    const Value source = root(value);
    const Storage& storage = storage_[index(source.node)][index(source.output)];
    Tensor tensor;
    tensor.type = value.type();
    tensor.space = storage.variable >= 0 ? Space::variable : Space::arena;
    tensor.variable = storage.variable;
    tensor.offset = storage.block;  // the block's number until settle()
    return tensor;
  }

  static void settle(Tensor& tensor, const std::vector<std::int64_t>& offsets) {
    tensor.offset =
        tensor.space == Space::arena ? offsets[index(static_cast<int>(tensor.offset))] : 0;
  }

  void lower_node(int node_index, int position) {
    const Node& node = graph_.node(node_index);
    if (node.op == Op::reshape) return;
    Step step{node.op, node.attributes, {}, {}, node.scope};
    if (node.op == Op::assign) {
      step.inputs = {tensor_of(node.inputs[1])};
      step.outputs = {tensor_of(node.inputs[0])};
      program_.steps.push_back(std::move(step));
      return;
    }
    for (const Value& input : node.inputs) step.inputs.push_back(tensor_of(input));
    std::vector<int> taken;
    auto& places = storage_[index(node_index)];
    for (int k = 0; k < static_cast<int>(node.outputs.size()); ++k) {
      const TensorType& type = node.outputs[index(k)];
      Storage storage{schedule_.home[index(node_index)][index(k)], -1};
      if (storage.variable < 0) {
        const auto read = last_read_.find({node_index, k});
        const int last = read == last_read_.end() ? position : read->second;
        storage.block = reusable_block(node, k, position, taken);
        if (storage.block >= 0) {
          blocks_[index(storage.block)].last = last;
        } else {
          storage.block = static_cast<int>(blocks_.size());
          blocks_.push_back({bytes(type), position, last});
        }
        taken.push_back(storage.block);
      }
      places.push_back(storage);
      step.outputs.push_back(tensor_of({const_cast<Graph*>(&graph_), node_index, k}));
    }
    program_.steps.push_back(std::move(step));
  }

  const Graph& graph_;
  const Target& target_;
  Schedule schedule_;
  std::vector<std::vector<Storage>> storage_;  // [node][output]
  std::map<std::pair<int, int>, int> last_read_;
  std::vector<Block> blocks_;
  Program program_;
};

}  // namespace

Program lower(const Graph& graph, const Target& target, const std::string& name) {
  return Lowering(graph, target, name).run();
}

}  // namespace treino::compiler
