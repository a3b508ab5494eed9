// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "treino/base/number_text.h"
#include "treino/graph/build.h"

namespace treino::nn {

namespace {

// A multiply-add is two; an element of an elementwise op or of a reduction's input one.
std::int64_t flop_of(const Node& node) {
  const std::int64_t outputs = node.outputs.empty() ? 0 : node.outputs[0].shape.elements();
  switch (node.op) {
    case Op::matmul:
      return 2 * outputs * node.inputs[1].shape()[0];
    case Op::conv2d: {
      const Shape& kernel = node.inputs[1].shape();
      return 2 * outputs * kernel[0] * kernel[1] * kernel[2];
    }
    case Op::max_pool:
    case Op::avg_pool: {
      const auto& window = std::get<WindowAttributes>(node.attributes);
      return outputs * window.size[0] * window.size[1];
    }
    case Op::softmax:
      return 5 * outputs;  // max, subtract, exponential, sum, divide
    default:
      break;
  }
  if (info(node.op).kind == OpKind::elementwise) return outputs;
  if (info(node.op).kind == OpKind::reduction) return node.inputs[0].shape().elements();
  return 0;
}

bool writes_memory(Op op) {
  const OpKind kind = info(op).kind;
  return kind == OpKind::heavy || kind == OpKind::reduction || kind == OpKind::elementwise;
}

}  // namespace

ModelSummary summarize(const Model& model) {
  Graph graph;
  Shape batch{1};
  for (std::int64_t extent : model.input()) batch.append(extent);
  Emit emit(graph, false);
  emit.sequence("", model.layers(), graph::constant(graph, 0, DType::f32, batch));

  ModelSummary summary;
  summary.input = model.input();
  for (const LayerRecord& record : emit.records()) {
    LayerSummary layer{record.name, record.type, record.depth, record.output, 0, 0, 0, 0};
    for (std::size_t i = record.first_variable; i < record.last_variable; ++i) {
      const LayerVariable& variable = emit.variables()[i];
      (variable.role == Role::parameter ? layer.parameters : layer.statistics) +=
          variable.shape.elements();
    }
    bool writes = false;
    for (int i = record.first_node; i < record.last_node; ++i) {
      layer.flop += flop_of(graph.node(i));
      writes = writes || writes_memory(graph.node(i).op);
    }
    // Elementwise chains are fused into one pass, so that a layer writes its output once; a
    // residual layer's figure is the sum of its nested ones and of its own addition.
    if (writes) layer.activation_bytes = record.output.elements() * host_bytes(DType::f32);
    summary.layers.push_back(layer);
  }
  for (std::size_t i = summary.layers.size(); i-- > 0;) {
    LayerSummary& outer = summary.layers[i];
    for (std::size_t k = i + 1; k < summary.layers.size() && summary.layers[k].depth > outer.depth;
         ++k) {
      if (summary.layers[k].depth == outer.depth + 1) {
        outer.activation_bytes += summary.layers[k].activation_bytes;
      }
    }
    if (outer.depth > 0) continue;
    summary.parameters += outer.parameters;
    summary.statistics += outer.statistics;
    summary.flop += outer.flop;
    summary.activation_bytes += outer.activation_bytes;
  }
  return summary;
}

namespace {

std::string bytes_text(std::int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

std::string flop_text(std::int64_t flop) {
  const auto number = static_cast<double>(flop);
  if (flop < 10'000) return fmt::format("{}", flop);
  if (flop < 1'000'000) return fmt::format("{:.1f} k", number / 1e3);
  if (flop < 1'000'000'000) return fmt::format("{:.2f} M", number / 1e6);
  return fmt::format("{:.2f} G", number / 1e9);
}

}  // namespace

std::string to_text(const ModelSummary& summary) {
  using Cells = std::vector<std::string>;
  std::vector<Cells> rows{{"layer", "output", "parameters", "FLOP", "activations"}};
  rows.push_back({"input", to_string(summary.input), "", "", ""});
  for (const LayerSummary& layer : summary.layers) {
    const std::size_t dot =
        layer.depth == 0 ? 0 : layer.name.find_last_of('.', layer.name.find_last_of('.') - 1);
    const std::string name = layer.depth == 0 ? layer.name : layer.name.substr(dot + 1);
    rows.push_back({std::string(static_cast<std::size_t>(2 * layer.depth), ' ') + name,
                    to_string(layer.output), grouped(layer.parameters), flop_text(layer.flop),
                    bytes_text(layer.activation_bytes)});
  }
  rows.push_back({"total", "", grouped(summary.parameters), flop_text(summary.flop),
                  bytes_text(summary.activation_bytes)});
  std::vector<std::size_t> widths(rows[0].size());
  for (const Cells& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string rule;
  for (std::size_t width : widths) {
    if (!rule.empty()) rule += "──";
    for (std::size_t i = 0; i < width; ++i) rule += "─";
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (r == 1 || r + 1 == rows.size()) text += rule + "\n";
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) line += "  ";
      line += i < 2 ? fmt::format("{:<{}}", rows[r][i], widths[i])
                    : fmt::format("{:>{}}", rows[r][i], widths[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  text += fmt::format("\n{} trainable numbers ({})", grouped(summary.parameters),
                      bytes_text(4 * summary.parameters));
  if (summary.statistics > 0) text += fmt::format(", {} statistics", grouped(summary.statistics));
  return text + "; FLOP and activation bytes are those of one sample's inference\n";
}

std::string to_json(const ModelSummary& summary) {
  using Json = nlohmann::ordered_json;
  const auto extents = [](const Shape& shape) {
    return std::vector<std::int64_t>(shape.begin(), shape.end());
  };
  Json layers = Json::array();
  for (const LayerSummary& layer : summary.layers) {
    layers.push_back(Json{{"name", layer.name},
                          {"type", layer.type},
                          {"depth", layer.depth},
                          {"output", extents(layer.output)},
                          {"parameters", layer.parameters},
                          {"statistics", layer.statistics},
                          {"flop", layer.flop},
                          {"activation_bytes", layer.activation_bytes}});
  }
  return Json{{"input", extents(summary.input)},
              {"parameters", summary.parameters},
              {"parameter_bytes", 4 * summary.parameters},
              {"statistics", summary.statistics},
              {"flop", summary.flop},
              {"activation_bytes", summary.activation_bytes},
              {"layers", layers}}
      .dump(2);
}

}  // namespace treino::nn
