// SPDX-License-Identifier: Apache-2.0
// Names pictures with a network trained before:
//   example_predict runs/digits-... picture.png ...
#include <algorithm>
#include <cstdio>
#include <memory>

#include "treino/treino.h"

using namespace treino;

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s RUN PICTURE...\n", argv[0]);
    return 2;
  }
  const auto device = make_device("cpu");
  train::Predictor predictor(train::find_run(argv[1]), *device);
  const train::Environment& trained = predictor.environment();
  const Shape sample = trained.sample;  // height, width, channels
  for (int i = 2; i < argc; ++i) {
    HostTensor picture = data::read_image(argv[i], static_cast<int>(sample[2]));
    picture = data::resize_image(picture, sample[0], sample[1]);
    picture.shape = Shape{1, sample[0], sample[1], sample[2]};
    const HostTensor output = predictor.predict(picture);
    const auto row = output.as<float>();
    const auto best =
        static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
    std::printf("%s: %s (%.3f)\n", argv[i], trained.classes[best].c_str(), row[best]);
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
