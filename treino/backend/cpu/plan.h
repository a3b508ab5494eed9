// SPDX-License-Identifier: Apache-2.0
// How a program's steps become phases a thread team runs: the planner of each op makes one or more
// phases, each a plain function over a number of slices that depends on shapes alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "treino/backend/cpu/kernels.h"
#include "treino/backend/cpu/memory.h"
#include "treino/runtime/kernel_choice.h"
#include "treino/runtime/program.h"

namespace treino::cpu {

// Computes slice `slice` of a phase. `scratch` belongs to the worker for the time of the call.
using PhaseFunction = void (*)(const void* state, Index slice, std::byte* scratch);

// Memory a phase reads or writes.
struct Extent {
  int space =
      0;  // 0: the program's arena, 1: scratch of the steps, 2 + i: variable i of the program
  Index begin = 0, end = 0;
  bool sliced = false;  // slice s touches only the rows share(extent, slices, s) of it; see Phase
  friend bool overlap(const Extent& a, const Extent& b) {
    return a.space == b.space && a.begin < b.end && b.begin < a.end;
  }
  friend bool same_place(const Extent& a, const Extent& b) {
    return a.space == b.space && a.begin == b.begin && a.end == b.end;
  }
};

// How a convolution makes rows of an image of y anywhere, and a pooling takes them from there: what
// lets the one follow the other while few rows are in the first cache (join_pools).
struct MakesRows {
  // Rows [row, row + at_once) of image `image` of y, whose first row would be at `y`.
  void (*run)(const void* state, Index image, Index row, float* y, std::byte* scratch) = nullptr;
  Index at_once = 0, row_floats = 0, height = 0, batch = 0;
  Index scratch_bytes = 0;  // that it uses itself
};
struct TakesRows {
  // Rows [first, end) of the result, x's first row would be at `x`.
  void (*run)(const void* state, Index image, Index first, Index end, const float* x) = nullptr;
  Index row_height = 0, rows = 0;  // of x under a row of the result; of the result
};

// How a phase makes a slice of its first result anywhere, and an update takes that of its first
// input from there: what keeps a gradient in a worker's memory until its update has read it
// (join_updates). `first` is where the first row of all would be. Neither uses a worker's scratch.
struct Update {
  GroupFunction run = nullptr;
  GroupArguments arguments;  // of a slice
};
struct MakesSlice {
  // Whether the update has been done along the way, and `first` was left alone.
  bool (*run)(const void* state, Index slice, float* first, const Update& update) = nullptr;
  Index row_floats = 0;
};
struct TakesSlice {
  Update (*of)(const void* state, Index slice, const float* first) = nullptr;
};

// How the gradient of a convolution's kernel makes that of x on its way, for which dy is taken into
// the domain once (join_gradients).
struct TakesAlong {
  PhaseFunction run = nullptr;    // of both; its state: Pair
  PhaseFunction other = nullptr;  // what the phase of the gradient of x runs
  // Whether the two take dy into the same domain, by their states.
  bool (*fits)(const void* own, const void* other) = nullptr;
};
struct Pair {
  const void *own = nullptr, *other = nullptr;
};

struct Phase {
  PhaseFunction run = nullptr;
  const void* state = nullptr;
  Index slices = 1;
  Index extent = 0;        // rows (samples) the slices share, 0: slices mean something else
  double nanoseconds = 0;  // rough, for the whole phase; decides who does what, never the result
  int step = 0;
  bool prepares = false;  // see Planner::prepare
  bool leads = false;     // follows no other phase slice by slice: its own data fill the cache
  std::vector<Extent> reads, writes;
  MakesRows makes;
  TakesRows takes;
  TakesAlong along;
  MakesSlice makes_slice;
  TakesSlice takes_slice;
};

bool overlap(const std::vector<Extent>& a, const std::vector<Extent>& b);
// Whether the order of the two matters.
bool conflict(const Phase& a, const Phase& b);
// Whether the order of a phase and any of phases [begin, end) matters: else it may move past them.
bool conflict(const Phase& phase, const std::vector<Phase>& phases, std::size_t begin,
              std::size_t end);
// Whether what lies in `place` after phase `last` is read later: no write after that covers all
// that is read.
bool is_read_later(const std::vector<Phase>& phases, const Extent& place, std::size_t last);

// A pointer inside some phase's state, set once the memory is there and again when it moves.
struct Fixup {
  void** where = nullptr;
  int space = 0;  // as in Extent
  Index offset = 0;
};

// Which of a step's tensors a phase walks by rows of axis 0 (samples, in most steps): bit i for
// input i, output i. Phases whose slices are the same rows run one after the other on each slice,
// without a barrier and while the data are in cache.
struct Partition {
  Index extent = 0;
  unsigned inputs = 0, outputs = 0;
};

// Which of a step's tensors a phase touches at all, by bit as above.
struct Touches {
  unsigned inputs = ~0U, outputs = ~0U;
};

// Which algorithm serves convolutions; all but the first two wherever they can.
enum class Convolutions { by_table, direct, winograd, onednn };
inline constexpr std::string_view kConvolutions[] = {"by_table", "direct", "winograd", "onednn"};
inline std::string_view name(Convolutions c) {
  return kConvolutions[static_cast<std::size_t>(c)];
}
inline bool is_convolution(Op op) {
  return op == Op::conv2d || op == Op::conv2d_grad_input || op == Op::conv2d_grad_kernel;
}

struct PlanOptions {
  const Kernels* kernels = nullptr;
  Convolutions convolutions = Convolutions::by_table;
  bool onednn = true;
  // Where `convolutions` is by_table: what serves a step instead, by choice_key().
  std::map<std::string, Convolutions> chosen;
};
inline std::string choice_key(std::string_view op, std::string_view shape) {
  return std::string(op) + " " + std::string(shape);
}

struct Plan {
  std::vector<Phase> phases;
  std::vector<Fixup> fixups;
  std::vector<std::shared_ptr<void>> states;
  std::vector<std::string> choices;  // one a step
  std::vector<KernelChoice> heavy;   // convolutions and products, each op and shape once
  Index scratch_bytes = 0;           // shared by nobody: each step has its own part
  Index worker_bytes = 0;            // for each worker
};

class Planner {
 public:
  Planner(const PlanOptions& options, Plan& plan)
      : kernels(*options.kernels), options_(options), plan_(plan) {}

  const Kernels& kernels;
  Convolutions convolutions() const { return wanted_; }  // for the current step
  bool onednn() const { return options_.onednn; }

  void begin_step(int number, const Step& step);
  // The phases from here on read and write what this part of the current step does.
  void touch(const Step& part);

  // A state of the current step; its address stays.
  template <typename State>
  State& state() {
    auto owned = std::make_shared<State>();
    plan_.states.push_back(owned);
    return *owned;
  }

  // `where` will point at the tensor's first element; it must stay where it is from now on.
  template <typename T>
  void point(T*& where, const Tensor& tensor) {
    plan_.fixups.push_back({reinterpret_cast<void**>(const_cast<std::remove_const_t<T>**>(&where)),
                            space_of(tensor), tensor.space == Space::arena ? tensor.offset : 0});
  }

  // Memory of the current step alone, zero before the first run.
  template <typename T>
  void scratch(T*& where, Index count) {
    plan_.fixups.push_back({reinterpret_cast<void**>(&where), 1, plan_.scratch_bytes});
    plan_.scratch_bytes += whole_lines(count * static_cast<Index>(sizeof(T)));
  }

  // `where` will point at what a pointer given to scratch() points at.
  template <typename T>
  void same_scratch(const T*& where, T* const& first) {
    for (std::size_t i = plan_.fixups.size(); i-- > 0;) {
      if (plan_.fixups[i].where != static_cast<const void*>(&first)) continue;
      plan_.fixups.push_back(
          {reinterpret_cast<void**>(const_cast<T**>(&where)), 1, plan_.fixups[i].offset});
      return;
    }
  }

  // Looks at what the program's steps make, for row_slices().
  void survey(const Program& program);

  // Slices of `extent` rows or samples: one for short work, else the same number whatever the work,
  // so that one phase's slices fit the next one's. kRowSlices of them; more where the program has a
  // tensor of that extent whose slices would not stay in the second cache on the way from one phase
  // to the next.
  Index row_slices(Index extent, double nanoseconds) const;

  // The same where short work is cut too, into kFewSlices: what follows one another at the end of a
  // network, each a microsecond or less, becomes one chain that some workers share.
  Index short_row_slices(Index extent, double nanoseconds) const;

  // At least so many bytes of the `scratch` every call of a phase function gets.
  void worker_scratch(Index bytes) {
    plan_.worker_bytes = std::max(plan_.worker_bytes, whole_lines(bytes));
  }

  // Phases of one step run one after the other.
  void phase(PhaseFunction run, const void* state, Index slices, double nanoseconds,
             const Partition& partition = {}, const Touches& touches = {});

  // Of the phase just planned.
  void makes_rows(const MakesRows& makes) { plan_.phases.back().makes = makes; }
  void takes_rows(const TakesRows& takes) { plan_.phases.back().takes = takes; }
  void takes_along(const TakesAlong& along) { plan_.phases.back().along = along; }
  void makes_slice(const MakesSlice& makes) { plan_.phases.back().makes_slice = makes; }
  void takes_slice(const TakesSlice& takes) { plan_.phases.back().takes_slice = takes; }

  // A phase whose results are scratch that later phases of the step only read: where the inputs
  // it touches are constant it runs once, not at every run of the program.
  void prepare(PhaseFunction run, const void* state, Index slices, double nanoseconds,
               unsigned inputs);

  // What the step's choice line says, and the algorithm that serves a convolution; "own
  // <instruction set>" and direct without a call.
  void choose(std::string text, Convolutions served = Convolutions::direct) {
    plan_.choices.back() = std::move(text);
    served_ = served;
  }
  // Notes what serves the step. Throws Error::mistake where that is not what was chosen for it.
  void end_step(const Step& step);

  static int space_of(const Tensor& tensor) {
    return tensor.space == Space::arena ? 0 : 2 + tensor.variable;
  }
  static Extent extent_of(const Tensor& tensor);

 private:
  const PlanOptions& options_;
  Plan& plan_;
  std::vector<Extent> reads_, writes_;
  Convolutions wanted_ = Convolutions::by_table, served_ = Convolutions::direct;
  std::map<Index, Index> largest_;  // bytes of the largest result, by its extent along axis 0
  Index scratch_begin_ = 0;
  int step_ = 0;
};

// Rough time of a phase on one core.
inline double nanoseconds_of(double multiply_adds, double bytes) {
  return multiply_adds / 30 + bytes / 32 + 50;
}

// Nanoseconds below which work is not cut into slices, as a barrier would cost too much of it.
inline constexpr double kShortWork = 4000;

// Slices for `units` of work that take so long together: one below a few microseconds, else up to
// `most` of about two microseconds or more. A function of shapes: results must not depend on
// threads.
Index slices_for(Index units, double nanoseconds, Index most = 32);

// Slices of rows or samples, and the bound of the copies of what is summed over the batch. Sixteen
// keep sixteen threads busy.
inline constexpr Index kRowSlices = 16, kFewSlices = 4;

// Forward, an image of fewer channels has a Winograd kernel of its own (WinogradRow).
inline constexpr Index kNarrowChannels = 16;

// Copies of what slices sum up side by side take at most so much memory for a step (8 copies of a
// gradient of 3x3x512x512 would be 75 MB): wider layers are cut into fewer slices, by shape alone.
inline constexpr Index kPartialBytes = Index{16} << 20;
inline Index copies_within(Index bytes, Index most = kPartialBytes) {
  return std::max<Index>(1, most / std::max<Index>(bytes, 1));
}

// Floats from one copy to the next: copies of round sizes would meet in one set of the caches where
// they are summed.
inline Index copy_stride(Index floats) {
  return floats + 16;
}

// The units [begin, end) of a slice when `units` are shared evenly.
struct Range {
  Index begin, end;
};
inline Range share(Index units, Index slices, Index slice) {
  return {units * slice / slices, units * (slice + 1) / slices};
}

using PlanFunction = void (*)(Planner&, const Step&);

void plan_elementwise(Planner&, const Step&);  // every elementwise op, broadcast
void plan_fused(Planner&, const Step&);
void plan_constant(Planner&, const Step&);
void plan_copy(Planner&, const Step&);  // reshape, assign
void plan_transpose(Planner&, const Step&);
void plan_reduce(Planner&, const Step&);
void plan_argmax(Planner&, const Step&);
void plan_window(Planner&, const Step&);
void plan_gather_rows(Planner&, const Step&);
void plan_scatter_rows(Planner&, const Step&);
void plan_one_hot(Planner&, const Step&);
void plan_dropout_mask(Planner&, const Step&);
void plan_augment(Planner&, const Step&);
void plan_matmul(Planner&, const Step&);
void plan_conv2d(Planner&, const Step&);
void plan_conv2d_grad_input(Planner&, const Step&);
void plan_conv2d_grad_kernel(Planner&, const Step&);
// Plans the step with oneDNN when that is chosen and has an implementation; false when not.
bool plan_onednn(Planner&, const Step&);
// The fixed table: whether oneDNN is faster than the own kernel of this instruction set.
bool onednn_is_best(const Kernels&, Op, const WindowAttributes&);
void plan_pool(Planner&, const Step&);
void plan_batch_norm(Planner&, const Step&);
void plan_batch_norm_grad(Planner&, const Step&);
void plan_batch_norm_pool(Planner&, const Step&);
void plan_batch_norm_pool_grad(Planner&, const Step&);
void plan_softmax(Planner&, const Step&);
void plan_cross_entropy(Planner&, const Step&);

// Lets poolings take rows from the convolution before them where nothing else reads those.
void join_pools(Plan& plan);

// The plan's phases, where the two gradients of a convolution are one if both take dy into the same
// domain. It has the slices of the kernel's gradient, so only where `workers` have two or more of
// those each. The bits are those of the two by themselves. The plan gets what the phases point at.
std::vector<Phase> join_gradients(Plan& plan, int workers);

// `phases` of the plan, where a gradient and its update are one if nothing else reads the gradient
// and both have the same slices. The bits are those of the two by themselves.
std::vector<Phase> join_updates(Plan& plan, std::vector<Phase> phases);

// Plans every step. Throws Error::mistake for an op no kernel serves.
Plan make_plan(const Program& program, const PlanOptions& options);

}  // namespace treino::cpu
