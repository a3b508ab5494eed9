// SPDX-License-Identifier: Apache-2.0
// What the CPU device promises beside numbers: nothing allocated in run(), tables bound without a
// copy, errors that say what to do, choices that can be recorded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/counted_allocations.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino {
namespace {

using namespace graph;

// A convolution, batch norm, pooling, a product, a mask, Adam-like updates and f64 metrics.
Program step_program(const Target& target) {
  Graph g;
  const Value step = g.variable("step", {Shape{}, DType::i64}, Role::counter);
  const Value images = g.variable("images", {Shape{64, 12, 12, 16}, DType::u8}, Role::data);
  const Value order = g.variable("order", {Shape{64}, DType::i32}, Role::data);
  const Value x =
      cast(gather_rows(images, graph::window(order, step, 32)), DType::f32) * (1 / 255.0);
  WindowAttributes three;
  three.size = {3, 3};
  WindowAttributes two;
  two.size = two.stride = {2, 2};
  const Value kernel = g.variable("kernel", {Shape{3, 3, 16, 16}, DType::f32}, Role::parameter);
  const Value gamma = g.variable("gamma", {Shape{16}, DType::f32}, Role::parameter);
  const Value w = g.variable("w", {Shape{400, 10}, DType::f32}, Role::parameter);
  const Value y = max_pool(batch_norm(relu(conv2d(x, kernel, three)), gamma, gamma, 1e-3).y, two);
  const Value mask =
      dropout_mask(step, step, {.rate = 0.5, .stream = 1, .type = {Shape{32, 400}, DType::f32}});
  const Value logits = matmul(reshape(y, Shape{32, 400}) * mask, w);
  const Value loss = mean(cross_entropy(logits, one_hot(argmax(logits), 10)), {0});
  for (const Value& p : {kernel, gamma, w}) assign(p, p - gradient(loss, p) * 0.01);
  const Value total = g.variable("total", {Shape{}, DType::f64}, Role::metric);
  assign(total, total + cast(loss, DType::f64));
  return compiler::compile(g, target, {.name = "train"});
}

TEST(CpuRun, AllocatesNothing) {
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "allocations are not counted under a sanitizer";
#endif
  for (const int threads : {1, 2}) {
    const auto device = make_device("cpu", {.threads = threads, .onednn = false});
    const Program program = step_program(device->target());
    const auto store = device->make_store(program.variables);
    const auto executable = device->load(program, *store);
    executable->run(1);
    const long before = test::allocations();
    executable->run(5);
    EXPECT_EQ(test::allocations() - before, 0) << threads << " threads";
  }
}

TEST(CpuRun, WhatOneDnnAllocatesIsBounded) {
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "allocations are not counted under a sanitizer";
#endif
  setenv("TREINO_CONVOLUTION", "onednn", 1);
  std::unique_ptr<Device> device;
  std::unique_ptr<Store> store;
  std::unique_ptr<Executable> executable;
  try {
    device = make_device("cpu", {.threads = 2});
    const Program program = step_program(device->target());
    store = device->make_store(program.variables);
    executable = device->load(program, *store);
  } catch (const Error&) {
    unsetenv("TREINO_CONVOLUTION");
    GTEST_SKIP() << "this build has no oneDNN";
  }
  unsetenv("TREINO_CONVOLUTION");
  executable->run(1);
  // 16 slices each of forward and kernel gradient, two reorders; oneDNN 2.6 allocates about 6 times
  // an execute.
  const long before = test::allocations();
  executable->run(5);
  const double each = static_cast<double>(test::allocations() - before) / 5;
  RecordProperty("allocations_a_step", std::to_string(each));
  EXPECT_LE(each, 34 * 8);
}

TEST(CpuRun, ReadsABoundTableWhereItIsAndSeesTheNextOne) {
  const auto device = make_device("cpu", {.threads = 1});
  Graph g;
  const Value table = g.variable("table", {Shape{3, 2}, DType::u8}, Role::data);
  const Value rows = g.variable("rows", {Shape{2}, DType::i32}, Role::counter);
  assign(g.variable("out", {Shape{2, 2}, DType::f32}, Role::metric),
         cast(gather_rows(table, rows), DType::f32));
  const Program program = compiler::compile(g, device->target());
  const auto store = device->make_store(program.variables);
  const auto executable = device->load(program, *store);
  const auto tensor = std::make_shared<HostTensor>(DType::u8, Shape{3, 2});
  for (std::size_t i = 0; i < 6; ++i)
    tensor->as<std::uint8_t>()[i] = static_cast<std::uint8_t>(i + 10);
  HostTensor indices(DType::i32, Shape{2});
  indices.as<std::int32_t>()[0] = 2;
  store->write("rows", indices);

  const auto read = [&] {
    executable->run(1);
    const HostTensor out = store->read("out");
    return std::vector<float>(out.as<float>().begin(), out.as<float>().end());
  };
  EXPECT_EQ(read(), (std::vector<float>{0, 0, 0, 0}));  // unwritten: zeros
  store->bind(store->find("table"), tensor);
  EXPECT_EQ(read(), (std::vector<float>{14, 15, 10, 11}));
  tensor->as<std::uint8_t>()[0] = 99;  // in place: it was not copied
  EXPECT_EQ(read(), (std::vector<float>{14, 15, 99, 11}));
  const auto other = std::make_shared<HostTensor>(DType::u8, Shape{3, 2});
  store->bind(store->find("table"), other);
  EXPECT_EQ(read(), (std::vector<float>{0, 0, 0, 0}));
  store->write("table", *tensor);  // a copy, the bound tensor stays as it was
  EXPECT_EQ(read(), (std::vector<float>{14, 15, 99, 11}));
  EXPECT_EQ(other->as<std::uint8_t>()[0], 0);
}

// Programs of a device share the memory of their steps; one that needs more moves it for all.
TEST(CpuRun, ProgramsOfOneDeviceTakeTurnsInOneMemory) {
  const auto program_of = [](Device& device, std::int64_t rows, const char* suffix) {
    Graph g;
    const auto named = [&](const char* name) { return std::string(name) + suffix; };
    const Value a = g.variable(named("a"), {Shape{rows, 200}, DType::f32}, Role::parameter);
    const Value b = g.variable(named("b"), {Shape{200, 300}, DType::f32}, Role::parameter);
    const Value y = matmul(tanh(matmul(a, b)), b, false, true);
    assign(g.variable(named("y"), y.type(), Role::metric), y);
    return compiler::compile(g, device.target());
  };
  const auto fill = [](Store& store) {
    for (std::size_t i = 0; i < store.variables().size(); ++i) {
      HostTensor value(DType::f32, store.variables()[i].type.shape);
      float next = 0.5F;
      for (float& x : value.as<float>()) x = (next = next * 1.7F - (next > 1 ? 1.1F : 0)) * 0.1F;
      store.write(static_cast<int>(i), value);
    }
  };
  const auto shared = make_device("cpu", {.threads = 2});
  std::vector<Program> programs;
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::unique_ptr<Executable>> loaded;
  for (const auto& [rows, name] : {std::pair{7, "1"}, {900, "2"}, {33, "3"}}) {
    programs.push_back(program_of(*shared, rows, name));
    stores.push_back(shared->make_store(programs.back().variables));
    fill(*stores.back());
    loaded.push_back(shared->load(programs.back(), *stores.back()));
    for (const auto& executable : loaded) executable->run(1);
  }
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const auto alone = make_device("cpu", {.threads = 2});
    const auto store = alone->make_store(programs[i].variables);
    fill(*store);
    alone->load(programs[i], *store)->run(1);
    const int y = store->find("y" + std::to_string(i + 1));
    EXPECT_EQ(stores[i]->read(y).bytes, store->read(y).bytes) << i;
  }
}

TEST(CpuRun, AProgramThatWritesATableGetsACopyOfIt) {
  const auto device = make_device("cpu", {.threads = 1});
  Graph g;
  const Value table = g.variable("table", {Shape{3}, DType::f32}, Role::data);
  assign(table, table + 1.0);
  const Program program = compiler::compile(g, device->target());
  const auto store = device->make_store(program.variables);
  const auto tensor = std::make_shared<HostTensor>(DType::f32, Shape{3});
  store->bind(0, tensor);
  device->load(program, *store)->run(2);
  EXPECT_EQ(store->read(0).as<float>()[1], 2);
  EXPECT_EQ(tensor->as<float>()[1], 0);
}

TEST(CpuRun, ProfilesEveryStepAndNamesItsKernel) {
  const auto device = make_device("cpu", {.threads = 2});
  const Program program = step_program(device->target());
  const auto store = device->make_store(program.variables);
  const auto executable = device->load(program, *store);
  const StepTimes times = executable->profile(3);
  EXPECT_EQ(times.runs, 3);
  ASSERT_EQ(times.seconds.size(), program.steps.size());
  ASSERT_EQ(executable->choices().size(), program.steps.size());
  double sum = 0;
  for (double seconds : times.seconds) sum += seconds;
  EXPECT_GT(sum, 0);
  for (const std::string& choice : executable->choices()) {
    EXPECT_TRUE(choice.rfind("own ", 0) == 0 || choice.rfind("oneDNN ", 0) == 0) << choice;
  }
}

template <typename Call>
std::string mistake(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::mistake);
    return error.what();
  }
  return "no error";
}

TEST(CpuRun, TakesTheKernelsItIsGivenOrSaysWhyNot) {
  const auto device = make_device("cpu", {.threads = 1});
  const Program program = step_program(device->target());
  const auto store = device->make_store(program.variables);
  KernelChoices choices{device->instruction_set(), device->load(program, *store)->heavy_choices()};
  for (KernelChoice& choice : choices.ops) {
    if (choice.op == "conv2d") choice.kernel = choice.kernel == "direct" ? "winograd" : "direct";
  }
  device->use(choices);
  EXPECT_EQ(device->load(program, *store)->heavy_choices().at(0).kernel, choices.ops.at(0).kernel);

  const auto plain = make_device("cpu", {.threads = 1, .onednn = false});
  choices.ops.at(0).kernel = "onednn";
  EXPECT_THAT(mistake([&] { plain->use(choices); }),
              testing::AllOf(testing::HasSubstr("oneDNN, which this build does not have"),
                             testing::HasSubstr("libdnnl-dev")));
  const auto exact = make_device("cpu", {.threads = 1, .exact = true});
  choices.ops.at(0).kernel = "winograd";
  EXPECT_THAT(mistake([&] { exact->use(choices); }), testing::HasSubstr("--exact"));
}

TEST(CpuRun, SaysWhatIsWrong) {
  setenv("TREINO_ISA", "mmx", 1);
  EXPECT_THAT(mistake([] { make_device("cpu"); }), testing::HasSubstr("TREINO_ISA=mmx"));
  unsetenv("TREINO_ISA");
  const auto device = make_device("cpu", {.threads = 1});
  const Program program = step_program(device->target());
  const auto empty = device->make_store({});
  EXPECT_THAT(mistake([&] { device->load(program, *empty); }), testing::HasSubstr("step"));
  std::vector<Variable> variables = program.variables;
  for (Variable& variable : variables) {
    if (variable.name == "w") variable.type.shape = Shape{10, 400};
  }
  const auto wrong = device->make_store(variables);
  EXPECT_THAT(mistake([&] { device->load(program, *wrong); }),
              testing::HasSubstr("w is f32[400, 10] in the program"));
  EXPECT_THAT(mistake([&] { wrong->write("w", HostTensor(DType::f32, Shape{3})); }),
              testing::HasSubstr("[10, 400]"));
  const auto reference = make_device("reference");
  const auto foreign = reference->make_store(program.variables);
  EXPECT_THAT(mistake([&] { device->load(program, *foreign); }), testing::HasSubstr("store"));
}

}  // namespace
}  // namespace treino
