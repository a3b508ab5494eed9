// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/targets.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/fuzz/inputs.h"
#include "tests/fuzz/set_targets.h"
#include "treino/base/error.h"
#include "treino/data/cifar.h"
#include "treino/data/csv.h"
#include "treino/data/idx.h"
#include "treino/data/load.h"
#include "treino/format/archive.h"
#include "treino/format/npy.h"
#include "treino/format/safetensors.h"
#include "treino/nn/recipe.h"

namespace treino::fuzz {

namespace {

void safetensors(const std::uint8_t* data, std::size_t size) {
  const format::SafeTensors file = format::parse_safetensors(text_of(data, size), "fuzz");
  for (const auto& [name, tensor] : file.tensors) {
    demand(tensor.bytes.size() ==
               static_cast<std::size_t>(tensor.shape.elements() * host_bytes(tensor.dtype)),
           "a tensor's bytes are not its shape's");
  }
}

void recipe(const std::uint8_t* data, std::size_t size) {
  const nn::Recipe read = nn::parse_recipe(std::string(text_of(data, size)), "fuzz.toml");
  const std::string written = nn::write_recipe(read);
  demand(nn::write_recipe(nn::parse_recipe(written, "fuzz.toml")) == written,
         "a recipe written and read again is another one");
  nn::build_model(read, Shape{32, 32, 3});
}

void idx(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  const MemoryFile images(halves.first), labels(halves.second);
  const Folder& place = folder();
  place.put("train-images-idx3-ubyte", images);
  place.put("train-labels-idx1-ubyte", labels);
  data::Dataset dataset;
  data::read_idx_set(place.path(), 10, dataset);
  demand(dataset.train.samples->shape[0] == dataset.train.labels->shape[0],
         "as many images as labels");
}

// Loose files, or an archive where the input begins as gzip does.
void cifar(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  const Folder& place = folder();
  data::Dataset dataset;
  if (input.starts_with("\x1f\x8b")) {
    const MemoryFile archive(input);
    place.put("cifar-10-binary.tar.gz", archive);
    data::read_cifar(place.path(), data::kCifar10, dataset);
  } else {
    const Halves halves = halves_of(input);
    const MemoryFile train(halves.first), test(halves.second), names(input.substr(0, 100));
    place.put("data_batch_1.bin", train);
    place.put("test_batch.bin", test);
    place.put("batches.meta.txt", names);
    data::read_cifar(place.path(), data::kCifar10, dataset);
  }
  demand(dataset.train.samples->shape[0] == dataset.train.size(), "as many images as labels");
}

void csv(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(text_of(data, size));
  data::Dataset dataset;
  data::read_csv(file.path(), {}, dataset);
  for (std::int32_t label : dataset.train.labels->as<std::int32_t>())
    demand(label >= 0 && static_cast<std::size_t>(label) < dataset.classes.size(),
           "a label without a class");
}

void image(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(text_of(data, size));
  for (const int channels : {0, 1, 3}) {
    const HostTensor picture = data::read_image(file.path(), channels);
    demand(picture.bytes.size() == static_cast<std::size_t>(picture.shape.elements()),
           "a picture's bytes are not its shape's");
    if (picture.shape.elements() < 100'000) data::resize_image(picture, 7, 5);
  }
}

void npy(const std::uint8_t* data, std::size_t size) {
  const HostTensor tensor = format::parse_npy(text_of(data, size), "fuzz.npy");
  demand(tensor.bytes.size() ==
             static_cast<std::size_t>(tensor.shape.elements() * host_bytes(tensor.dtype)),
         "an array's bytes are not its shape's");
}

void npz(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(text_of(data, size));
  const Folder& place = folder();
  place.put("set.npz", file);
  const data::Dataset dataset = data::load(place.path() + "/set.npz", {.index = false});
  demand(dataset.train.samples->shape[0] == dataset.train.size(), "as many samples as labels");
}

// .tar, .tar.gz and .zip
void archive(const std::uint8_t* data, std::size_t size) {
  format::Archive archive("fuzz.tar", text_of(data, size));
  std::size_t unpacked = 0;
  while (const auto name = archive.next()) {
    demand(!name->empty() && name->front() != '/', "an absolute name got through");
    if (name->size() % 2 == 0) unpacked += archive.read_text().size();
  }
  demand(unpacked <= 100 * size + (std::size_t{64} << 20), "more was unpacked than is allowed");
}

constexpr Target kTargets[] = {{"safetensors", safetensors},
                               {"recipe", recipe},
                               {"idx", idx},
                               {"cifar", cifar},
                               {"csv", csv},
                               {"image", image},
                               {"npy", npy},
                               {"npz", npz},
                               {"archive", archive},
                               {"squad", squad},
                               {"yelp", yelp},
                               {"imdb", imdb},
                               {"caltech101", caltech101},
                               {"cifar100", cifar100},
                               {"iris", iris},
                               {"image_folder", image_folder},
                               {"index", index},
                               {"stream", stream},
                               {"vocabulary", vocabulary}};

}  // namespace

std::span<const Target> targets() {
  return kTargets;
}

void feed(const Target& target, const std::uint8_t* data, std::size_t size) {
  try {
    target.run(data, size);
  } catch (const Error& error) {
    const std::string_view line = error.what();
    demand(!line.empty() && line.size() < 1000, "an error's line is empty or very long");
    const bool is_line =
        std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 127; });
    if (!is_line) std::fwrite(line.data(), 1, line.size(), stderr);
    demand(is_line, "an error's line holds control characters");
  }
}

}  // namespace treino::fuzz
