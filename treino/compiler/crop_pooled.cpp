// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

// Rows (dimension 0) or columns (1) at the end of the pooling's input that lie in no window.
std::int64_t left_over(const WindowAttributes& pool, int dimension) {
  const auto d = static_cast<std::size_t>(dimension);
  const std::int64_t last = (pool.output_extent(dimension) - 1) * pool.stride[d] +
                            (pool.size[d] - 1) * pool.dilation[d] - pool.pad_before[d];
  return std::max<std::int64_t>(pool.input[dimension + 1] - 1 - last, 0);
}

// Copies convolution and pooling, which alone reads it, without what is left over.
class Cropper {
 public:
  Cropper(const Graph& from, Graph& to)
      : from_(from),
        to_(to),
        live_(live_nodes(from)),
        uses_(use_counts(from, live_)),
        rewriter_(from, to) {
    find();
  }

  void run() {
    for (int i = 0; i < static_cast<int>(from_.nodes().size()); ++i) {
      if (!live_[static_cast<std::size_t>(i)]) continue;
      const Node& node = from_.node(i);
      const int pool = pool_of_[static_cast<std::size_t>(i)];
      if (pool >= 0) {
        add(i, cropped_convolution(node, window_of(pool)));
      } else if (is_pool(node) && pool_of_[static_cast<std::size_t>(node.inputs[0].node)] == i) {
        WindowAttributes window = window_of(i);
        for (int d = 0; d < 2; ++d) window.input[d + 1] -= left_over(window_of(i), d);
        add(i, window);
      } else {
        rewriter_.copy(i);
      }
    }
  }

 private:
  static bool is_pool(const Node& node) {
    return node.op == Op::max_pool || node.op == Op::avg_pool;
  }

  const WindowAttributes& window_of(int node) const {
    return std::get<WindowAttributes>(from_.node(node).attributes);
  }

  // Of each convolution the pooling that does not read all of it, else -1.
  void find() {
    pool_of_.assign(from_.nodes().size(), -1);
    for (int i = 0; i < static_cast<int>(from_.nodes().size()); ++i) {
      if (!live_[static_cast<std::size_t>(i)] || !is_pool(from_.node(i))) continue;
      const auto source = static_cast<std::size_t>(from_.node(i).inputs[0].node);
      if (from_.node(static_cast<int>(source)).op != Op::conv2d || uses_[source] != 1) continue;
      if (left_over(window_of(i), 0) + left_over(window_of(i), 1) > 0) pool_of_[source] = i;
    }
  }

  static WindowAttributes cropped_convolution(const Node& node, const WindowAttributes& pool) {
    auto window = std::get<WindowAttributes>(node.attributes);
    for (std::size_t d = 0; d < 2; ++d)
      window.pad_after[d] -= left_over(pool, static_cast<int>(d)) * window.stride[d];
    return window;
  }

  void add(int index, const WindowAttributes& window) {
    const Node& node = from_.node(index);
    to_.set_scope(node.scope);
    rewriter_.set(index, to_.add(node.op, rewriter_.map(node.inputs), window));
  }

  const Graph& from_;
  Graph& to_;
  std::vector<bool> live_;
  std::vector<int> uses_, pool_of_;
  Rewriter rewriter_;
};

}  // namespace

void crop_pooled(const Graph& from, Graph& to, const Target&) {
  Cropper(from, to).run();
}

}  // namespace treino::compiler
