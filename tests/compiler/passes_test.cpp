// SPDX-License-Identifier: Apache-2.0
// Each pass: graph text in, graph text out.
#include "treino/compiler/passes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::compiler {
namespace {

using namespace graph;
using testing::HasSubstr;
using testing::Not;

class FusingTarget final : public Target {
 public:
  int bytes(DType dtype) const override { return host_bytes(dtype); }
  bool fuses_elementwise() const override { return true; }
  bool fuses_bias(const Node&) const override { return true; }
  bool fuses_activation(const Node&, Op activation) const override {
    return activation == Op::relu;
  }
  bool fuses_pool_affine(const Node&) const override { return true; }
  bool fuses_norm_pool(const Node&) const override { return true; }
};

const FusingTarget kTarget;

// Steps run side by side on it.
class ApartTarget final : public Target {
 public:
  int bytes(DType dtype) const override { return host_bytes(dtype); }
  std::int64_t apart_up_to() const override { return 64; }
};

Value variable(Graph& g, const char* name, Shape shape, Role role = Role::parameter) {
  return g.variable(name, {shape, DType::f32}, role);
}

std::string after(Pass pass, const Graph& g) {
  Graph result;
  pass(g, result, kTarget);
  return to_text(result);
}

TEST(Differentiate, ReplacesPlaceholdersInOneSweep) {
  Graph g;
  const Value x = variable(g, "x", Shape{2, 3}), w = variable(g, "w", Shape{3, 1});
  const Value loss = reduce_sum(square(matmul(x, w)), {0, 1});
  assign(x, gradient(loss, x));
  assign(w, gradient(loss, w));
  const std::string text = after(differentiate, g);
  EXPECT_THAT(text, Not(HasSubstr("gradient")));
  EXPECT_THAT(text, HasSubstr("transpose_b : f32[2, 3]"));
  EXPECT_THAT(text, HasSubstr("transpose_a : f32[3, 1]"));
}

TEST(Differentiate, IndependentVariableHasAGradientOfZeros) {
  Graph g;
  const Value x = variable(g, "x", Shape{2}), other = variable(g, "other", Shape{3});
  const Value loss = reduce_sum(x, {0});
  assign(other, gradient(loss, other));
  EXPECT_THAT(after(differentiate, g), HasSubstr("constant 0 : f32[3]"));
}

TEST(Differentiate, NamesAnOpWithoutGradient) {
  Graph g;
  const Value x = variable(g, "x", Shape{2, 3});
  assign(x, gradient(reduce_sum(reduce_max(x, {1}), {0}), x));
  EXPECT_THROW(
      {
        try {
          after(differentiate, g);
        } catch (const Error& error) {
          EXPECT_STREQ(error.what(), "reduce_max has no gradient");
          throw;
        }
      },
      Error);
}

TEST(Fold, EvaluatesConstantsAndDropsIdentities) {
  Graph g;
  const Value x = variable(g, "x", Shape{2});
  assign(x, (x * 1.0 + 0.0) * (constant(g, 2) * 3.0) * 0.5);
  EXPECT_EQ(after(fold, g).find("add"), std::string::npos);
  Graph folded;
  fold(g, folded, kTarget);
  EXPECT_THAT(after(common_subexpressions, folded), HasSubstr("constant 3 : f32[2]"));
}

TEST(Fold, MergesReshapes) {
  Graph g;
  const Value x = variable(g, "x", Shape{2, 3});
  assign(x, reshape(reshape(x, Shape{6}), Shape{2, 3}));
  EXPECT_THAT(after(fold, g), Not(HasSubstr("reshape(%1")));
}

TEST(CommonSubexpressions, KeepsOneOfEqualNodes) {
  Graph g;
  const Value x = variable(g, "x", Shape{2});
  assign(x, exp(x) + exp(x));
  EXPECT_EQ(after(common_subexpressions, g),
            "%0 = variable x : f32[2]\n"
            "%1 = exp(%0) : f32[2]\n"
            "%2 = add(%1, %1) : f32[2]\n"
            "%3 = assign(%0, %2)\n");
}

TEST(Layout, MovesTransposesIntoProducts) {
  Graph g;
  const Value a = variable(g, "a", Shape{3, 2}), b = variable(g, "b", Shape{2, 3});
  assign(variable(g, "c", Shape{2, 2}), matmul(transpose(a, {1, 0}), transpose(b, {1, 0})));
  EXPECT_THAT(after(layout, g), HasSubstr("matmul(%0, %1) transpose_a transpose_b : f32[2, 2]"));
}

TEST(RoundProducts, RoundsWhatProductsReadOnce) {
  Graph g;
  const Value x = variable(g, "x", Shape{4, 3}), w = variable(g, "w", Shape{3, 2});
  g.set_precision(Precision::bf16);
  assign(variable(g, "y", Shape{4, 2}), matmul(x, w));
  assign(variable(g, "z", Shape{4, 4}), matmul(x, x, false, true));
  EXPECT_EQ(after(round_products, g),
            "%0 = variable x : f32[4, 3]\n"
            "%1 = variable w : f32[3, 2]\n"
            "%2 = variable y : f32[4, 2]\n"
            "%3 = variable z : f32[4, 4]\n"
            "%4 = round_bf16(%0) : f32[4, 3]\n"
            "%5 = round_bf16(%1) : f32[3, 2]\n"
            "%6 = matmul(%4, %5) : f32[4, 2]\n"
            "%7 = assign(%2, %6)\n"
            "%8 = matmul(%4, %4) transpose_b : f32[4, 4]\n"
            "%9 = assign(%3, %8)\n");
}

TEST(RoundProducts, GradientsHaveTheProductsPrecision) {
  Graph g;
  const Value x = variable(g, "x", Shape{2, 5, 5, 1}), k = variable(g, "k", Shape{3, 3, 1, 2});
  const Value w = variable(g, "w", Shape{18, 3});
  g.set_precision(Precision::tf32);
  const Value y = matmul(reshape(conv2d(x, k, {}), Shape{2, 18}), w);
  g.set_precision(Precision::float32);
  const Value loss = reduce_sum(square(y), {0, 1});
  for (const Value& v : {x, k, w}) assign(v, gradient(loss, v));
  const std::string text = after(differentiate, g);
  std::size_t products = 0;
  for (std::size_t at = text.find(" tf32"); at != std::string::npos;
       at = text.find(" tf32", at + 1))
    ++products;
  EXPECT_EQ(products, 6U) << text;
}

TEST(RoundProducts, LeavesProductsOfTargetsThatRoundByThemselves) {
  class Rounding final : public Target {
   public:
    int bytes(DType dtype) const override { return host_bytes(dtype); }
    bool rounds_operands(const Node&) const override { return true; }
  };
  Graph g, result;
  const Value x = variable(g, "x", Shape{4, 3}), w = variable(g, "w", Shape{3, 2});
  g.set_precision(Precision::tf32);
  assign(variable(g, "y", Shape{4, 2}), matmul(x, w));
  round_products(g, result, Rounding());
  EXPECT_EQ(to_text(result), to_text(g));
  EXPECT_THAT(to_text(result), HasSubstr("matmul(%0, %1) tf32 : f32[4, 2]"));
}

TEST(FuseEpilogues, TakesBiasAndActivation) {
  Graph g;
  const Value x = variable(g, "x", Shape{4, 3}), w = variable(g, "w", Shape{3, 2});
  const Value b = variable(g, "b", Shape{2}), y = variable(g, "y", Shape{4, 2});
  assign(y, relu(matmul(x, w) + b));
  EXPECT_THAT(after(fuse_epilogues, g), HasSubstr("matmul(%0, %1, %2) relu : f32[4, 2]"));
  Graph fused, lowered;
  fuse_epilogues(g, fused, kTarget);
  EXPECT_EQ(to_text(lower(fused, kTarget, "p")),
            "program p: 1 steps, arena of 0 bytes\n"
            "y:f32[4, 2] = matmul(x:f32[4, 3], w:f32[3, 2], b:f32[2]) relu\n");
}

TEST(FuseEpilogues, LeavesAProductThatOthersRead) {
  Graph g;
  const Value x = variable(g, "x", Shape{4, 3}), w = variable(g, "w", Shape{3, 2});
  const Value b = variable(g, "b", Shape{2}), y = variable(g, "y", Shape{4, 2});
  const Value product = matmul(x, w);
  assign(y, relu(product + b) + product);
  EXPECT_THAT(after(fuse_epilogues, g), HasSubstr("matmul(%0, %1) : f32[4, 2]"));
}

TEST(FuseElementwise, MakesOneNodeOfAChainWithItsBroadcasts) {
  Graph g;
  const Value x = variable(g, "x", Shape{4, 2}), b = variable(g, "b", Shape{2});
  assign(x, tanh(x * 3.0 + b));
  Graph fused;
  fuse_elementwise(g, fused, kTarget);
  EXPECT_EQ(to_text(lower(fused, kTarget, "p")),
            "program p: 1 steps, arena of 0 bytes\n"
            "x:f32[4, 2] = fused(x:f32[4, 2], b:f32[2]) "
            "{t0 = 3; t1 = mul(i0, t0); t2 = add(t1, i1); t3 = tanh(t2) -> t3}\n");
}

TEST(FuseElementwise, DoesNotMakeACycleThroughAReduction) {
  Graph g;
  const Value x = variable(g, "x", Shape{4, 2});
  const Value e = exp(x);
  assign(x, e / broadcast(reshape(reduce_sum(e, {1}), Shape{4, 1}), Shape{4, 2}));
  const Program program = compile(g, kTarget);
  ASSERT_EQ(program.steps.size(), 3u);  // exp; sum; divide
  EXPECT_EQ(program.steps[1].op, Op::reduce_sum);
}

TEST(Lower, WritesAnOptimiserStepInPlaceAfterItsReaders) {
  Graph g;
  const Value x = variable(g, "x", Shape{4, 3}, Role::data), w = variable(g, "w", Shape{3, 2});
  const Value momentum = variable(g, "m", Shape{3, 2}, Role::optimizer);
  const Value loss = reduce_sum(square(matmul(x, w)), {0, 1});
  const Value m = momentum * 0.9 + gradient(loss, w);
  assign(momentum, m);
  assign(w, w - m * 0.1);
  const Program program = compile(g, kTarget);
  const Step& last = program.steps.back();
  ASSERT_EQ(last.op, Op::fused) << to_text(program);
  ASSERT_EQ(last.outputs.size(), 2u);
  EXPECT_EQ(last.outputs[0].space, Space::variable);
  EXPECT_EQ(last.outputs[1].space, Space::variable);
}

TEST(Lower, SwapsTwoVariables) {
  Graph g;
  const Value a = variable(g, "a", Shape{4}), b = variable(g, "b", Shape{4});
  assign(a, b);
  assign(b, a);
  Graph separate;
  separate_variables(g, separate, kTarget);
  EXPECT_EQ(to_text(lower(separate, kTarget, "p")),
            "program p: 3 steps, arena of 16 bytes\n"
            "@0:f32[4] = cast(a:f32[4])\n"
            "a:f32[4] = cast(b:f32[4])\n"
            "b:f32[4] = assign(@0:f32[4])\n");
}

// Two chains of three; the second could have the first one's memory, and would wait for it.
std::int64_t arena_of_two_chains(std::int64_t extent, const Target& target) {
  Graph g;
  for (const char* name : {"a", "b"}) {
    const Value x = variable(g, name, Shape{extent});
    assign(x, exp(exp(exp(x))));
  }
  return lower(g, target, "p").arena_bytes;
}

TEST(Lower, SmallResultsShareMemoryWithNoOther) {
  EXPECT_EQ(arena_of_two_chains(16, kTarget), 64);
  EXPECT_EQ(arena_of_two_chains(16, ApartTarget()), 4 * 64);
  EXPECT_EQ(arena_of_two_chains(17, ApartTarget()), 68);
}

// x -> relu -> batch norm -> max pool, and the gradients by x, gamma, beta and a bias under the
// relu.
void emit_norm_pool(Graph& g, bool pool_alone) {
  const Value x = variable(g, "x", Shape{2, 4, 4, 3}), bias = variable(g, "bias", Shape{3});
  const Value gamma = variable(g, "gamma", Shape{3}), beta = variable(g, "beta", Shape{3});
  const Value active = relu(x + broadcast(bias, x.shape()));
  const Value y = batch_norm(active, gamma, beta, 1e-3).y;
  WindowAttributes window;
  window.size = window.stride = {2, 2};
  window.input = x.shape();
  Value loss = reduce_sum(square(max_pool(y, window)), {0, 1, 2, 3});
  if (!pool_alone) loss = loss + reduce_sum(y, {0, 1, 2, 3});
  for (const Value& to : {gamma, beta, bias}) assign(to, gradient(loss, to));
}

TEST(FuseNormPool, PoolNormMaskAndBiasSumsBecomeTwoOps) {
  Graph g, differentiated, folded, same, result, cleaned;
  emit_norm_pool(g, true);
  differentiate(g, differentiated, kTarget);
  fold(differentiated, folded, kTarget);
  common_subexpressions(folded, same, kTarget);
  fuse_norm_pool(same, result, kTarget);
  common_subexpressions(result, cleaned, kTarget);  // drops what is not read any more
  EXPECT_EQ(to_text(cleaned),
            "%0 = variable x : f32[2, 4, 4, 3]\n"
            "%1 = variable bias : f32[3]\n"
            "%2 = variable gamma : f32[3]\n"
            "%3 = variable beta : f32[3]\n"
            "%4 = broadcast(%1) : f32[2, 4, 4, 3]\n"
            "%5 = add(%0, %4) : f32[2, 4, 4, 3]\n"
            "%6 = relu(%5) : f32[2, 4, 4, 3]\n"
            "%7 = batch_norm_pool(%6, %2, %3) size=[2, 2] stride=[2, 2] epsilon=0.001 : "
            "f32[2, 2, 2, 3], f32[3], f32[3], f32[2, 2, 2, 3]\n"
            "%8 = constant 2 : f32[2, 2, 2, 3]\n"
            "%9 = mul(%7.0, %8) : f32[2, 2, 2, 3]\n"
            "%10 = batch_norm_pool_grad(%9, %6, %7.3, %2, %7.1, %7.2) size=[2, 2] stride=[2, 2] "
            "relu epsilon=0.001 : f32[2, 4, 4, 3], f32[3], f32[3], f32[3]\n"
            "%11 = assign(%2, %10.1)\n"
            "%12 = assign(%3, %10.2)\n"
            "%13 = assign(%1, %10.3)\n");
}

TEST(FuseNormPool, LeavesANormThatIsReadElsewhere) {
  Graph g, differentiated;
  emit_norm_pool(g, false);
  differentiate(g, differentiated, kTarget);
  const std::string text = after(fuse_norm_pool, differentiated);
  EXPECT_THAT(text, Not(HasSubstr("batch_norm_pool")));
  EXPECT_THAT(text, HasSubstr("max_pool_grad"));
}

class OverwritingTarget final : public Target {
 public:
  int bytes(DType dtype) const override { return host_bytes(dtype); }
  bool overwrites(const Node& heavy, std::size_t input) const override {
    return heavy.op == Op::batch_norm_grad && input == 1;
  }
};

// dx of a batch norm; `also` reads x after it.
std::string lowered_norm_gradient(const Target& target, bool also) {
  Graph g, differentiated;
  const Value x = exp(variable(g, "x", Shape{2, 3})), gamma = variable(g, "gamma", Shape{3});
  const Value loss = reduce_sum(square(batch_norm(x, gamma, gamma, 1e-3).y), {0, 1});
  const Value dx = gradient(loss, x);
  assign(variable(g, "rows", Shape{2}), reduce_sum(dx, {1}));
  if (also) assign(variable(g, "sum", Shape{}), reduce_sum(dx * x, {0, 1}));
  differentiate(g, differentiated, target);
  return to_text(lower(differentiated, target, "p"));
}

TEST(Lower, WritesOverAnInputWhereTheTargetMay) {
  const OverwritingTarget target;
  // @0: exp(x), then dx.
  EXPECT_THAT(lowered_norm_gradient(target, false),
              testing::ContainsRegex("\n@0:f32.2, 3., [^\n]* = batch_norm_grad\\([^,]*, [^@]*@0:"));
  EXPECT_THAT(lowered_norm_gradient(target, true),
              Not(testing::ContainsRegex("\n@0:f32.2, 3., [^\n]* = batch_norm_grad")));
  EXPECT_THAT(lowered_norm_gradient(kTarget, false),
              Not(testing::ContainsRegex("\n@0:f32.2, 3., [^\n]* = batch_norm_grad")));
}

// max_pool of x * scale + shift; `also` reads what is pooled, too.
void emit_pool_affine(Graph& g, bool also) {
  const Value x = variable(g, "x", Shape{2, 4, 4, 3});
  const Value scale = variable(g, "scale", Shape{3}), shift = variable(g, "shift", Shape{3});
  const Value pooled = x * scale + shift;
  WindowAttributes window;
  window.size = window.stride = {2, 2};
  assign(variable(g, "y", Shape{2, 2, 2, 3}), max_pool(pooled, window));
  if (also) assign(x, pooled);
}

TEST(FusePoolAffine, ScaleAndShiftBecomeInputsOfThePooling) {
  Graph g, result, cleaned;
  emit_pool_affine(g, false);
  fuse_pool_affine(g, result, kTarget);
  common_subexpressions(result, cleaned, kTarget);  // drops what is not read any more
  EXPECT_EQ(to_text(cleaned),
            "%0 = variable x : f32[2, 4, 4, 3]\n"
            "%1 = variable scale : f32[3]\n"
            "%2 = variable shift : f32[3]\n"
            "%3 = variable y : f32[2, 2, 2, 3]\n"
            "%4 = max_pool(%0, %1, %2) size=[2, 2] stride=[2, 2] : f32[2, 2, 2, 3]\n"
            "%5 = assign(%3, %4)\n");
}

TEST(FusePoolAffine, LeavesWhatIsReadElsewhere) {
  Graph g;
  emit_pool_affine(g, true);
  EXPECT_THAT(after(fuse_pool_affine, g), HasSubstr("max_pool(%7) size"));
}

// Pooling by 2x2 of a convolution's 5x4 results; `also` reads those, too.
void emit_pooled_convolution(Graph& g, bool also) {
  const Value x = variable(g, "x", Shape{2, 7, 6, 3}), k = variable(g, "k", Shape{3, 3, 3, 8});
  WindowAttributes three, two;
  three.size = {3, 3};
  two.size = two.stride = {2, 2};
  const Value y = conv2d(x, k, three);
  assign(variable(g, "pooled", Shape{2, 2, 2, 8}), max_pool(y, two));
  if (also) assign(variable(g, "y", Shape{2, 5, 4, 8}), y);
}

TEST(CropPooled, LeavesOutWhatLiesInNoWindow) {
  Graph g;
  emit_pooled_convolution(g, false);
  EXPECT_EQ(after(crop_pooled, g),
            "%0 = variable x : f32[2, 7, 6, 3]\n"
            "%1 = variable k : f32[3, 3, 3, 8]\n"
            "%2 = variable pooled : f32[2, 2, 2, 8]\n"
            "%3 = conv2d(%0, %1) size=[3, 3] pad_after=[-1, 0] : f32[2, 4, 4, 8]\n"
            "%4 = max_pool(%3) size=[2, 2] stride=[2, 2] : f32[2, 2, 2, 8]\n"
            "%5 = assign(%2, %4)\n");
}

TEST(CropPooled, KeepsWhatIsReadElsewhere) {
  Graph g;
  emit_pooled_convolution(g, true);
  EXPECT_THAT(after(crop_pooled, g), HasSubstr(": f32[2, 5, 4, 8]"));
}

}  // namespace
}  // namespace treino::compiler
