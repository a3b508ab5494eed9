// SPDX-License-Identifier: Apache-2.0
// All statistics of an experiment (docs/statistics.md says why these).
#pragma once

#include "treino/experiment/bootstrap.h"
#include "treino/experiment/comparison.h"
#include "treino/experiment/location.h"
#include "treino/experiment/permutation.h"
#include "treino/experiment/power.h"
#include "treino/experiment/time_to_accuracy.h"
