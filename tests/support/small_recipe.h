// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/support/temporary_folder.h"

namespace treino::test {

// A small convolutional network on generated pictures: a training of a moment.
inline std::string write_small_recipe(const TemporaryFolder& folder,
                                      const std::string& more_train = "") {
  return folder.write("small.toml",
                      "data = \"generated:images\"\n"
                      "[[model]]\nconv2d = { filters = 8, kernel = 3, activation = \"relu\" }\n"
                      "[[model]]\nbatch_norm = {}\n"
                      "[[model]]\nmax_pool = {}\n"
                      "[[model]]\nflatten = {}\n"
                      "[[model]]\ndropout = { rate = 0.2 }\n"
                      "[[model]]\ndense = { units = 4, activation = \"softmax\" }\n"
                      "[train]\nepochs = 3\n" +
                          more_train);
}

}  // namespace treino::test
