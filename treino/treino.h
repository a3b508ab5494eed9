// SPDX-License-Identifier: Apache-2.0
// Everything a program that trains with Treino needs. See examples/.
#pragma once

#include "treino/backend/devices.h"
#include "treino/data/load.h"
#include "treino/nn/layers.h"
#include "treino/nn/recipe.h"
#include "treino/nn/summary.h"
#include "treino/train/evaluate.h"
#include "treino/train/fit.h"
