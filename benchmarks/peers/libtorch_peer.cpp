// SPDX-License-Identifier: Apache-2.0
// PyTorch from C++ (libtorch), channels_last: the same talk as the Python peers (network.py). Built
// by run.py against the headers and libraries of the torch wheel.
#include <torch/torch.h>

#include <toml++/toml.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

using torch::nn::Functional;
using Clock = std::chrono::steady_clock;

struct Extent {
  std::int64_t height, width, channels;
};

void activate(torch::nn::Sequential& model, const std::string& name) {
  if (name == "relu") model->push_back(torch::nn::ReLU());
  if (name == "tanh") model->push_back(torch::nn::Tanh());
  if (name == "gelu") model->push_back(torch::nn::GELU());
  if (name == "silu") model->push_back(torch::nn::SiLU());
}

void add(torch::nn::Sequential& model, const std::string& kind, const toml::table& o, Extent& at) {
  const std::string activation = o["activation"].value_or("");
  if (kind == "conv2d") {
    const std::int64_t filters = o["filters"].value_or(1), k = o["kernel"].value_or(1),
                       stride = o["stride"].value_or(1);
    const std::int64_t pad = o["padding"].value_or(std::string("valid")) == "same" ? k / 2 : 0;
    model->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(at.channels, filters, k)
                                           .stride(stride)
                                           .padding(pad)
                                           .groups(o["groups"].value_or(1))
                                           .bias(o["bias"].value_or(true))));
    activate(model, activation);
    at = {(at.height + 2 * pad - k) / stride + 1, (at.width + 2 * pad - k) / stride + 1, filters};
  } else if (kind == "batch_norm") {
    model->push_back(torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(at.channels)
                                                .eps(o["epsilon"].value_or(1e-3))
                                                .momentum(1 - o["momentum"].value_or(0.99))));
  } else if (kind == "max_pool") {
    model->push_back(torch::nn::MaxPool2d(2));
    at = {at.height / 2, at.width / 2, at.channels};
  } else if (kind == "avg_pool") {
    model->push_back(torch::nn::AvgPool2d(2));
    at = {at.height / 2, at.width / 2, at.channels};
  } else if (kind == "global_avg_pool") {
    model->push_back(torch::nn::AdaptiveAvgPool2d(1));
    model->push_back(torch::nn::Flatten());
    at = {1, 1, at.channels};
  } else if (kind == "flatten") {
    model->push_back(torch::nn::Flatten());
    at = {1, 1, at.height * at.width * at.channels};
  } else if (kind == "dense") {
    model->push_back(torch::nn::Linear(at.channels, o["units"].value_or(1)));
    activate(model, activation);
    at.channels = o["units"].value_or(1);
  } else if (kind == "dropout") {
    model->push_back(torch::nn::Dropout(o["rate"].value_or(0.5)));
  } else if (kind == "activation") {
    activate(model, o["function"].value_or(""));
  } else {
    throw std::runtime_error("libtorch_peer: no layer " + kind);
  }
}

std::vector<char> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Trainer {
  torch::nn::Sequential model;
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  torch::Tensor data, labels, order;
  std::int64_t batch = 32, position = 0;

  void step() {
    const std::int64_t rows = labels.size(0);
    if (!order.defined() || position + batch > rows) order = torch::randperm(rows), position = 0;
    const torch::Tensor chosen = order.slice(0, position, position + batch);
    position += batch;
    const torch::Tensor x =
        data.index_select(0, chosen).permute({0, 3, 1, 2}).to(torch::kFloat32).div_(255);
    optimizer->zero_grad();
    torch::nn::functional::cross_entropy(model->forward(x), labels.index_select(0, chosen))
        .backward();
    optimizer->step();
  }
};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void serve(int argc, char** argv) {
  std::string samples, labels;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--samples") samples = argv[i + 1];
    if (name == "--labels") labels = argv[i + 1];
    if (name == "--threads") at::set_num_threads(std::stoi(argv[i + 1]));
  }
  const toml::table recipe = toml::parse_file(argv[1]);
  const toml::array& shape = *recipe["input"]["shape"].as_array();
  Extent at{*shape[0].value<std::int64_t>(), *shape[1].value<std::int64_t>(),
            *shape[2].value<std::int64_t>()};
  const Extent image = at;
  Trainer trainer;
  for (const toml::node& layer : *recipe["model"].as_array()) {
    for (const auto& [kind, options] : *layer.as_table())
      add(trainer.model, std::string(kind.str()), *options.as_table(), at);
  }
  std::int64_t count = 0;
  for (torch::Tensor& parameter : trainer.model->parameters()) {
    count += parameter.numel();
    if (parameter.dim() == 4)
      parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
  }
  const toml::table& train = *recipe["train"].as_table();
  trainer.batch = train["batch"].value_or(32);
  if (const auto adam = train["optimizer"]["adam"]; adam) {
    trainer.optimizer = std::make_unique<torch::optim::Adam>(
        trainer.model->parameters(), torch::optim::AdamOptions(adam["rate"].value_or(1e-3)));
  } else {
    const auto sgd = train["optimizer"]["sgd"];
    trainer.optimizer = std::make_unique<torch::optim::SGD>(
        trainer.model->parameters(), torch::optim::SGDOptions(sgd["rate"].value_or(0.01))
                                         .momentum(sgd["momentum"].value_or(0.0)));
  }
  std::vector<char> bytes = read(samples), targets = read(labels);
  const auto rows = static_cast<std::int64_t>(targets.size() / 4);
  trainer.data = torch::from_blob(bytes.data(), {rows, image.height, image.width, image.channels},
                                  torch::kUInt8);
  trainer.labels = torch::from_blob(targets.data(), {rows}, torch::kInt32).to(torch::kInt64);
  auto start = Clock::now();
  for (int i = 0; i < 10; ++i) trainer.step();
  std::printf("{\"ready\": %.4f, \"parameters\": %lld}\n", since(start),
              static_cast<long long>(count));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const double seconds = std::stod(line.substr(line.find(' ') + 1));
    std::vector<double> windows;
    for (const auto begin = Clock::now(); since(begin) < seconds || windows.size() < 3;) {
      int steps = 0;
      start = Clock::now();
      while (since(start) < 0.02) trainer.step(), ++steps;
      windows.push_back(since(start) / steps);
    }
    std::sort(windows.begin(), windows.end());
    std::printf("{\"us\": %.3f, \"best_us\": %.3f}\n", windows[windows.size() / 2] * 1e6,
                windows[0] * 1e6);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  try {
    serve(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
