// SPDX-License-Identifier: Apache-2.0
// Random networks: the reference and the CPU device agree on loss, gradients and one step of the
// optimiser from the same state.
//
// A batch is drawn again while
//  - the step stands at a kink: some contest (a number with relu's zero, the two largest of a
//  pooling
//    window ...) is narrower than kMargin of its tensor; or
//  - the step is ill conditioned: changing every weight by about a part in 2^24, as rounding to
//  fp32
//    does, changes a tensor that is compared by more than kMostSensitive, on the reference device
//    itself (norms of nearly constant features do that).
// A network with no other batch among kDraws is left out and counted. The comparison itself knows
// one exception: what cancels in a gradient leaves rounding of the size of its terms. No gradient
// is known better than to kLeastOfLargest of the network's largest, and one that cancels whole (a
// bias before batch norm, a batch norm of one row) must be below kZeroOfLargest of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>

#include "tests/conformance/backends.h"
#include "tests/conformance/kinks.h"
#include "tests/conformance/random_recipe.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/compiler/rewrite.h"
#include "treino/graph/build.h"
#include "treino/nn/layers.h"

namespace treino::conformance {
namespace {

// 200, or what TREINO_NETWORKS says for a longer search.
std::uint64_t networks() {
  const char* wanted = std::getenv("TREINO_NETWORKS");
  return wanted == nullptr ? 200 : std::strtoull(wanted, nullptr, 10);
}
constexpr double kMargin = 5e-5;
constexpr int kDraws = 30;
constexpr double kLeastOfLargest = 3e-6, kZeroOfLargest = 1e-5;
constexpr double kLossTolerance = 1e-5, kTensorTolerance = 1e-4;

using State = std::map<std::string, std::pair<Role, HostTensor>>;

struct Data {
  HostTensor samples, labels, order;
};

double norm(const HostTensor& tensor) {
  double sum = 0;
  for (double x : tensor.as<double>()) sum += x * x;
  return std::sqrt(sum);
}

double distance(const HostTensor& a, const HostTensor& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.as<double>().size(); ++i)
    sum += std::pow(a.as<double>()[i] - b.as<double>()[i], 2);
  return std::sqrt(sum);
}

double largest_gradient(const State& state) {
  double largest = 0;
  for (const auto& [name, entry] : state) {
    if (name.starts_with("gradient.")) largest = std::max(largest, norm(entry.second));
  }
  return largest;
}

// How far a tensor of norm `size` may be from the reference's.
double tolerance(const std::string& name, Role role, double size, double largest) {
  if (name == "metric.loss_sum") return kLossTolerance * size;
  if (role == Role::counter || name.starts_with("metric.")) return 0;
  // Adam's first moment is the gradient itself where beta1 is 0.
  if (!name.starts_with("gradient.") && role != Role::optimizer) return kTensorTolerance * size;
  if (size < 1e-9 * largest) return kZeroOfLargest * largest;
  return std::max(kTensorTolerance * size, kLeastOfLargest * largest);
}

// The same stream of random numbers for the same name, whatever variables there are beside it.
std::uint64_t stream_of(std::string_view name) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

class Network {
 public:
  explicit Network(std::uint64_t seed)
      : seed_(seed),
        training_(random_training(seed)),
        recipe_(training_.recipe),
        model_(training_.sample) {
    // As a recipe file would bring it.
    const std::string text = nn::write_recipe(recipe_);
    recipe_ = nn::parse_recipe(text, "random.toml");
    EXPECT_EQ(nn::write_recipe(recipe_), text);
    model_ = nn::build_model(recipe_, training_.sample, training_.classes);
    geometry_.batch = recipe_.train.batch;
    geometry_.rows = recipe_.train.batch + 3;
    geometry_.sample = training_.sample;
    geometry_.sample_type = training_.sample_type;
    geometry_.classes = training_.classes;
    geometry_.steps_per_epoch = 4;
    data_ = draw(0);
    nn::standardize(recipe_.input, data_.samples);
  }

  const nn::Recipe& recipe() const { return recipe_; }

  void emit(Graph& graph) const {
    nn::emit_train_step(graph, {model_, recipe_.input, recipe_.train}, geometry_);
  }

  // Draws batches until one stands clear of every kink and is well conditioned; false when none is.
  bool find_clear_batch() {
    Graph graph;
    emit(graph);
    const KinkProbes probes(graph);
    const Program program = compiler::compile(graph, reference().target(), {.optimize = false});
    for (int i = 0; i < kDraws; ++i) {
      data_ = draw(static_cast<std::uint64_t>(i));
      const auto store = reference().make_store(program.variables);
      fill(*store);
      reference().load(program, *store)->run(1);
      if (probes.narrowest(*store) > kMargin && is_well_conditioned()) return true;
    }
    return false;
  }

  // Every variable after one step; gradients as "gradient.<parameter>" where they are asked for.
  State step(Device& device, bool with_gradients, bool noisy = false) const {
    Graph emitted, changed;
    emit(emitted);
    if (noisy) add_noise(emitted, changed);
    Graph& graph = noisy ? changed : emitted;
    if (with_gradients) {
      const int nodes = static_cast<int>(graph.nodes().size());
      for (int i = 0; i < nodes; ++i) {
        if (graph.node(i).op != Op::gradient) continue;
        const Value parameter = graph.node(i).inputs[1];
        const int index = std::get<VariableAttributes>(graph.node(parameter.node).attributes).index;
        const std::string name =
            "gradient." + graph.variables()[static_cast<std::size_t>(index)].name;
        graph::assign(graph.variable(name, parameter.type(), Role::metric), {&graph, i, 0});
      }
    }
    const Program program = compiler::compile(graph, device.target(), {.name = "train"});
    const auto store = device.make_store(program.variables);
    fill(*store);
    device.load(program, *store)->run(1);
    State state;
    for (int i = 0; i < static_cast<int>(store->variables().size()); ++i) {
      const Variable& variable = store->variables()[static_cast<std::size_t>(i)];
      if (variable.role != Role::data)
        state[variable.name] = {variable.role, store->read(i, DType::f64)};
    }
    return state;
  }

 private:
  bool is_well_conditioned() const {
    const State plain = step(reference(), true), shaken = step(reference(), true, true);
    const double largest = largest_gradient(plain);
    return std::all_of(plain.begin(), plain.end(), [&](const auto& item) {
      const auto& [name, entry] = item;
      return distance(entry.second, shaken.at(name).second) <=
             0.2 * tolerance(name, entry.first, norm(entry.second), largest);
    });
  }

  // A copy in which every tensor between the batch and the loss is multiplied by numbers next to 1,
  // variables "noise.<n>" that fill() sets; its gradient is multiplied with it.
  static void add_noise(const Graph& from, Graph& to) {
    compiler::Rewriter rewriter(from, to);
    for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
      rewriter.copy(i);
      const Node& node = from.node(i);
      const OpKind kind = info(node.op).kind;
      if (node.scope.starts_with("optimizer") || node.outputs.empty() ||
          (kind != OpKind::elementwise && kind != OpKind::heavy && kind != OpKind::reduction) ||
          node.outputs[0].dtype != DType::f32 || node.outputs[0].shape.rank() == 0) {
        continue;
      }
      const Value noise = to.variable("noise." + std::to_string(i), node.outputs[0], Role::metric);
      rewriter.set(i, graph::operator*(rewriter.map({nullptr, i, 0}), noise));
    }
  }

  Data draw(std::uint64_t attempt) const {
    Rng rng(1000 + seed_, attempt);
    Shape shape{geometry_.rows};
    for (std::int64_t extent : geometry_.sample) shape.append(extent);
    Data data{HostTensor(geometry_.sample_type, shape),
              HostTensor(DType::i32, Shape{geometry_.rows}),
              HostTensor(DType::i32, Shape{geometry_.rows})};
    for (auto& x : data.samples.as<std::uint8_t>()) x = static_cast<std::uint8_t>(rng.below(256));
    if (geometry_.sample_type == DType::i32)  // tokens; some stand outside the vocabulary
      for (auto& x : data.samples.as<std::int32_t>()) x = static_cast<std::int32_t>(rng.below(260));
    if (geometry_.sample_type == DType::f32)
      for (float& x : data.samples.as<float>()) x = static_cast<float>(rng.normal());
    for (auto& label : data.labels.as<std::int32_t>())
      label = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(geometry_.classes)));
    const auto order = data.order.as<std::int32_t>();
    std::iota(order.begin(), order.end(), 0);
    std::reverse(order.begin(), order.end());
    return data;
  }

  // A state as in the middle of a training: weights moved from where they started, moments that fit
  // together (no second moment smaller than a first one's square).
  void fill(Store& store) const {
    std::map<std::string, HostTensor> initial;
    for (auto& [name, tensor] :
         nn::initial_state({model_, recipe_.input, recipe_.train}, geometry_))
      initial[name] = tensor;
    for (int i = 0; i < static_cast<int>(store.variables().size()); ++i) {
      const Variable& variable = store.variables()[static_cast<std::size_t>(i)];
      Rng rng(2000 + seed_, stream_of(variable.name));
      const auto known = initial.find(variable.name);
      HostTensor value =
          known != initial.end() ? known->second : HostTensor(DType::f32, variable.type.shape);
      if (variable.role == Role::parameter) {
        for (float& x : value.as<float>()) x += static_cast<float>(0.1 * rng.normal());
      } else if (variable.role == Role::statistic) {
        for (float& x : value.as<float>()) x += static_cast<float>(0.3 * rng.uniform());
      } else if (variable.role == Role::optimizer) {
        const bool is_square = variable.name.find(".v.") != std::string::npos ||
                               variable.name.find(".velocity.") != std::string::npos ||
                               variable.name.find(".accumulator.") != std::string::npos;
        for (float& x : value.as<float>())
          x = static_cast<float>(is_square ? 0.02 + 0.02 * rng.uniform() : 0.03 * rng.normal());
      } else if (variable.name.starts_with("noise.")) {
        value = HostTensor(DType::f64, variable.type.shape);
        for (double& x : value.as<double>()) x = 1 + 0x1p-23 * (2 * rng.uniform() - 1);
      } else if (variable.name == "counter.step") {
        value = HostTensor::scalar<std::int64_t>(DType::i64, static_cast<std::int64_t>(seed_ % 12));
      } else if (variable.name == "counter.position") {
        value = HostTensor::scalar<std::int64_t>(
            DType::i64, static_cast<std::int64_t>(seed_ % 1000 * 12345678901));
      } else if (known == initial.end()) {
        continue;
      }
      store.write(i, value);
    }
    store.write("data.samples", data_.samples);
    store.write("data.labels", data_.labels);
    store.write("data.order", data_.order);
  }

  std::uint64_t seed_;
  RandomTraining training_;
  nn::Recipe recipe_;
  nn::Model model_;
  nn::BatchGeometry geometry_;
  Data data_;
};

// Compares one network on one backend; true when it could be.
bool compare(std::uint64_t seed) {
  Network network(seed);
  if (!network.find_clear_batch()) return false;
  const Backend& backend = all_backends()[seed % all_backends().size()];
  const auto expected = network.step(reference(), true);
  const double largest = largest_gradient(expected);
  for (const bool with_gradients :
       {true, false}) {  // what is read by more than the optimiser is fused otherwise
    const auto got = network.step(*backend.device, with_gradients);
    for (const auto& [name, entry] : got) {
      const HostTensor& truth = expected.at(name).second;
      const double error = distance(entry.second, truth), size = norm(truth);
      EXPECT_LE(error, tolerance(name, entry.first, size, largest))
          << "seed " << seed << ", " << backend.name << ", " << name << " of norm " << size
          << " (largest gradient " << largest << ")";
    }
  }
  return true;
}

// In parts, so that they run side by side.
class RandomNetworks : public testing::TestWithParam<std::uint64_t> {};
constexpr std::uint64_t kParts = 8;

TEST_P(RandomNetworks, StepAlikeOnReferenceAndCpu) {
  const std::uint64_t each = networks() / kParts;
  std::uint64_t compared = 0, left_out = 0;
  for (std::uint64_t seed = GetParam() * 1'000'000; compared < each; ++seed) {
    if (compare(seed))
      ++compared;
    else
      ++left_out;
    ASSERT_LE(left_out, each / 2) << "too many networks have no batch clear of every kink";
  }
  RecordProperty("left_out", static_cast<int>(left_out));
}

INSTANTIATE_TEST_SUITE_P(Parts, RandomNetworks, testing::Range<std::uint64_t>(0, kParts));

// Every word of the recipe's parts in the networks compared.
TEST(RandomRecipes, HoldEveryLayerLossOptimizerAndSchedule) {
  std::string all;
  for (std::uint64_t part = 0; part < kParts; ++part) {
    for (std::uint64_t i = 0; i < networks() / kParts; ++i)
      all += nn::write_recipe(random_training(part * 1'000'000 + i).recipe);
  }
  const auto expect = [&](std::string_view word, const std::string& before,
                          const std::string& after) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = all.find(before + std::string(word) + after, at)) != all.npos;
         ++at)
      ++found;
    EXPECT_GE(found, 3U) << word;
  };
  for (std::string_view layer : nn::layer_names()) expect(layer, "", " = {");
  nn::TrainOptions train;
  for (std::string_view loss : nn::names_of(train.loss)) expect(loss, "loss = \"", "\"");
  for (std::string_view function : nn::names_of(nn::Activation{})) expect(function, "\"", "\"");
  for (std::string_view optimizer : nn::union_of(train.optimizer).names())
    expect(optimizer, "optimizer = { ", " = {");
  for (std::string_view schedule : nn::union_of(train.schedule).names())
    expect(schedule, "schedule = { ", " = {");
}

}  // namespace
}  // namespace treino::conformance
