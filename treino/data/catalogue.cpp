// SPDX-License-Identifier: Apache-2.0
#include "treino/data/catalogue.h"

#include "treino/data/cifar.h"
#include "treino/data/csv.h"
#include "treino/data/files.h"
#include "treino/data/idx.h"
#include "treino/data/split.h"

namespace treino::data {

namespace {

bool has_mnist_files(const std::string& folder) { return has_idx(folder, "train"); }

void read_mnist_files(const std::string& folder, const LoadOptions&, Dataset& dataset) {
  dataset.train = read_idx(folder, "train", 10);
  if (has_idx(folder, "t10k")) dataset.test = read_idx(folder, "t10k", 10);
}

void read_table(const std::string& path, const LoadOptions& options, Dataset& dataset, bool label_first) {
  read_csv(path, {label_first}, dataset);
  const Split all = dataset.train;
  const auto chosen = stratified_choice(*all.labels, options.test_fraction, options.seed);
  dataset.train = take(all, chosen, false);
  dataset.test = take(all, chosen, true);
}

constexpr const char* kMnistAddresses[] = {"https://storage.googleapis.com/cvdf-datasets/mnist/",
                                           "https://ossci-datasets.s3.amazonaws.com/mnist/",
                                           "http://yann.lecun.com/exdb/mnist/"};
constexpr FileRow kMnistFiles[] = {
    {"train-images-idx3-ubyte.gz", 9'912'422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
    {"train-labels-idx1-ubyte.gz", 28'881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
    {"t10k-images-idx3-ubyte.gz", 1'648'877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
    {"t10k-labels-idx1-ubyte.gz", 4'542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
};

constexpr const char* kFashionAddresses[] = {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                                             "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"};
constexpr FileRow kFashionFiles[] = {
    {"train-images-idx3-ubyte.gz", 26'421'880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
    {"train-labels-idx1-ubyte.gz", 29'515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
    {"t10k-images-idx3-ubyte.gz", 4'422'102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
    {"t10k-labels-idx1-ubyte.gz", 5'148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
};

constexpr const char* kCifarAddresses[] = {"https://www.cs.toronto.edu/~kriz/",
                                           "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/"};
constexpr FileRow kCifar10Files[] = {{"cifar-10-binary.tar.gz", 170'052'171,
                                      "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}};

constexpr const char* kIrisAddresses[] = {"https://archive.ics.uci.edu/static/public/53/"};
constexpr FileRow kIrisFiles[] = {{"iris.data", 4'551,
                                   "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0", "iris.zip"}};
constexpr const char* kWineAddresses[] = {"https://archive.ics.uci.edu/static/public/109/"};
constexpr FileRow kWineFiles[] = {{"wine.data", 10'782,
                                   "6be6b1203f3d51df0b553a70e57b8a723cd405683958204f96d23d7cd6aea659", "wine.zip"}};

constexpr const char* kDigits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
constexpr const char* kGarments[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                     "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
constexpr const char* kCifarNames[] = {"airplane", "automobile", "bird", "cat", "deer",
                                       "dog", "frog", "horse", "ship", "truck"};

template <std::size_t N>
void name_classes(Dataset& dataset, const char* const (&names)[N]) {
  dataset.classes.assign(names, names + N);
}

constexpr Row kRows[] = {
    {"mnist", "MNIST handwritten digits, 28x28 gray", "MIT (as its dataset card says)",
     "LeCun, Cortes, Burges: MNIST handwritten digit database, 2010", 60'000, 10'000, 10, kMnistAddresses, kMnistFiles,
     "", has_mnist_files,
     [](const std::string& folder, const LoadOptions& options, Dataset& dataset) {
       read_mnist_files(folder, options, dataset);
       name_classes(dataset, kDigits);
     }},
    {"fashion_mnist", "Fashion-MNIST garments, 28x28 gray", "MIT",
     "Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747, 2017", 60'000, 10'000, 10, kFashionAddresses,
     kFashionFiles, "/usr/share/datasets/fashion-mnist", has_mnist_files,
     [](const std::string& folder, const LoadOptions& options, Dataset& dataset) {
       read_mnist_files(folder, options, dataset);
       name_classes(dataset, kGarments);
     }},
    {"cifar10", "CIFAR-10 small colour photographs, 32x32", "not stated by its authors",
     "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009", 50'000, 10'000, 10, kCifarAddresses,
     kCifar10Files, "", [](const std::string& folder) { return has_cifar(folder, kCifar10); },
     [](const std::string& folder, const LoadOptions&, Dataset& dataset) {
       read_cifar(folder, kCifar10, dataset);
       if (dataset.classes.size() != 10) name_classes(dataset, kCifarNames);
     }},
    {"iris", "Iris flowers, 4 measurements", "CC BY 4.0 (as its archive's page says)",
     "Fisher: The use of multiple measurements in taxonomic problems, 1936", 150, 0, 3, kIrisAddresses, kIrisFiles, "",
     [](const std::string& folder) { return is_file(join(folder, "iris.data")); },
     [](const std::string& folder, const LoadOptions& options, Dataset& dataset) {
       read_table(join(folder, "iris.data"), options, dataset, false);
     }},
    {"wine", "Wine cultivars, 13 chemical measurements", "CC BY 4.0 (as its archive's page says)",
     "Aeberhard, Forina: Wine, UCI Machine Learning Repository, 1991", 178, 0, 3, kWineAddresses, kWineFiles, "",
     [](const std::string& folder) { return is_file(join(folder, "wine.data")); },
     [](const std::string& folder, const LoadOptions& options, Dataset& dataset) {
       read_table(join(folder, "wine.data"), options, dataset, true);
     }},
};

}  // namespace

std::span<const Row> catalogue() { return kRows; }

const Row* find_row(std::string_view name) {
  for (const Row& row : kRows) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

}  // namespace treino::data
