// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "treino/data/dataset.h"

namespace treino::data {

// The place of the first label outside 0 .. classes-1, or as many as there are.
std::size_t first_outside(std::span<const std::int32_t> labels, std::size_t classes);

// Throws Error::mistake naming the first label outside 0 .. classes-1 and its offset in the file:
// label i stands at byte `first + i * stride`.
void check_labels(std::span<const std::int32_t> labels, int classes, const std::string& file,
                  std::int64_t first, std::int64_t stride);

// Labels of an array as i32 [samples]: class numbers [samples] or [samples, 1] of any type, or
// one-hot rows [samples, classes]. Throws Error::mistake that names `place`.
HostTensor class_numbers(const HostTensor& from, std::int64_t samples, const std::string& place);

// Classes by their numbers, as many as the labels of both parts have and no name is there for.
void number_classes(Dataset& dataset);

}  // namespace treino::data
