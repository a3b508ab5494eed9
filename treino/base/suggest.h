// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace treino {

// The candidate closest to `word` (insertions, deletions, substitutions and swaps of neighbours, at
// most a third of its length and at least one); empty when none is close.
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

// The end of an error line about an unknown word: `; did you mean "kernel"?`, or, when nothing is
// close, `; known: filters, kernel, stride`.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace treino
