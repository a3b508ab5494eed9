// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "treino/nn/summary.h"

namespace treino::nn {

namespace {

// Draws layers in a row and collects the sub-lists of residual ones.
class Drawer {
 public:
  std::string text;

  // Adds a box and returns its number.
  int box(const std::string& label, const char* style = "") {
    text += fmt::format("  n{} [label=\"{}\"{}];\n", count_, label, style);
    return count_++;
  }
  void arrow(int from, int to) { text += fmt::format("  n{} -> n{};\n", from, to); }

  // Layers one after the other from box `from`; returns the last box and sets the last shape.
  int chain(const std::vector<Layer>& layers, int from, Shape& shape) {
    for (const Layer& layer : layers) {
      const Shape output = layer.output(shape);
      Branches branches;
      layer.visit(branches);
      if (branches.lists.empty()) {
        const int node = box(fmt::format("{}\\n{}", layer.name(), to_string(output)));
        arrow(from, node);
        from = node;
      } else {
        const int join =
            box(fmt::format("{} +\\n{}", layer.name(), to_string(output)), ", style=rounded");
        for (const std::vector<Layer>& branch : branches.lists) {
          Shape inside = shape;
          arrow(chain(branch, from, inside), join);
        }
        from = join;
      }
      shape = output;
    }
    return from;
  }

 private:
  struct Branches final : FieldVisitor {
    void value(std::string_view, FieldRef&, const Limits&) override {}
    void group(std::string_view, FieldGroup&) override {}
    void one_of(std::string_view, FieldUnion&) override {}
    void list(std::string_view, FieldList&) override {}
    void layers(std::string_view, std::vector<Layer>& list) override { lists.push_back(list); }
    std::vector<std::vector<Layer>> lists;
  };
  int count_ = 0;
};

}  // namespace

std::string to_dot(const Model& model) {
  Drawer drawer;
  drawer.text = "digraph model {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  const int first =
      drawer.box("input\\n" + to_string(model.input()), ", style=filled, fillcolor=lightgrey");
  Shape shape = model.input();
  drawer.chain(model.layers(), first, shape);
  return drawer.text + "}\n";
}

}  // namespace treino::nn
