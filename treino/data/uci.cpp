// SPDX-License-Identifier: Apache-2.0
// The two tables of the UCI repository.
#include "treino/data/uci.h"

#include "treino/data/csv.h"
#include "treino/data/files.h"

namespace treino::data {

namespace {

template <const char* const& file>
std::vector<std::string> sources(const std::string& folder) {
  const std::string path = join(folder, file);
  return is_file(path) ? std::vector{path} : std::vector<std::string>{};
}

constexpr const char* kIrisFile = "iris.data";
constexpr const char* kIrisFeatures[] = {"sepal length", "sepal width", "petal length",
                                         "petal width"};
constexpr const char* kIrisAddresses[] = {"https://archive.ics.uci.edu/static/public/53/"};
constexpr FileRow kIrisFiles[] = {
    {"iris.data", 4'551, "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0",
     "iris.zip"}};

constexpr const char* kWineFile = "wine.data";
constexpr const char* kWineFeatures[] = {
    "alcohol",         "malic acid",      "ash",        "alcalinity of ash",
    "magnesium",       "total phenols",   "flavanoids", "nonflavanoid phenols",
    "proanthocyanins", "color intensity", "hue",        "OD280/OD315 of diluted wines",
    "proline"};
constexpr const char* kWineAddresses[] = {"https://archive.ics.uci.edu/static/public/109/"};
constexpr FileRow kWineFiles[] = {
    {"wine.data", 10'782, "6be6b1203f3d51df0b553a70e57b8a723cd405683958204f96d23d7cd6aea659",
     "wine.zip"}};

template <std::size_t N>
void read(const std::string& path, Dataset& dataset, bool label_first, int classes,
          const char* const (&features)[N]) {
  read_csv(path, {.label_first = label_first, .columns = N + 1, .most_classes = classes}, dataset);
  dataset.features.assign(std::begin(features), std::end(features));
  dataset.undivided = true;
}

}  // namespace

const Row kIris{
    .name = "iris",
    .title = "Iris flowers, four lengths",
    .licence = "CC BY 4.0 (as its archive's page says)",
    .citation = "Fisher: The use of multiple measurements in taxonomic problems, 1936",
    .kind = Kind::table,
    .sample = "4 numbers",
    .train = 150,
    .test = 0,
    .classes = 3,
    .addresses = kIrisAddresses,
    .files = kIrisFiles,
    .sources = sources<kIrisFile>,
    .read =
        [](const std::string& folder, const LoadOptions&, Dataset& dataset) {
          read(join(folder, kIrisFile), dataset, false, 3, kIrisFeatures);
        },
    .recipe = "iris",
};

const Row kWine{
    .name = "wine",
    .title = "Wines of three growers, thirteen measurements",
    .licence = "CC BY 4.0 (as its archive's page says)",
    .citation = "Aeberhard, Forina: Wine, UCI Machine Learning Repository, 1991",
    .kind = Kind::table,
    .sample = "13 numbers",
    .train = 178,
    .test = 0,
    .classes = 3,
    .addresses = kWineAddresses,
    .files = kWineFiles,
    .sources = sources<kWineFile>,
    .read =
        [](const std::string& folder, const LoadOptions&, Dataset& dataset) {
          read(join(folder, kWineFile), dataset, true, 3, kWineFeatures);
        },
    .recipe = "wine",
};

}  // namespace treino::data
