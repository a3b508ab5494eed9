// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/schedule.h"

#include <algorithm>
#include <queue>

#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

std::size_t index(int i) {
  return static_cast<std::size_t>(i);
}

class Scheduler {
 public:
  explicit Scheduler(const Graph& graph)
      : graph_(graph), live_(live_nodes(graph)), before_(graph.nodes().size()) {
    result_.home.resize(graph.nodes().size());
    for (int i = 0; i < size(); ++i) {
      result_.home[index(i)].assign(graph.node(i).outputs.size(), -1);
      if (!live_[index(i)]) continue;
      for (const Value& input : graph.node(i).inputs) before_[index(i)].push_back(input.node);
    }
  }

  Schedule run() {
    for (int i = 0; i < size(); ++i) {
      if (live_[index(i)] && graph_.node(i).op == Op::assign) place_assign(i);
    }
    sort();
    return std::move(result_);
  }

 private:
  int size() const { return static_cast<int>(graph_.nodes().size()); }

  // Nodes that read the storage of `variable`, through reshapes too.
  std::vector<int> readers(int variable) const {
    std::vector<int> views{variable}, found;
    for (int i = variable + 1; i < size(); ++i) {
      if (!live_[index(i)] || graph_.node(i).op == Op::assign) continue;
      const bool reads = std::any_of(
          graph_.node(i).inputs.begin(), graph_.node(i).inputs.end(), [&](const Value& input) {
            return std::find(views.begin(), views.end(), input.node) != views.end();
          });
      if (!reads) continue;
      if (graph_.node(i).op == Op::reshape) {
        views.push_back(i);
      } else {
        found.push_back(i);
      }
    }
    return found;
  }

  bool depends_on(int node, int target) const {
    std::vector<bool> seen(graph_.nodes().size(), false);
    std::vector<int> open{node};
    while (!open.empty()) {
      const int current = open.back();
      open.pop_back();
      if (current == target) return true;
      for (int earlier : before_[index(current)]) {
        if (!seen[index(earlier)]) seen[index(earlier)] = true, open.push_back(earlier);
      }
    }
    return false;
  }

  // Element i of the output depends on element i of the variable and on no other of it.
  bool reads_in_step(int node, int variable) const {
    const Node& reader = graph_.node(node);
    if (reader.op != Op::fused && info(reader.op).kind != OpKind::elementwise) return false;
    for (const Value& input : reader.inputs) {
      int source = input.node;
      bool viewed = false;
      while (graph_.node(source).op == Op::reshape)
        source = graph_.node(source).inputs[0].node, viewed = true;
      if (source != variable) continue;
      if (viewed || !(input.type() == reader.outputs[0])) return false;
    }
    return true;
  }

  bool can_write_in_place(int assign, const std::vector<int>& readers) const {
    const Value target = graph_.node(assign).inputs[0], value = graph_.node(assign).inputs[1];
    const Node& producer = graph_.node(value.node);
    const OpKind kind = info(producer.op).kind;
    if (kind == OpKind::source || producer.op == Op::reshape) return false;
    if (result_.home[index(value.node)][index(value.output)] >= 0) return false;
    for (int reader : readers) {
      if (reader == value.node) {
        if (!reads_in_step(reader, target.node)) return false;
      } else if (depends_on(reader, value.node)) {
        return false;
      }
    }
    return true;
  }

  void place_assign(int assign) {
    const Value target = graph_.node(assign).inputs[0], value = graph_.node(assign).inputs[1];
    const std::vector<int> all = readers(target.node);
    const bool in_place = can_write_in_place(assign, all);
    const int writer = in_place ? value.node : assign;
    for (int reader : all) {
      if (reader != writer) before_[index(writer)].push_back(reader);
    }
    if (in_place) {
      result_.home[index(value.node)][index(value.output)] =
          std::get<VariableAttributes>(graph_.node(target.node).attributes).index;
      live_[index(assign)] = false;
    }
  }

  // Kahn's algorithm; among the ready nodes the one written first runs first.
  void sort() {
    std::vector<int> waiting(graph_.nodes().size(), 0);
    std::vector<std::vector<int>> after(graph_.nodes().size());
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (int i = 0; i < size(); ++i) {
      if (!live_[index(i)]) continue;
      auto& earlier = before_[index(i)];
      std::sort(earlier.begin(), earlier.end());
      earlier.erase(std::unique(earlier.begin(), earlier.end()), earlier.end());
      waiting[index(i)] = static_cast<int>(earlier.size());
      for (int node : earlier) after[index(node)].push_back(i);
      if (earlier.empty()) ready.push(i);
    }
    while (!ready.empty()) {
      const int node = ready.top();
      ready.pop();
      if (graph_.node(node).op != Op::variable) result_.order.push_back(node);
      for (int next : after[index(node)]) {
        if (--waiting[index(next)] == 0) ready.push(next);
      }
    }
    if (std::any_of(waiting.begin(), waiting.end(), [](int count) { return count > 0; })) {
      throw Error::work(
          "the program's steps wait for each other in a circle: a fault of the compiler");
    }
  }

  const Graph& graph_;
  std::vector<bool> live_;
  std::vector<std::vector<int>> before_;
  Schedule result_;
};

}  // namespace

Schedule schedule(const Graph& graph) {
  return Scheduler(graph).run();
}

}  // namespace treino::compiler
