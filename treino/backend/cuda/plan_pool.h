// SPDX-License-Identifier: Apache-2.0
// Windows of a pooling that lie side by side, of which a thread takes four channels at a time.
#pragma once

#include <type_traits>

#include "treino/backend/cuda/kernels/pool_quads.h"
#include "treino/graph/attributes.h"

namespace treino::cuda {

// Whether windows lie side by side without gaps, or there is but one, along each dimension, and
// four channels at a time go into them.
bool apart(const WindowAttributes& w);

// `begun`: with those that begin behind the last, at the lower and right edge, whose pixels lie in
// no window.
WindowQuads quads_of(const WindowAttributes& w, bool begun);

// Indices of a kernel with a thread for each of those windows.
inline Index windows_of(const WindowAttributes& w, const WindowQuads& quads) {
  return w.input[0] * quads.down * quads.across * quads.quads;
}

// f(the windows' extents, where there are kernels for them, or 0).
template <typename F>
void with_extent(const WindowAttributes& w, F&& f) {
  if (w.size[0] == 2 && w.size[1] == 2)
    f(std::integral_constant<int, 2>());
  else
    f(std::integral_constant<int, 0>());
}

}  // namespace treino::cuda
