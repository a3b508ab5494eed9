// SPDX-License-Identifier: Apache-2.0
// A network written in C++, trained on MNIST (found on this machine or downloaded):
//   example_digits [epochs]
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "treino/treino.h"

using namespace treino;
using namespace treino::nn;

class Epochs : public train::Observer {
  void epoch_done(const train::EpochResult& epoch) override {
    std::printf("epoch %d: loss %.4f in %.2f s\n", static_cast<int>(epoch.epoch),
                epoch.training.loss, epoch.seconds);
  }
};

int main(int argc, char** argv) try {
  const Model model = input({28, 28, 1}) | Flatten{} | Dense{.units = 128, .activation = relu} |
                      Dropout{.rate = 0.5} | Dense{.units = 10, .activation = softmax};
  std::printf("%s\n", to_text(summarize(model)).c_str());

  Recipe recipe{.name = "digits", .layers = model.layers()};
  recipe.train.optimizer = Adam{.rate = 1e-3};
  recipe.train.epochs = argc > 1 ? std::atoi(argv[1]) : 3;

  const auto device = make_device("cpu");
  Epochs epochs;
  const train::FitResult result = train::fit(recipe, data::load("mnist"), *device, {}, epochs);
  std::printf("test accuracy %.4f, saved in %s\n", result.test->accuracy, result.folder.c_str());
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
