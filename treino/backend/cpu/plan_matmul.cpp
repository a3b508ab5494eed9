// SPDX-License-Identifier: Apache-2.0
// Matrix products by rectangles of the result: no two slices write one element, nothing is summed
// up afterwards.
#include <algorithm>
#include <atomic>
#include <bit>

#include "treino/backend/cpu/plan.h"
#include "treino/base/error.h"

namespace treino::cpu {

namespace {

constexpr Index kRowsAtOnce = 96;
// Rows of b that are multiplied at a time where the inner extent is cut: of 128 columns they leave
// room in L1 for a and c, and what is not zero of a row of a is one word
// (kernels/product_skipping). With vectors of 16 the end of a row weighs more, and reading b from
// L2 once more less.
Index inner_rows(const Kernels& kernels) {
  return kernels.lanes < 16 ? 56 : 98;
}

// Below this share of nonzero elements of A skipping the others is faster than the dense kernel.
constexpr double kSparse = 0.5;
// A few rows of A tell how the others are, and those of one run how they will be for kSteps more.
constexpr Index kRowsLookedAt = 8;
constexpr Index kLeastColumns = 32;
constexpr int kSteps = 64;

struct Matmul {
  const float *a = nullptr, *b = nullptr, *bias = nullptr;
  float* c = nullptr;
  const Kernels* kernels = nullptr;
  Index m = 0, n = 0, k = 0;
  Index row_parts = 1, column_parts = 1;
  Index panel = 0;  // columns of a transposed b that are turned at a time
  bool transpose_a = false, transpose_b = false, relu = false;
  Index inner_parts = 1, finish_slices = 1;  // of k, each with a copy of c
  Index pieces = 1;                          // of a part, added up in its copy one by one
  float* copies = nullptr;
  bool may_skip = false;
  // Of each slice: for so many runs it is known that A is mostly zeros, below 0 that it is not.
  // That decides how a result is computed, never which bits it has.
  mutable std::vector<std::atomic<int>> known;
  // Where slices are of rows and all read the whole of B: what the first of a run found.
  enum Finite : int { unknown, yes, no };
  bool shares_b() const {
    return may_skip && inner_parts == 1 && column_parts == 1 && !transpose_b;
  }
  mutable std::atomic<int> finite{unknown}, finished{0};
};

bool is_finite(const Matmul& state, const Product& product) {
  const auto look = [&] {
    return state.kernels->all_finite(product.b, product.b_stride, product.length, product.columns);
  };
  if (!state.shares_b()) return look();
  int known = state.finite.load(std::memory_order_relaxed);
  if (known == Matmul::unknown) {
    known = look() ? Matmul::yes : Matmul::no;
    state.finite.store(known, std::memory_order_relaxed);
  }
  return known == Matmul::yes;
}

// The run's last slice leaves nothing known to the next run, which begins after it.
void forget(const Matmul& state) {
  if (!state.shares_b() || state.finished.fetch_add(1, std::memory_order_relaxed) + 1 <
                               static_cast<int>(state.row_parts))
    return;
  state.finished.store(0, std::memory_order_relaxed);
  state.finite.store(Matmul::unknown, std::memory_order_relaxed);
}

// Whether the part of A that the product reads is mostly zeros, and B without infinities.
bool worth_skipping(const Matmul& state, const Product& product, Range rows, Index inner,
                    Index slice) {
  if (!state.may_skip || product.columns < kLeastColumns) return false;
  std::atomic<int>& known = state.known[static_cast<std::size_t>(slice)];
  if (const int runs = known.load(std::memory_order_relaxed); runs != 0) {
    known.store(runs > 0 ? runs - 1 : runs + 1, std::memory_order_relaxed);
    return runs > 0 && is_finite(state, product);
  }
  const Kernels& kernels = *state.kernels;
  // As they lie in memory: rows of C are columns of a transposed A.
  const Index lines = state.transpose_a ? product.length : rows.end - rows.begin;
  const Index line = state.transpose_a ? rows.end - rows.begin : product.length;
  const float* first = state.transpose_a ? state.a + inner * state.m + rows.begin
                                         : state.a + rows.begin * state.k + inner;
  const Index stride = state.transpose_a ? state.m : state.k;
  const Index step = std::max<Index>(1, lines / kRowsLookedAt);
  Index found = 0, looked_at = 0;
  for (Index at = 0; at < lines; at += step, looked_at += line)
    found += kernels.count_nonzero(first + at * stride, line);
  const bool sparse = static_cast<double>(found) < kSparse * static_cast<double>(looked_at);
  known.store(sparse ? kSteps : -kSteps, std::memory_order_relaxed);
  return sparse && is_finite(state, product);
}

// c[rows, ...] of a product whose operands' inner extent starts at `inner`; true if the rows went
// to the update instead.
bool multiply(const Matmul& state, Product& product, Range rows, Index slice, Index inner = 0,
              const Update* update = nullptr) {
  const float* pointers[kRowsAtOnce];
  const bool skips = worth_skipping(state, product, rows, inner, slice);
  const bool updates = skips && update != nullptr && update->run == state.kernels->adam &&
                       state.kernels->product_skipping_adam != nullptr;
  const auto run = skips ? state.kernels->product_skipping : state.kernels->product;
  for (Index row = rows.begin; row < rows.end; row += kRowsAtOnce) {
    product.row_count = std::min(kRowsAtOnce, rows.end - row);
    for (Index i = 0; i < product.row_count; ++i) {
      pointers[i] =
          state.a + (state.transpose_a ? row + i + inner * state.m : (row + i) * state.k + inner);
    }
    Product part = product;
    part.rows = pointers;
    part.c += row * state.n;
    if (updates) {
      state.kernels->product_skipping_adam(part, update->arguments, (row - rows.begin) * state.n);
    } else {
      run(part);
    }
  }
  return updates;
}

// One slice of the result, whose first element would be at `c`; true if it went to the update.
bool multiply_slice(const Matmul& state, Index slice, float* c, std::byte* scratch,
                    const Update* update = nullptr) {
  const Range rows = share(state.m, state.row_parts, slice % state.row_parts);
  const Index unit = 4 * state.kernels->lanes;  // parts end at whole tiles
  const Range units =
      share((state.n + unit - 1) / unit, state.column_parts, slice / state.row_parts);
  const Range columns{units.begin * unit, std::min(units.end * unit, state.n)};

  Product product;
  product.length = state.k;
  product.a_step = state.transpose_a ? state.m : 1;
  product.c_stride = state.n;
  product.relu = state.relu;
  bool updated = false;
  const Index step = state.transpose_b ? state.panel : columns.end - columns.begin;
  for (Index column = columns.begin; column < columns.end; column += step) {
    product.columns = std::min(step, columns.end - column);
    product.c = c + column;
    product.bias = state.bias == nullptr ? nullptr : state.bias + column;
    if (state.transpose_b) {
      float* turned = reinterpret_cast<float*>(scratch);
      state.kernels->transpose(turned, product.columns, state.b + column * state.k, state.k,
                               product.columns, state.k);
      product.b = turned;
      product.b_stride = product.columns;
    } else {
      product.b = state.b + column;
      product.b_stride = state.n;
    }
    updated = multiply(state, product, rows, slice, 0, update);
  }
  forget(state);
  return updated;
}

void run_matmul(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Matmul*>(opaque);
  multiply_slice(state, slice, state.c, scratch);
}

bool make_slice(const void* opaque, Index slice, float* first, const Update& update) {
  return multiply_slice(*static_cast<const Matmul*>(opaque), slice, first, nullptr, &update);
}

// Parts of an inner extent, each with a copy of c that others read later, from another core's cache
// mostly: of a short product few, whose copies together have a quarter of b's size.
Index most_parts(const Matmul& state, double nanoseconds) {
  if (nanoseconds > kFewSlices * 40000) return state.k;
  const auto quarter = static_cast<std::uint64_t>(state.k / (4 * state.m));
  return std::max(static_cast<Index>(std::bit_floor(quarter)), kFewSlices);
}

// A transposed b, turned once for all who read the whole of it.
struct TurnB {
  const float* b = nullptr;
  float* turned = nullptr;  // of columns floats a row
  const Kernels* kernels = nullptr;
  Index rows = 0, columns = 0, slices = 1;
};

void run_turn_b(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const TurnB*>(opaque);
  const Range columns = share(state.columns, state.slices, slice);
  state.kernels->transpose(state.turned + columns.begin, state.columns,
                           state.b + columns.begin * state.rows, state.rows,
                           columns.end - columns.begin, state.rows);
}

// A long inner extent is cut: the slices of b stay in L1 and with the thread that updates them, and
// c, small beside b, is summed up from copies.
void run_inner_part(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Matmul*>(opaque);
  const Range inner = share(state.k, state.inner_parts, slice);
  Product product;
  product.a_step = state.transpose_a ? state.m : 1;
  product.b_stride = product.c_stride = product.columns = state.n;
  product.c = state.copies + slice * copy_stride(state.m * state.n);
  for (Index piece = 0; piece < state.pieces; ++piece) {
    const Range part = share(inner.end - inner.begin, state.pieces, piece);
    product.length = part.end - part.begin;
    product.b = state.b + (inner.begin + part.begin) * state.n;
    product.accumulate = piece > 0;
    multiply(state, product, {0, state.m}, slice, inner.begin + part.begin);
  }
}

void run_finish(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Matmul*>(opaque);
  const Range rows = share(state.m, state.finish_slices, slice);
  state.kernels->finish_product(state.c + rows.begin * state.n, state.copies + rows.begin * state.n,
                                copy_stride(state.m * state.n), state.inner_parts,
                                rows.end - rows.begin, state.n, state.bias, state.relu);
}

void turn_b(Planner& planner, const Step& step, Matmul& state) {
  auto& turn = planner.state<TurnB>();
  turn.kernels = &planner.kernels;
  turn.rows = state.k;
  turn.columns = state.n;
  planner.point(turn.b, step.inputs[1]);
  planner.scratch(turn.turned, turn.rows * turn.columns);
  const double nanoseconds = nanoseconds_of(0, 8.0 * static_cast<double>(turn.rows * turn.columns));
  turn.slices = slices_for(turn.columns / planner.kernels.lanes, nanoseconds);
  planner.prepare(run_turn_b, &turn, turn.slices, nanoseconds, 2);
  planner.same_scratch(state.b, turn.turned);
  state.transpose_b = false;
}

}  // namespace

void plan_matmul(Planner& planner, const Step& step) {
  if (step.inputs[0].type.dtype != DType::f32) {
    throw Error::mistake("the cpu device multiplies f32 matrices only: cast the operands of " +
                         step.scope);
  }
  const auto& attributes = std::get<MatmulAttributes>(step.attributes);
  if (attributes.activation != Op::cast && attributes.activation != Op::relu) {
    throw Error::mistake(
        "the cpu device applies no activation but relu in a product: compile for its own target");
  }
  auto& state = planner.state<Matmul>();
  state.kernels = &planner.kernels;
  state.transpose_a = attributes.transpose_a;
  state.transpose_b = attributes.transpose_b;
  state.relu = attributes.activation == Op::relu;
  state.m = step.outputs[0].type.shape[0];
  state.n = step.outputs[0].type.shape[1];
  state.k = step.inputs[0].type.shape[attributes.transpose_a ? 0 : 1];
  planner.point(state.a, step.inputs[0]);
  if (!state.transpose_b) planner.point(state.b, step.inputs[1]);
  if (step.inputs.size() > 2) planner.point(state.bias, step.inputs[2]);
  planner.point(state.c, step.outputs[0]);

  const Index unit = 4 * planner.kernels.lanes, column_units = (state.n + unit - 1) / unit;
  const double vectors =
      static_cast<double>((state.n + planner.kernels.lanes - 1) / planner.kernels.lanes);
  state.may_skip = state.k <= (state.transpose_a ? kMostSkippedColumn : kMostSkippedRow);
  const double nanoseconds =
      nanoseconds_of(static_cast<double>(state.m * state.k * planner.kernels.lanes) * vectors,
                     4.0 * static_cast<double>(state.m * state.n + state.n * state.k));
  const Index row_units = (state.m + planner.kernels.row_block - 1) / planner.kernels.row_block;
  if (!state.transpose_b && state.k >= 4 * state.n && state.k >= 2 * state.m && state.k >= 256) {
    const Index pieces = slices_for(state.k / inner_rows(planner.kernels), nanoseconds,
                                    std::min<Index>(16, copies_within(state.m * state.n * 4)));
    state.inner_parts = std::min(pieces, most_parts(state, nanoseconds));
    state.pieces = (pieces + state.inner_parts - 1) / state.inner_parts;
    if (state.inner_parts > 1) {
      state.known = std::vector<std::atomic<int>>(static_cast<std::size_t>(state.inner_parts));
      const double copied = 4.0 * static_cast<double>(state.m * state.n * state.inner_parts);
      planner.scratch(state.copies, copy_stride(state.m * state.n) * state.inner_parts);
      planner.phase(run_inner_part, &state, state.inner_parts, nanoseconds, {}, {3, 0});
      const double summing = nanoseconds_of(0, copied);
      // As few as the steps after it have, when it is short.
      state.finish_slices = state.m >= kRowSlices && summing < kShortWork * kFewSlices
                                ? kFewSlices
                                : slices_for(state.m, summing);
      planner.phase(run_finish, &state, state.finish_slices, summing, {state.m, 0, 1}, {4, 1});
      return;
    }
  }
  // The longer side is cut first.
  const Index wanted = slices_for(column_units * row_units, nanoseconds);
  Partition partition;
  if (state.m > state.n) {
    state.row_parts = planner.short_row_slices(state.m, nanoseconds);
    // Parts of less than half a tile read B as often as whole ones.
    if (2 * state.m < state.row_parts * planner.kernels.row_block)
      state.row_parts = std::min(state.row_parts, kFewSlices);
    partition = {state.m, state.transpose_a ? 0U : 1U, 1};
  } else if (wanted == 1 && !state.transpose_a) {  // with the short steps around it
    state.row_parts = planner.short_row_slices(state.m, nanoseconds);
    partition = {state.m, 1, 1};
  } else {
    state.column_parts = std::min(column_units, wanted);
    state.row_parts = std::clamp<Index>(wanted / state.column_parts, 1, row_units);
  }
  state.known =
      std::vector<std::atomic<int>>(static_cast<std::size_t>(state.column_parts * state.row_parts));
  Touches touches;
  if (state.transpose_b && state.row_parts > 1) {
    turn_b(planner, step, state);
    touches.inputs = ~2U;
  } else if (state.transpose_b) {
    planner.point(state.b, step.inputs[1]);
    state.panel = unit;
    planner.worker_scratch(state.k * state.panel * 4);
  }
  planner.phase(run_matmul, &state, state.column_parts * state.row_parts, nanoseconds, partition,
                touches);
  const bool plain = step.inputs.size() == 2 && !state.relu;
  if (plain && state.transpose_a && !state.transpose_b && state.column_parts == 1)
    planner.makes_slice({make_slice, state.n});
}

}  // namespace treino::cpu
