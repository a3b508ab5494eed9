// SPDX-License-Identifier: Apache-2.0
// PyTorch's C++ library: the same kernels as the `pytorch` contestant without Python.
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <torch/torch.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// JSON lines to TREINO_EVENTS: a path, fd:N or unix:path.
class Events {
 public:
  Events() {
    const char* set = std::getenv("TREINO_EVENTS");
    const std::string address = set == nullptr ? "" : set;
    if (address.rfind("fd:", 0) == 0) {
      descriptor_ = std::atoi(address.c_str() + 3);
    } else if (address.rfind("unix:", 0) == 0) {
      sockaddr_un to{};
      to.sun_family = AF_UNIX;
      std::strncpy(to.sun_path, address.c_str() + 5, sizeof to.sun_path - 1);
      descriptor_ = socket(AF_UNIX, SOCK_STREAM, 0);
      if (connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
        throw std::runtime_error(address + ": no connection");
      }
    } else if (!address.empty()) {
      descriptor_ = open(address.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    }
  }
  // `fields`: the rest of the JSON object, beginning with a comma, or empty.
  void operator()(const std::string& event, double t, const std::string& fields = "") const {
    if (descriptor_ < 0) return;
    std::ostringstream line;
    line.precision(12);
    line << R"({"event":")" << event << R"(","t":)" << t << fields << "}\n";
    const std::string text = line.str();
    if (write(descriptor_, text.data(), text.size()) < 0) descriptor_ = -1;
  }

 private:
  mutable int descriptor_ = -1;
};

std::string field(const std::string& name, double value) {
  std::ostringstream text;
  text.precision(12);
  text << ",\"" << name << "\":" << value;
  return text.str();
}

using Bytes = std::vector<unsigned char>;

Bytes unpacked(const std::string& path, std::size_t header) {
  const gzFile file = gzopen(path.c_str(), "rb");  // reads plain files as well
  if (file == nullptr) throw std::runtime_error(path + ": there is no such file");
  Bytes bytes, chunk(1 << 20);
  for (int got = 0; (got = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;) {
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
  }
  gzclose(file);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

struct Set {
  Bytes pixels, labels;  // n x height x width x channels
};

Set mnist(const std::string& folder, const std::string& split) {
  return {unpacked(folder + "/" + split + "-images-idx3-ubyte.gz", 16),
          unpacked(folder + "/" + split + "-labels-idx1-ubyte.gz", 8)};
}

Set cifar10(const std::string& folder, const std::vector<std::string>& names) {
  Set set;
  for (const std::string& name : names) {
    const std::string path = folder + "/cifar-10-batches-bin/" + name;
    const Bytes raw = unpacked(path, 0);
    for (std::size_t at = 0; at + 3073 <= raw.size(); at += 3073) {
      set.labels.push_back(raw[at]);
      for (std::size_t i = 0; i < 1024; ++i) {
        for (std::size_t plane = 0; plane < 3; ++plane) {
          set.pixels.push_back(raw[at + 1 + plane * 1024 + i]);
        }
      }
    }
  }
  return set;
}

std::string sha256(const std::vector<const Bytes*>& parts) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  for (const Bytes* part : parts) EVP_DigestUpdate(context, part->data(), part->size());
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(context, sum, &length);
  EVP_MD_CTX_free(context);
  std::string hex;
  char digits[3];
  for (unsigned i = 0; i < length; ++i) {
    std::snprintf(digits, sizeof digits, "%02x", sum[i]);
    hex += digits;
  }
  return hex;
}

torch::Tensor images(const Set& set, int side, int channels) {
  const auto n = static_cast<std::int64_t>(set.labels.size());
  const torch::Tensor bytes = torch::from_blob(const_cast<unsigned char*>(set.pixels.data()),
                                               {n, side, side, channels}, torch::kUInt8);
  // Permuted, the bytes lie channels-last already: the layout convolutions are fastest on.
  return bytes.permute({0, 3, 1, 2}).to(torch::kFloat32).div(255);
}

torch::Tensor labels(const Set& set) {
  return torch::from_blob(const_cast<unsigned char*>(set.labels.data()),
                          {static_cast<std::int64_t>(set.labels.size())}, torch::kUInt8)
      .to(torch::kInt64);
}

template <typename Layer>
Layer initialised(Layer layer) {
  torch::nn::init::xavier_uniform_(layer->weight);
  torch::nn::init::zeros_(layer->bias);
  return layer;
}

void add_block(torch::nn::Sequential& model, int channels, int filters) {
  namespace nn = torch::nn;
  model->push_back(initialised(nn::Conv2d(nn::Conv2dOptions(channels, filters, 3))));
  model->push_back(nn::ReLU());
  model->push_back(nn::BatchNorm2d(nn::BatchNorm2dOptions(filters).eps(1e-3).momentum(0.01)));
  model->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(2)));
}

torch::nn::Sequential network(bool dense) {
  namespace nn = torch::nn;
  nn::Sequential model;
  if (!dense) {
    add_block(model, 3, 32);
    add_block(model, 32, 64);
  }
  const int width = dense ? 128 : 64;
  model->push_back(nn::Flatten());
  model->push_back(initialised(nn::Linear(dense ? 784 : 2304, width)));
  model->push_back(nn::ReLU());
  model->push_back(nn::Dropout(0.5));
  model->push_back(initialised(nn::Linear(width, 10)));
  return model;
}

constexpr const char* kDenseLayers =
    R"([{"type":"flatten","output":[784],"parameters":0},)"
    R"({"type":"dense","output":[128],"parameters":100480},)"
    R"({"type":"dropout","output":[128],"parameters":0},)"
    R"({"type":"dense","output":[10],"parameters":1290}])";
constexpr const char* kConvolutionLayers =
    R"([{"type":"conv2d","output":[30,30,32],"parameters":896},)"
    R"({"type":"batch_norm","output":[30,30,32],"parameters":64},)"
    R"({"type":"max_pool","output":[15,15,32],"parameters":0},)"
    R"({"type":"conv2d","output":[13,13,64],"parameters":18496},)"
    R"({"type":"batch_norm","output":[13,13,64],"parameters":128},)"
    R"({"type":"max_pool","output":[6,6,64],"parameters":0},)"
    R"({"type":"flatten","output":[2304],"parameters":0},)"
    R"({"type":"dense","output":[64],"parameters":147520},)"
    R"({"type":"dropout","output":[64],"parameters":0},)"
    R"({"type":"dense","output":[10],"parameters":650}])";

void run(const std::map<std::string, std::string>& options, double started) {
  const auto number = [&](const char* name) { return std::stoll(options.at(name)); };
  const Events events;
  events("process_start", started);
  at::set_num_threads(static_cast<int>(number("threads")));
  torch::manual_seed(static_cast<std::uint64_t>(number("seed")));
  events("runtime_ready", now(),
         std::string(R"(,"framework":"libtorch","version":")") + TORCH_VERSION + "\"");

  const bool dense = options.at("work") == "mnist";
  const std::string folder = options.at("data") + "/" + options.at("work");
  const Set train = dense ? mnist(folder, "train")
                          : cifar10(folder, {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                             "data_batch_4.bin", "data_batch_5.bin"});
  const Set test = dense ? mnist(folder, "t10k") : cifar10(folder, {"test_batch.bin"});
  const auto samples = static_cast<std::int64_t>(train.labels.size());
  events("data_ready", now(),
         field("train", static_cast<double>(samples)) +
             field("test", static_cast<double>(test.labels.size())) + R"(,"sha256":")" +
             sha256({&train.pixels, &train.labels, &test.pixels, &test.labels}) + "\"");
  const int side = dense ? 28 : 32, channels = dense ? 1 : 3;
  const torch::Tensor train_x = images(train, side, channels), train_y = labels(train);
  const torch::Tensor test_x = images(test, side, channels), test_y = labels(test);

  torch::nn::Sequential model = network(dense);
  std::int64_t parameters = 0;
  for (torch::Tensor& p : model->parameters()) {
    parameters += p.numel();
    if (p.dim() == 4) p.set_data(p.contiguous(torch::MemoryFormat::ChannelsLast));
  }
  events("model_built", now(),
         field("parameters", static_cast<double>(parameters)) + ",\"layers\":" +
             (dense ? kDenseLayers : kConvolutionLayers));
  torch::optim::Adam optimizer(
      model->parameters(), torch::optim::AdamOptions(1e-3).betas({0.9, 0.999}).eps(1e-7));
  events("compile_done", now(), ",\"seconds\":0");
  const std::int64_t batch = number("batch"), epochs = number("epochs");
  events("work", now(),
         R"(,"optimizer":{"adam":{"rate":0.001,"beta1":0.9,"beta2":0.999,"epsilon":1e-7}})" +
             field("batch", static_cast<double>(batch)) +
             field("samples_per_epoch", static_cast<double>(samples)) +
             field("epochs", static_cast<double>(epochs)) +
             R"(,"precision":"float32","shuffle":true,"loss":"cross_entropy","device":"cpu")" +
             field("seed", static_cast<double>(number("seed"))) +
             field("threads", static_cast<double>(number("threads"))));

  events("train_start", now());
  double total = 0;
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const double begin = now();
    events("epoch_start", begin, field("epoch", static_cast<double>(epoch)));
    model->train();
    double losses = 0, correct = 0;
    for (const torch::Tensor& picked : torch::randperm(samples).split(batch)) {
      const torch::Tensor labels = train_y.index_select(0, picked);
      const torch::Tensor logits = model->forward(train_x.index_select(0, picked));
      const torch::Tensor loss = torch::nn::functional::cross_entropy(logits, labels);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      losses += loss.item<double>() * static_cast<double>(picked.numel());
      correct += (logits.argmax(1) == labels).sum().item<double>();
    }
    const double end = now();
    total += end - begin;
    events("epoch_stop", end,
           field("epoch", static_cast<double>(epoch)) + field("seconds", end - begin) +
               field("samples", static_cast<double>(samples)) +
               field("steps", static_cast<double>((samples + batch - 1) / batch)) +
               field("loss", losses / static_cast<double>(samples)) +
               field("accuracy", correct / static_cast<double>(samples)));
  }
  events("train_stop", now(), field("seconds", total));

  model->eval();
  const torch::NoGradGuard no_gradients;
  std::vector<torch::Tensor> chunks;
  for (const torch::Tensor& chunk : test_x.split(1000)) chunks.push_back(model->forward(chunk));
  const torch::Tensor logits = torch::cat(chunks);
  const double loss = torch::nn::functional::cross_entropy(logits, test_y).item<double>();
  const double accuracy = (logits.argmax(1) == test_y).to(torch::kFloat64).mean().item<double>();
  events("eval", now(),
         R"(,"split":"test")" + field("samples", static_cast<double>(test_y.numel())) +
             field("loss", loss) + field("accuracy", accuracy));
  events("exit", now(), ",\"status\":0");
  std::printf("test loss %.4f, test accuracy %.4f\n", loss, accuracy);
}

}  // namespace

int main(int argc, char** argv) {
  const double started = now();
  std::map<std::string, std::string> options = {{"work", "mnist"}, {"data", ""},   {"threads", "1"},
                                                {"seed", "1"},     {"epochs", "3"}, {"batch", "32"}};
  for (int i = 1; i + 1 < argc; i += 2) options[std::string(argv[i]).substr(2)] = argv[i + 1];
  try {
    run(options, started);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "libtorch: %s\n", error.what());
    return 1;
  }
  return 0;
}
