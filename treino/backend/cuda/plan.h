// SPDX-License-Identifier: Apache-2.0
// What a program becomes: launches of kernels, in order, with their arguments. Pure data but for
// the addresses, which stand fast once arena and store are allocated.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

#include "treino/backend/cuda/driver.h"
#include "treino/backend/cuda/kernels.h"
#include "treino/backend/cuda/libraries.h"
#include "treino/backend/cuda/merge.h"
#include "treino/base/convert.h"
#include "treino/runtime/program.h"

namespace treino::cuda {

// Multiprocessors of a large GPU.
inline constexpr Index kProcessors = 132;

// Of scratch memory that steps in a row get one after the other, so that they may run side by side;
// from then on they share it.
inline constexpr Index kEnoughScratch = Index{16} << 20;

struct Launch {
  Kernel kernel{};
  Index count = 0;                             // indices, or tiles
  unsigned blocks = 0;                         // of kThreads threads each
  int step = 0;                                // of the program
  std::vector<int> after;                      // launches that must be done before
  std::size_t bytes = 0;                       // of the arguments
  std::size_t room = 0;                        // that a block's threads share
  std::shared_ptr<const LibraryCall> library;  // it is this instead of the kernel
  alignas(16) std::array<std::byte, 1024> arguments{};

  std::string name() const {
    return library ? library->name() : kKernelNames[static_cast<int>(kernel)];
  }
  LibraryCall::Operands operands() const {  // of the library's call
    LibraryCall::Operands result;
    std::memcpy(&result, arguments.data(), sizeof result);
    return result;
  }
};

// Bytes of the GPU's memory.
struct Extent {
  Address begin, end;
};

// So many launches that follow one another, and what they touch.
struct Touch {
  int launches = 0;
  std::vector<Extent> reads, writes;
};

struct Plan {
  std::vector<Launch> launches;
  std::vector<Touch> touches;      // all of them, in order
  std::vector<FusedGroup> groups;  // `groups_at` on the GPU
  Index scratch_bytes = 0;
  Index counters = 0;  // of 32 bits, zero between launches
};

// Plans once with addresses of nothing to learn what is needed, then with those of the real thing.
class Planner {
 public:
  struct Places {
    Address arena = 0, scratch = 0, groups = 0, counters = 0;
    std::vector<Address> variables;  // of the program
    Libraries* libraries = nullptr;  // null: own kernels only
  };

  Planner(const Places& places, Plan& plan) : places_(places), plan_(plan) {}

  // Adds the unit's launches and what they touch.
  void plan(const Unit& unit);
  // The launches since the last part of the step touch these, and wait for nothing else of it; for
  // steps of which a part need not wait for another.
  void end_part(const std::vector<Tensor>& reads, const std::vector<Tensor>& writes);
  // What the step's kernels do besides (merge.h).
  const Unit& unit() const { return *unit_; }

  template <typename T>
  T* at(const Tensor& tensor) const {
    return reinterpret_cast<T*>(address(tensor));
  }
  // Memory that is this step's own; a later step may have it again.
  template <typename T>
  T* scratch(Index count) {
    const Index begin = used_;
    used_ += padded(count * static_cast<Index>(sizeof(T)));
    plan_.scratch_bytes = std::max(plan_.scratch_bytes, used_);
    return reinterpret_cast<T*>(places_.scratch + static_cast<Address>(begin));
  }
  unsigned* counters(Index count) {
    const auto before = static_cast<Address>(plan_.counters);
    plan_.counters += count;
    return reinterpret_cast<unsigned*>(places_.counters + before * sizeof(unsigned));
  }
  Libraries* libraries() const { return places_.libraries; }
  void call(std::shared_ptr<const LibraryCall> library, const LibraryCall::Operands& operands) {
    Launch& launch = plan_.launches.emplace_back();
    launch.library = std::move(library);
    launch.count = launch.blocks = 1;
    launch.step = unit_->number;
    launch.bytes = sizeof operands;
    std::memcpy(launch.arguments.data(), &operands, sizeof operands);
  }
  // Where the group will be on the GPU.
  const FusedGroup* add(const FusedGroup& group) {
    plan_.groups.push_back(group);
    return reinterpret_cast<const FusedGroup*>(places_.groups +
                                               (plan_.groups.size() - 1) * sizeof(FusedGroup));
  }

  template <typename Work>
  void launch(const Work& work, Index count) {
    static_assert(std::is_trivially_copyable_v<Work>);
    static_assert(sizeof(Work) <= sizeof(Launch::arguments));
    if (count == 0) return;
    Launch& launch = plan_.launches.emplace_back();
    launch.kernel = kernel_of<Work>;
    launch.count = count;
    const Index wanted = kTiled<Work> ? count : (count + kThreads - 1) / kThreads;
    launch.blocks =
        static_cast<unsigned>(std::min(wanted, kTiled<Work> ? kMostTiles : kMostBlocks));
    launch.step = unit_->number;
    launch.bytes = sizeof work;
    launch.room = room_of<Work>();
    std::memcpy(launch.arguments.data(), &work, sizeof work);
  }

 private:
  template <typename Work>
  static constexpr std::size_t room_of() {
    if constexpr (kTiled<Work>)
      return sizeof(typename Work::Shared);
    else
      return 0;
  }
  std::vector<Extent> extents(const std::vector<Tensor>& tensors) const;
  Address address(const Tensor& tensor) const {
    return tensor.space == Space::arena
               ? places_.arena + static_cast<Address>(tensor.offset)
               : places_.variables[static_cast<std::size_t>(tensor.variable)];
  }

  // Of indices, twice what a large GPU has room for: each thread does several where there are many,
  // for a block's begin takes as long as some of them.
  static constexpr Index kMostBlocks = 2 * kProcessors * 8, kMostTiles = Index{1} << 20;

  const Places& places_;
  Plan& plan_;
  Index used_ = 0;  // of the scratch memory
  struct Begin {
    std::size_t launches;
    Index scratch, counters;
  } part_{};  // the step's present one
  const Unit* unit_ = nullptr;
};

Plan make_plan(const Program& program, const Planner::Places& places);

// How many chunks a sum of `length` terms for each of `elements` results is cut into: enough work
// for a large GPU, not so many that the second level is long; one where that level would take
// longer than it saves. Depends on nothing else.
Index chunks_for(Index elements, Index length);

// with_type() for kernels that only move elements.
template <typename F>
void with_size(DType dtype, F&& f) {
  switch (host_bytes(dtype)) {
    case 1:
      return f(std::uint8_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

// Calls f with 4 (neighbours at once) where that divides all of `extents`, else with 1.
template <typename F>
void with_neighbours(std::initializer_list<Index> extents, F&& f) {
  if (std::all_of(extents.begin(), extents.end(), [](Index extent) { return extent % 4 == 0; }))
    return f(std::integral_constant<int, 4>{});
  f(std::integral_constant<int, 1>{});
}

// Where an input's element is for each element of `to`.
Walk broadcast_walk(const Shape& from, const Shape& to);

// Plans a fused group that has a kernel of its own; false where it has none.
bool plan_known_group(Planner&, const Step&);
// The same for one whose 8-bit input is the rows that a step gathers.
void plan_gathered_group(Planner&, const Step& gather, const InRows& from, const Step& group);

// What a group is to a kernel that makes its first input; false where it is another.
template <typename Group>
bool fill_group(Planner&, const Step& group, KnownGroup<Group>& work);
// The same for Adam's update and a kernel that makes the gradient.
KnownGroup<group::adam> adam_of(Planner&, const Step& group);

// A group as known_groups.def writes it, and its constants.
struct WrittenGroup {
  std::string text;  // empty where no row can be the group's
  std::vector<double> constants;
};
WrittenGroup write_group(const Step& group);

Window to_window(const WindowAttributes& attributes);

// Throws Error::mistake, naming the step's layer, for anything but f32.
void demand_f32(const Step& step);

void plan_constant(Planner&, const Step&);
void plan_elementwise(Planner&, const Step&);
void plan_cast(Planner&, const Step&);
void plan_fused(Planner&, const Step&);
void plan_copy(Planner&, const Step&);
void plan_transpose(Planner&, const Step&);
void plan_broadcast(Planner&, const Step&);
void plan_window(Planner&, const Step&);
void plan_gather_rows(Planner&, const Step&);
void plan_scatter_rows(Planner&, const Step&);
void plan_one_hot(Planner&, const Step&);
void plan_dropout_mask(Planner&, const Step&);
void plan_augment(Planner&, const Step&);
void plan_reduce_sum(Planner&, const Step&);
void plan_reduce_max(Planner&, const Step&);
void plan_argmax(Planner&, const Step&);
void plan_matmul(Planner&, const Step&);
void plan_conv2d(Planner&, const Step&);
void plan_conv2d_grad_input(Planner&, const Step&);
void plan_conv2d_grad_kernel(Planner&, const Step&);
void plan_max_pool(Planner&, const Step&);
void plan_max_pool_grad(Planner&, const Step&);
void plan_avg_pool(Planner&, const Step&);
void plan_avg_pool_grad(Planner&, const Step&);
void plan_batch_norm(Planner&, const Step&);
void plan_batch_norm_grad(Planner&, const Step&);
void plan_batch_norm_pool(Planner&, const Step&);
void plan_batch_norm_pool_grad(Planner&, const Step&);
void plan_softmax(Planner&, const Step&);
void plan_cross_entropy(Planner&, const Step&);

}  // namespace treino::cuda
