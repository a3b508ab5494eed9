// SPDX-License-Identifier: Apache-2.0
#include "treino/train/profile.h"

#include <chrono>
#include <memory>
#include <numeric>

#include "treino/base/error.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/nn/steps.h"
#include "treino/runtime/work.h"

namespace treino::train {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kSteps = 128;  // of an epoch of stand-in samples

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void fill(Store& store, const nn::BatchGeometry& geometry) {
  Rng rng(1, 1);
  Shape shape{geometry.rows};
  for (std::int64_t extent : geometry.sample) shape.append(extent);
  auto samples = std::make_shared<HostTensor>(DType::u8, shape);
  for (auto& x : samples->as<std::uint8_t>()) x = static_cast<std::uint8_t>(rng.next_u32());
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{geometry.rows});
  for (auto& x : labels->as<std::int32_t>())
    x = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(geometry.classes)));
  HostTensor order(DType::i32, Shape{geometry.rows});
  std::iota(order.as<std::int32_t>().begin(), order.as<std::int32_t>().end(), 0);
  store.bind(store.find("data.samples"), samples);
  store.bind(store.find("data.labels"), labels);
  store.write("data.order", order);
}

nn::BatchGeometry geometry_of(const nn::Recipe& recipe) {
  if (recipe.input.shape.empty()) {
    throw Error::mistake(
        recipe.path + ": without data [input] shape is needed, e.g. --set input.shape=[28,28,1]");
  }
  nn::BatchGeometry geometry;
  geometry.batch = recipe.train.batch;
  geometry.rows = geometry.batch * kSteps;
  for (double extent : recipe.input.shape)
    geometry.sample.append(static_cast<std::int64_t>(extent));
  geometry.classes = nn::build_model(recipe, geometry.sample).output().elements();
  geometry.steps_per_epoch = kSteps;
  return geometry;
}

// Runs steps of an epoch that starts over.
class Runner {
 public:
  Runner(Store& store, Executable& executable) : store_(store), executable_(executable) {}

  void make_room(std::int64_t steps) {
    if ((done_ += steps) <= kSteps) return;
    store_.write("counter.offset", HostTensor::scalar<std::int64_t>(DType::i64, 0));
    done_ = steps;
  }

  double best_step(double seconds) {
    double best = 1e9;
    std::int64_t steps = 1;
    int windows = 0;
    for (const auto begin = Clock::now(); since(begin) < seconds || windows < 5;) {
      make_room(steps);
      const auto start = Clock::now();
      executable_.run(steps);
      const double elapsed = since(start);
      if (elapsed < 2e-3 && steps < kSteps) {
        steps *= 2;
      } else {
        best = std::min(best, elapsed / static_cast<double>(steps));
        ++windows;
      }
    }
    return best;
  }

  StepTimes best_ops(int repetitions) {
    StepTimes best;
    for (int i = 0; i < repetitions; ++i) {
      make_room(1);
      StepTimes times = executable_.profile(1);
      if (i == 0) {
        best = std::move(times);
        continue;
      }
      const auto take = [](double& least, double now) { least = std::min(least, now); };
      for (std::size_t k = 0; k < best.seconds.size(); ++k)
        take(best.seconds[k], times.seconds[k]);
      for (std::size_t k = 0; k < best.launches.size(); ++k)
        take(best.launches[k].seconds, times.launches[k].seconds);
      take(best.empty_launch, times.empty_launch);
    }
    return best;
  }

 private:
  Store& store_;
  Executable& executable_;
  std::int64_t done_ = 0;
};

}  // namespace

double StepProfile::op_seconds() const {
  return std::accumulate(ops.begin(), ops.end(), 0.0,
                         [](double sum, const OpProfile& op) { return sum + op.seconds; });
}

double StepProfile::flops() const {
  return std::accumulate(ops.begin(), ops.end(), 0.0,
                         [](double sum, const OpProfile& op) { return sum + op.flops; });
}

Program training_step(const nn::Recipe& recipe, const Device& device) {
  const nn::BatchGeometry geometry = geometry_of(recipe);
  const nn::Model model = nn::build_model(recipe, geometry.sample);
  Graph graph;
  nn::emit_train_step(graph, {model, recipe.input, recipe.train}, geometry);
  return compiler::compile(graph, device.target(), {.name = "train"});
}

StepProfile profile_step(const nn::Recipe& recipe, Device& device, const ProfileOptions& options) {
  const nn::BatchGeometry geometry = geometry_of(recipe);
  const nn::Model model = nn::build_model(recipe, geometry.sample);
  const nn::StepSpec spec{model, recipe.input, recipe.train};

  StepProfile profile;
  profile.name = recipe.name;
  profile.batch = geometry.batch;
  const auto start = Clock::now();
  const Program program = training_step(recipe, device);
  const auto store = device.make_store(program.variables);
  for (const nn::NamedTensor& value : nn::initial_state(spec, geometry))
    store->write(value.name, value.tensor);
  fill(*store, geometry);
  const auto executable = device.load(program, *store);
  profile.compile_seconds = since(start);

  profile.touched_bytes = program.arena_bytes;
  for (const Variable& variable : program.variables) {
    if (variable.role != Role::data)
      profile.touched_bytes += variable.type.shape.elements() * host_bytes(variable.type.dtype);
  }
  Runner runner(*store, *executable);
  profile.step_seconds = runner.best_step(options.seconds);
  StepTimes best = runner.best_ops(std::max(options.repetitions, 1));
  profile.launches = std::move(best.launches);
  profile.empty_launch = best.empty_launch;
  const std::vector<std::string> choices = executable->choices();
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    const Work work = work_of(step);
    OpProfile op{std::string(name(step.op)),
                 step.scope,
                 {},
                 choices[i],
                 shape_key(step),
                 best.seconds[i],
                 work.flops,
                 work.bytes};
    for (const Tensor& input : step.inputs)
      op.shapes += (op.shapes.empty() ? "" : " ") + to_string(input.type.shape);
    profile.ops.push_back(std::move(op));
  }
  if (options.candidate_seconds > 0) {
    const Program* const programs[] = {&program};
    profile.heavy = tune(programs, device, {.cache = "", .seconds = options.candidate_seconds});
  }
  return profile;
}

std::vector<const OpProfile*> worst_first(const StepProfile& profile, const Limits& limits) {
  std::vector<const OpProfile*> order;
  for (const OpProfile& op : profile.ops) order.push_back(&op);
  const auto lost = [&](const OpProfile* op) {
    return op->seconds - limits.floor(op->flops, op->bytes);
  };
  std::sort(order.begin(), order.end(), [&](const OpProfile* a, const OpProfile* b) {
    return lost(a) != lost(b) ? lost(a) > lost(b) : a < b;  // both point into one vector
  });
  return order;
}

}  // namespace treino::train
