// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/fused.h"

#include <algorithm>
#include <cstring>

namespace treino::cpu {

namespace {

template <typename T>
void repeat(void* to, const void* from, Index count) {
  std::fill_n(static_cast<T*>(to), count, *static_cast<const T*>(from));
}

void repeat(void* to, const void* from, Index count, int element_bytes) {
  if (element_bytes == 1)
    repeat<std::uint8_t>(to, from, count);
  else if (element_bytes == 4)
    repeat<std::uint32_t>(to, from, count);
  else
    repeat<std::uint64_t>(to, from, count);
}

}  // namespace

void run_fused(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const FusedState*>(opaque);
  std::byte* at[kMostSlots];
  for (int i = 0; i < state.constant_count; ++i) {
    at[state.constant_slots[i]] =
        reinterpret_cast<std::byte*>(const_cast<double*>(&state.constants[i]));
  }
  for (const FixedSlot& slot : state.fixed) at[slot.slot] = slot.base;
  for (const RegisterSlot& slot : state.registers) at[slot.slot] = scratch + slot.offset;
  for (const MicroOp& op : state.once) op.run(at[op.out], at[op.a], at[op.b], at[op.c], 1);
  for (const FusedState::Splat& splat : state.splats)
    repeat(at[splat.to], at[splat.from], state.block, splat.element_bytes);

  const Range rows = share(state.rows, state.slices, slice);
  const Index begin = rows.begin * state.row_elements,
              end = std::min(rows.end * state.row_elements, state.elements);
  for (Index first = begin; first < end; first += state.block) {
    const Index count = std::min(state.block, end - first);
    for (const MovingSlot& slot : state.moving)
      at[slot.slot] = slot.base + first * slot.element_bytes;
    for (const Load& load : state.loads) {
      if (load.once && first > begin) continue;
      walk(load.pattern, load.base, first,
           load.once ? std::min(state.block, state.elements) : count, load.element_bytes,
           at[load.slot]);
    }
    for (const MicroOp& op : state.body) op.run(at[op.out], at[op.a], at[op.b], at[op.c], count);
    for (const FusedState::Copy& copy : state.copies) {
      std::memcpy(at[copy.to], at[copy.from], static_cast<std::size_t>(count * copy.element_bytes));
    }
  }
}

}  // namespace treino::cpu
