// SPDX-License-Identifier: Apache-2.0
// model.safetensors is read by Python's safetensors. TREINO_PYTHON names an interpreter that has
// the module (a virtual environment's); without it the system's python3 is asked.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"
#include "tests/support/small_recipe.h"
#include "treino/backend/devices.h"
#include "treino/format/safetensors.h"
#include "treino/train/run_folder.h"

namespace treino::test {
namespace {

using Json = nlohmann::json;

Json described(const HostTensor& tensor) {
  Json shape = Json::array(), values = Json::array();
  for (const std::int64_t extent : tensor.shape) shape.push_back(extent);
  for (const float value : tensor.as<float>()) values.push_back(static_cast<double>(value));
  return {{"shape", shape}, {"values", values}};
}

// Python's comparison of the file with what it should hold.
Outcome compare(const TemporaryFolder& folder, const std::string& model, const Json& expected) {
  const std::string list = folder.write("expected.json", expected.dump());
  const char* chosen = std::getenv("TREINO_PYTHON");
  const std::string python = chosen != nullptr && *chosen != '\0' ? chosen : "python3";
  const std::string script = std::string(TREINO_SOURCE_DIR) + "/tests/cli/read_safetensors.py";
  return run_shell("'" + python + "' '" + script + "' '" + model + "' '" + list + "'");
}

constexpr int kNoModule = 77;

// Only an interpreter that was asked for must have the module.
#define EXPECT_SAME_IN_PYTHON(outcome)                                        \
  if ((outcome).exit == kNoModule && std::getenv("TREINO_PYTHON") == nullptr) \
    GTEST_SKIP() << "python3 has no safetensors (" << (outcome).out           \
                 << "); set TREINO_PYTHON to an interpreter that has";        \
  EXPECT_EQ((outcome).exit, 0) << (outcome).out << (outcome).err

TEST(Python, ReadsKnownWeights) {
  const TemporaryFolder folder;
  const std::vector<Variable> variables = {
      {"conv2d_1.kernel", {Shape{3, 2, 4, 5}, DType::f32}, Role::parameter},
      {"residual_1.body.dense_1.bias", {Shape{7}, DType::f32}, Role::parameter},
      {"batch_norm_1.variance", {Shape{1}, DType::f32}, Role::statistic},
      {"optimizer.m.dense_1.bias", {Shape{7}, DType::f32}, Role::optimizer},  // not of the model
  };
  const auto device = make_device("cpu", {.threads = 1});
  const auto store = device->make_store(variables);
  Json expected;
  float next = -3;
  for (const Variable& variable : variables) {
    HostTensor tensor(DType::f32, variable.type.shape);
    for (float& value : tensor.as<float>()) value = (next += 0.375F) * 1e-3F;
    store->write(variable.name, tensor);
    if (variable.role != Role::optimizer) expected[variable.name] = described(tensor);
  }
  train::take_model(folder.path(), *store)();
  const std::string model = folder / "model.safetensors";
  const Outcome same = compare(folder, model, expected);
  EXPECT_SAME_IN_PYTHON(same);
  // The comparison can fail: another value, another shape, another name.
  expected["batch_norm_1.variance"]["values"][0] = 0.5;
  EXPECT_EQ(compare(folder, model, expected).exit, 1);
  expected.erase("batch_norm_1.variance");
  EXPECT_EQ(compare(folder, model, expected).exit, 1);
}

TEST(Python, ReadsATrainedRun) {
  const TemporaryFolder folder;
  write_small_recipe(folder);
  const Outcome trained = run_treino(
      {"train", "small.toml", "--epochs", "1", "--out", "run", "--quiet"}, folder.path());
  ASSERT_EQ(trained.exit, 0) << trained.err;
  const std::string model = folder / "run/model.safetensors";
  Json expected;
  for (const auto& [name, tensor] : format::read_safetensors(model).tensors)
    expected[name] = described(tensor);
  for (const char* name :
       {"conv2d_1.kernel", "conv2d_1.bias", "batch_norm_1.gamma", "batch_norm_1.beta",
        "batch_norm_1.mean", "batch_norm_1.variance", "dense_1.kernel", "dense_1.bias"}) {
    EXPECT_TRUE(expected.contains(name)) << name;
  }
  EXPECT_EQ(expected.size(), 8U);
  const Outcome same = compare(folder, model, expected);
  EXPECT_SAME_IN_PYTHON(same);
}

}  // namespace
}  // namespace treino::test
