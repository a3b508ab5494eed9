// SPDX-License-Identifier: Apache-2.0
// Every way a program can be run: the devices with each instruction set of this machine, with and
// without oneDNN, with each algorithm for convolutions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "treino/backend/devices.h"

namespace treino::conformance {

struct Backend {
  std::string name;       // "cpu avx2 winograd"
  std::string algorithm;  // that convolutions are forced to; empty: none
  std::unique_ptr<Device> device;
};

// Those that differ for convolutions; a process makes them once.
const std::vector<Backend>& all_backends();
// Those that differ for an op that is no convolution.
std::vector<const Backend*> plain_backends();
// Those, and the CUDA device with all products of few bits that its libraries can make made by them.
std::vector<const Backend*> short_product_backends();

// The oracle.
Device& reference();

}  // namespace treino::conformance
