// SPDX-License-Identifier: Apache-2.0
// Every row of ops.def on every backend against the reference device. The tests are made from
// ops.def: an op without a case fails.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/conformance/backends.h"
#include "tests/conformance/case.h"
#include "treino/compiler/compile.h"

namespace treino::conformance {
namespace {

bool is_convolution(Op op) {
  return op == Op::conv2d || op == Op::conv2d_grad_input || op == Op::conv2d_grad_kernel;
}

struct Outcome {
  std::vector<std::pair<std::string, HostTensor>> variables;  // all of them, after the run
  std::string choices;
};

Outcome run(const Case& one, Device& device, bool optimize) {
  Graph graph;
  emit(one, graph);
  const Program program =
      compiler::compile(graph, device.target(), {.name = one.name, .optimize = optimize});
  const auto store = device.make_store(program.variables);
  for (std::size_t i = 0; i < one.inputs.size(); ++i)
    store->write(one.inputs[i].name, filled(one.inputs[i], i));
  const auto executable = device.load(program, *store);
  executable->run(1);
  Outcome outcome;
  for (int i = 0; i < static_cast<int>(store->variables().size()); ++i) {
    outcome.variables.emplace_back(store->variables()[static_cast<std::size_t>(i)].name,
                                   store->read(i, DType::f64));
  }
  for (const std::string& choice : executable->choices()) outcome.choices += choice + "\n";
  return outcome;
}

// Largest relative error allowed: of a tensor by norm, of a number of an exact type none.
double tolerance(DType dtype) {
  return dtype == DType::f32 ? 5e-6 : dtype == DType::f64 ? 1e-12 : 0;
}

double relative_error(const HostTensor& got, const HostTensor& expected) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < expected.as<double>().size(); ++i) {
    const double x = got.as<double>()[i], y = expected.as<double>()[i];
    norm += y * y;
    if (x != y) error += (x - y) * (x - y);
  }
  if (error == 0) return 0;  // a NaN gives one
  // A tensor that is truly zero (batch norm's dx of a single row) may hold what rounding leaves.
  constexpr double kRounding = 1e-5;
  if (norm == 0)
    return std::sqrt(error / static_cast<double>(expected.as<double>().size())) <= kRounding ? 0
                                                                                             : 1;
  return std::sqrt(error / norm);
}

void expect_agreement(const Case& one, const Outcome& got, const Outcome& expected,
                      const std::string& where) {
  Graph graph;
  emit(one, graph);
  ASSERT_EQ(got.variables.size(), expected.variables.size());
  for (std::size_t i = 0; i < got.variables.size(); ++i) {
    const double error = relative_error(got.variables[i].second, expected.variables[i].second);
    EXPECT_LE(error, tolerance(graph.variables()[i].type.dtype))
        << where << ": " << one.name << ", " << got.variables[i].first << "\n"
        << got.choices;
  }
}

class EveryOp : public testing::TestWithParam<int> {
 protected:
  Op op() const { return static_cast<Op>(GetParam()); }
};

// What the suite would otherwise not notice: an op of ops.def that no case runs.
TEST_P(EveryOp, HasCasesThatRunIt) {
  const std::vector<Case> cases = cases_of(op());
  ASSERT_FALSE(cases.empty()) << "add cases of " << name(op()) << " to tests/conformance";
  for (const Case& one : cases) {
    Graph graph;
    emit(one, graph);
    const auto is_op = [&](const auto& step) { return step.op == op(); };
    EXPECT_TRUE(std::any_of(graph.nodes().begin(), graph.nodes().end(), is_op)) << one.name;
    // A variable is where it is, a reshape is a view, a gradient is gone after the differentiate
    // pass, an assign may be done by the step before it: the others must be steps of the program.
    if (op() == Op::variable || op() == Op::reshape || op() == Op::gradient || op() == Op::assign)
      continue;
    const Program program = compiler::compile(graph, reference().target(), {.optimize = false});
    EXPECT_TRUE(std::any_of(program.steps.begin(), program.steps.end(), is_op)) << one.name;
  }
}

TEST_P(EveryOp, AgreesWithTheReference) {
  std::vector<const Backend*> backends = plain_backends();
  if (is_convolution(op())) {
    backends.clear();
    for (const Backend& backend : all_backends()) backends.push_back(&backend);
  }
  for (const Case& one : cases_of(op())) {
    const Outcome expected = run(one, reference(), false);
    expect_agreement(one, run(one, reference(), true), expected, "reference, optimized");
    for (const Backend* backend : backends) {
      for (const bool optimize : {false, true}) {
        if (optimize && is_convolution(op())) continue;  // a lone heavy node stays as it is
        expect_agreement(one, run(one, *backend->device, optimize), expected,
                         backend->name + (optimize ? ", optimized" : ""));
      }
    }
  }
}

TEST_P(EveryOp, GivesTheSameBitsOnAnyNumberOfThreads) {
  std::vector<std::unique_ptr<Device>> devices;
  for (const int threads : {1, 3}) devices.push_back(make_device("cpu", {.threads = threads}));
  for (const Case& one : cases_of(op())) {
    const Outcome expected = run(one, *devices[0], true), got = run(one, *devices[1], true);
    for (std::size_t i = 0; i < got.variables.size(); ++i) {
      EXPECT_EQ(got.variables[i].second.bytes, expected.variables[i].second.bytes)
          << one.name << ", " << got.variables[i].first;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, EveryOp, testing::Range(0, kOpCount), [](const auto& info) {
  return std::string(name(static_cast<Op>(info.param)));
});

// Forcing an algorithm must mean that it runs: where it cannot, another one takes over in silence.
TEST(Convolutions, TheForcedAlgorithmServesThem) {
  for (const Backend& backend : all_backends()) {
    if (backend.algorithm.empty()) continue;
    const std::string mark = backend.algorithm == "onednn" ? "oneDNN" : backend.algorithm;
    for (Op op : {Op::conv2d, Op::conv2d_grad_input, Op::conv2d_grad_kernel}) {
      int served = 0;
      for (const Case& one : cases_of(op)) {
        Graph graph;
        emit(one, graph);
        const Program program = compiler::compile(graph, backend.device->target());
        const auto store = backend.device->make_store(program.variables);
        bool found = backend.algorithm == "direct";
        for (const std::string& choice : backend.device->load(program, *store)->choices()) {
          const bool is_other =
              choice.find("winograd") != choice.npos || choice.find("oneDNN") != choice.npos;
          if (backend.algorithm == "direct")
            found = found && !is_other;
          else
            found = found || choice.find(mark) != choice.npos;
        }
        served += found ? 1 : 0;
      }
      EXPECT_GE(served, 5) << backend.name << ", " << name(op);
    }
  }
}

}  // namespace
}  // namespace treino::conformance
