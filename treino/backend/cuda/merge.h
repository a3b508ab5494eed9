// SPDX-License-Identifier: Apache-2.0
// Which steps of a program become one launch: a kernel that ends with the elementwise group that
// reads its result, or begins with the window of row numbers or the cast that it reads; and which
// become several: a group of single numbers, so that none waits for what only another needs. A
// GPU's step takes the launches that wait for one another.
#pragma once

#include <memory>
#include <vector>

#include "treino/runtime/program.h"

namespace treino::cuda {

// What is planned at once: a step, and what its kernels do besides.
struct Unit {
  int number = 0;  // of the step in the program
  const Step* step = nullptr;
  std::shared_ptr<const Step> part;  // `step`, where it is only a part of the program's
  const Step* before = nullptr;      // made what the step reads, which now makes it itself
  const Step* then = nullptr;        // reads output `handed` of the step
  std::size_t handed = 0;
  bool keeps = true;  // others read that output too

  std::vector<Tensor> reads() const;
  std::vector<Tensor> writes() const;
};

// Which output of `maker` its kernel hands to `step`, an elementwise group; -1: none.
int hands_to(const Step& maker, const Step& step);

// Whether the kernel of `reader` can do what `maker` does.
bool takes_from(const Step& maker, const Step& reader);

// Whether the kernel of what makes the group's input must write that down for it.
bool reads_back(const Step& group);

// All steps, in an order that gives what the program's gives.
std::vector<Unit> merged(const Program& program);

}  // namespace treino::cuda
