// SPDX-License-Identifier: Apache-2.0
// What a run that goes on must find as it left it. All of these throw Error::mistake that names the
// run's folder, what differs and what to do.
#pragma once

#include <string>
#include <string_view>

#include "treino/train/checkpoint.h"
#include "treino/train/programs.h"
#include "treino/train/run_folder.h"

namespace treino::train {

void check_device(const std::string& folder, const Environment& before, std::string_view device);
void check_data(const std::string& folder, const Environment& before, const Environment& now);

// The same bits need the same kernels and, where sums are cut, the same slices.
void check_kernels(const std::string& folder, const Environment& before, const Environment& now);

// Where the training stood must be a place it can stand at, and the device's counters must be
// there.
void check_position(const std::string& folder, const Position& position,
                    const FeedPrograms& training, const Store& store);

}  // namespace treino::train
