// SPDX-License-Identifier: Apache-2.0
// What a contestant said of its work in JSON, in a form that is equal where the work is. Any JSON
// can stand there: a stranger wrote it. Null is nothing said.
#pragma once

#include <optional>
#include <string>

namespace treino::experiment {

// "dense[128] 100480, dropout[128] 0". Nothing for what is no list of layers.
std::optional<std::string> layers_line(const std::string& json);

// "adam beta1 0.9 beta2 0.999 epsilon 1e-07 eps_root 0 rate 0.001". What is left unsaid is as in
// Keras 3 (docs/events.md); what is no optimiser with its numbers stays as it was written.
std::string optimizer_line(const std::string& json);

// Of true, false, or the size of a window. Nothing for anything else.
std::optional<bool> shuffles(const std::string& json);

}  // namespace treino::experiment
