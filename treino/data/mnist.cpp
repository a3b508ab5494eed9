// SPDX-License-Identifier: Apache-2.0
#include "treino/data/mnist.h"

#include "treino/data/idx.h"

namespace treino::data {

namespace {

std::vector<std::string> sources(const std::string& folder) {
  std::vector<std::string> files = idx_files(folder, "train");
  if (!files.empty()) {
    for (std::string& file : idx_files(folder, "t10k")) files.push_back(std::move(file));
  }
  return files;
}

template <std::size_t N>
void read(const std::string& folder, Dataset& dataset, const char* const (&names)[N]) {
  read_idx_set(folder, static_cast<int>(N), dataset);
  dataset.classes.assign(std::begin(names), std::end(names));
}

constexpr const char* kDigits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
constexpr const char* kClothes[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
constexpr const char* kKana[] = {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"};

constexpr const char* kMnistAddresses[] = {"https://storage.googleapis.com/cvdf-datasets/mnist/",
                                           "https://ossci-datasets.s3.amazonaws.com/mnist/",
                                           "http://yann.lecun.com/exdb/mnist/"};
constexpr FileRow kMnistFiles[] = {
    {"train-images-idx3-ubyte.gz", 9'912'422,
     "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
    {"train-labels-idx1-ubyte.gz", 28'881,
     "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
    {"t10k-images-idx3-ubyte.gz", 1'648'877,
     "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
    {"t10k-labels-idx1-ubyte.gz", 4'542,
     "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
};

constexpr const char* kFashionAddresses[] = {
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"};
constexpr FileRow kFashionFiles[] = {
    {"train-images-idx3-ubyte.gz", 26'421'880,
     "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
    {"train-labels-idx1-ubyte.gz", 29'515,
     "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
    {"t10k-images-idx3-ubyte.gz", 4'422'102,
     "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
    {"t10k-labels-idx1-ubyte.gz", 5'148,
     "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
};

// Not the storage.googleapis.com copy that old pages name: it is the version of before February
// 2019, which the authors ask not to use.
constexpr const char* kKmnistAddresses[] = {"http://codh.rois.ac.jp/kmnist/dataset/kmnist/"};
constexpr FileRow kKmnistFiles[] = {
    {"train-images-idx3-ubyte.gz", 18'165'135,
     "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"},
    {"train-labels-idx1-ubyte.gz", 29'497,
     "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"},
    {"t10k-images-idx3-ubyte.gz", 3'041'136,
     "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"},
    {"t10k-labels-idx1-ubyte.gz", 5'120,
     "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"},
};

}  // namespace

const Row kMnist{
    .name = "mnist",
    .title = "MNIST handwritten digits",
    .licence = "MIT (as its data set cards say)",
    .citation = "LeCun, Cortes, Burges: MNIST handwritten digit database, 2010",
    .kind = Kind::images,
    .sample = "28 x 28 x 1",
    .train = 60'000,
    .test = 10'000,
    .classes = 10,
    .addresses = kMnistAddresses,
    .files = kMnistFiles,
    .sources = sources,
    .read = [](const std::string& folder, const LoadOptions&,
               Dataset& dataset) { read(folder, dataset, kDigits); },
    .recipe = "mnist",
};

const Row kFashionMnist{
    .name = "fashion_mnist",
    .title = "Fashion-MNIST, pictures of clothes",
    .licence = "MIT",
    .citation = "Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747, 2017",
    .kind = Kind::images,
    .sample = "28 x 28 x 1",
    .train = 60'000,
    .test = 10'000,
    .classes = 10,
    .addresses = kFashionAddresses,
    .files = kFashionFiles,
    .sources = sources,
    .read = [](const std::string& folder, const LoadOptions&,
               Dataset& dataset) { read(folder, dataset, kClothes); },
    .recipe = "fashion_mnist",
    .system_folder = "/usr/share/datasets/fashion-mnist",
};

const Row kKmnist{
    .name = "kmnist",
    .title = "Kuzushiji-MNIST, characters of classical Japanese handwriting",
    .licence = "CC BY-SA 4.0",
    .citation =
        "Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto, Ha: Deep Learning for Classical "
        "Japanese Literature, arXiv:1812.01718, 2018",
    .kind = Kind::images,
    .sample = "28 x 28 x 1",
    .train = 60'000,
    .test = 10'000,
    .classes = 10,
    .addresses = kKmnistAddresses,
    .files = kKmnistFiles,
    .sources = sources,
    .read = [](const std::string& folder, const LoadOptions&,
               Dataset& dataset) { read(folder, dataset, kKana); },
    .recipe = "kmnist",
    .alias = "kuzushiji_mnist",
};

}  // namespace treino::data
