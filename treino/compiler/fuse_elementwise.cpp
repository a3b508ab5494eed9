// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

constexpr std::size_t kMostInstructions = 64;

// Groups of elementwise nodes of one shape and type. A node joins the group of an input when no way
// leads from the group to the node through a node outside it, which would make a cycle.
class Grouping {
 public:
  Grouping(const Graph& graph, const std::vector<bool>& live)
      : graph_(graph), group_(graph.nodes().size(), -1) {
    for (int i = 0; i < size(); ++i) {
      if (live[static_cast<std::size_t>(i)] && info(graph.node(i).op).kind == OpKind::elementwise)
        place(i);
    }
  }

  int group_of(int node) const { return group_[static_cast<std::size_t>(node)]; }
  const std::vector<std::vector<int>>& members() const { return members_; }

 private:
  int size() const { return static_cast<int>(graph_.nodes().size()); }

  void place(int node) {
    std::vector<int> candidates;
    for (const Value& input : graph_.node(node).inputs) {
      const int group = group_of(input.node);
      if (group >= 0 &&
          std::find(candidates.begin(), candidates.end(), group) == candidates.end() &&
          fits(node, group)) {
        candidates.push_back(group);
      }
    }
    int home = -1;
    for (int group : candidates) {
      if (home < 0) {
        if (!reaches(group, {node}, group)) home = group;
      } else if (members_[index(home)].size() + members_[index(group)].size() <
                     kMostInstructions / 2 &&
                 mergeable(home, group, node)) {
        merge(home, group);
      }
    }
    if (home < 0) {
      home = static_cast<int>(members_.size());
      members_.emplace_back();
    }
    members_[index(home)].push_back(node);
    group_[index(node)] = home;
  }

  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  bool fits(int node, int group) const {
    const auto& members = members_[index(group)];
    return graph_.node(node).outputs[0] == graph_.node(members[0]).outputs[0] &&
           members.size() < kMostInstructions / 2;
  }

  bool mergeable(int a, int b, int node) {
    std::vector<int> all = members_[index(a)];
    all.insert(all.end(), members_[index(b)].begin(), members_[index(b)].end());
    all.push_back(node);
    return !reaches(a, all, b) && !reaches(b, all, a);
  }

  void merge(int home, int other) {
    for (int member : members_[index(other)]) group_[index(member)] = home;
    auto& members = members_[index(home)];
    members.insert(members.end(), members_[index(other)].begin(), members_[index(other)].end());
    std::sort(members.begin(), members.end());
    members_[index(other)].clear();
  }

  // Whether an input of `starts`, other than members of `target` and `also` themselves, depends on
  // a member of `target`. Groups are walked as wholes: what a member needs, its group needs.
  bool reaches(int target, const std::vector<int>& starts, int also) const {
    std::vector<bool> seen(graph_.nodes().size(), false);
    std::vector<int> open;
    const auto visit = [&](int node) {
      if (!seen[index(node)]) seen[index(node)] = true, open.push_back(node);
    };
    const auto inside = [&](int node) {
      return std::find(starts.begin(), starts.end(), node) != starts.end();
    };
    for (int start : starts) {
      for (const Value& input : graph_.node(start).inputs) {
        const int group = group_of(input.node);
        if (!inside(input.node) && group != target && group != also) visit(input.node);
      }
    }
    while (!open.empty()) {
      const int node = open.back();
      open.pop_back();
      const int group = group_of(node);
      if (group == target || (inside(node) && group >= 0)) return true;
      for (const Value& input : graph_.node(node).inputs) visit(input.node);
      if (group >= 0) {
        for (int member : members_[index(group)]) visit(member);
      }
    }
    return false;
  }

  const Graph& graph_;
  std::vector<int> group_;
  std::vector<std::vector<int>> members_;
};

// Builds the fused node of one group in the new graph.
class Emitter {
 public:
  Emitter(const Graph& from, Graph& to, Rewriter& rewriter)
      : from_(from), to_(to), rewriter_(rewriter) {}

  void emit(const std::vector<int>& members, const std::vector<bool>& read_outside) {
    fused_ = {};
    inputs_.clear();
    place_.assign(from_.nodes().size(), -1);
    fused_.shape = from_.node(members[0]).outputs[0].shape;
    for (int member : members) {
      FusedInstruction instruction;
      const Node& node = from_.node(member);
      instruction.op = node.op;
      instruction.dtype = node.outputs[0].dtype;
      for (std::size_t k = 0; k < node.inputs.size(); ++k)
        instruction.operands[k] = operand(node.inputs[k]);
      place_[static_cast<std::size_t>(member)] = push(instruction);
    }
    std::vector<int> owners;
    for (int member : members) {
      if (!read_outside[static_cast<std::size_t>(member)]) continue;
      owners.push_back(member);
      fused_.outputs.push_back(place_[static_cast<std::size_t>(member)]);
    }
    to_.set_scope(from_.node(members.back()).scope);
    const Value node = to_.add(Op::fused, inputs_, fused_);
    for (std::size_t k = 0; k < owners.size(); ++k) {
      rewriter_.set(owners[k], {&to_, node.node, static_cast<int>(k)});
    }
  }

 private:
  int push(const FusedInstruction& instruction) {
    fused_.instructions.push_back(instruction);
    return static_cast<int>(fused_.instructions.size()) - 1;
  }

  // Instruction number, or ~input number, of a value read by the group.
  int operand(const Value& value) {
    const Node& node = from_.node(value.node);
    const int known = place_[static_cast<std::size_t>(value.node)];
    if (known >= 0) return known;
    const Node& filled = node.op == Op::broadcast ? from_.node(node.inputs[0].node) : node;
    if (filled.op == Op::constant) {
      FusedInstruction instruction;
      instruction.op = Op::constant;
      instruction.value = std::get<ConstantAttributes>(filled.attributes).value;
      instruction.dtype = node.outputs[0].dtype;
      return place_[static_cast<std::size_t>(value.node)] = push(instruction);
    }
    const Value source = rewriter_.map(node.op == Op::broadcast ? node.inputs[0] : value);
    const auto it = std::find(inputs_.begin(), inputs_.end(), source);
    if (it != inputs_.end()) return ~static_cast<int>(it - inputs_.begin());
    inputs_.push_back(source);
    return ~static_cast<int>(inputs_.size() - 1);
  }

  const Graph& from_;
  Graph& to_;
  Rewriter& rewriter_;
  FusedAttributes fused_;
  std::vector<Value> inputs_;
  std::vector<int> place_;
};

}  // namespace

void fuse_elementwise(const Graph& from, Graph& to, const Target& target) {
  const std::vector<bool> live = live_nodes(from);
  Rewriter rewriter(from, to);
  if (!target.fuses_elementwise()) {
    for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
      if (live[static_cast<std::size_t>(i)]) rewriter.copy(i);
    }
    return;
  }
  const Grouping grouping(from, live);
  std::vector<bool> read_outside(from.nodes().size(), false);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    for (const Value& input : from.node(i).inputs) {
      const int group = grouping.group_of(input.node);
      if (group >= 0 && group != grouping.group_of(i))
        read_outside[static_cast<std::size_t>(input.node)] = true;
    }
  }

  // Emission in dependency order: a group needs all its outside inputs, whatever their place.
  Emitter emitter(from, to, rewriter);
  std::vector<bool> done(from.nodes().size(), false);
  const auto mark = [&](int node) { done[static_cast<std::size_t>(node)] = true; };
  const auto unit_of = [&](int node) {
    const int group = grouping.group_of(node);
    return group < 0 ? std::vector<int>{node} : grouping.members()[static_cast<std::size_t>(group)];
  };
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)] || done[static_cast<std::size_t>(i)]) continue;
    std::vector<int> stack{i};
    while (!stack.empty()) {
      const std::vector<int> unit = unit_of(stack.back());
      if (done[static_cast<std::size_t>(unit[0])]) {
        stack.pop_back();
        continue;
      }
      const std::size_t before = stack.size();
      for (int member : unit) {
        for (const Value& input : from.node(member).inputs) {
          const bool same = std::find(unit.begin(), unit.end(), input.node) != unit.end();
          if (!same && !done[static_cast<std::size_t>(input.node)]) stack.push_back(input.node);
        }
      }
      if (stack.size() > before) continue;
      if (grouping.group_of(unit[0]) < 0) {
        rewriter.copy(unit[0]);
      } else {
        emitter.emit(unit, read_outside);
      }
      for (int member : unit) mark(member);
      stack.pop_back();
    }
  }
}

}  // namespace treino::compiler
