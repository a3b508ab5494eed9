// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

#include "treino/data/load.h"
#include "treino/data/stream.h"

namespace treino::data {

namespace {

class Sha256 {
 public:
  Sha256() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(const void* bytes, std::size_t count) { EVP_DigestUpdate(context_.get(), bytes, count); }
  std::string hex() {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), sum, &length);
    std::string text;
    for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", sum[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

void add_labels(const HostTensor& labels, bool wide, Sha256& sum) {
  if (wide) {
    sum.add(labels.bytes.data(), labels.bytes.size());
    return;
  }
  std::vector<unsigned char> bytes;
  bytes.reserve(labels.bytes.size() / 4);
  for (const std::int32_t label : labels.as<std::int32_t>())
    bytes.push_back(static_cast<unsigned char>(label));
  sum.add(bytes.data(), bytes.size());
}

void add_texts(const Texts& texts, Sha256& sum) {
  for (std::int64_t row = 0; row < texts.rows(); ++row) {
    for (std::size_t column = 0; column < texts.columns().size(); ++column) {
      const std::string_view cell = texts.at(row, column);
      sum.add(cell.data(), cell.size());
      sum.add("", 1);
    }
  }
}

}  // namespace

std::string digest(const Dataset& dataset) {
  if (!dataset.sha256.empty()) return dataset.sha256;
  Sha256 sum;
  for (const Split* split : {&dataset.train, &dataset.test}) {
    if (split->file)
      for_each_piece(*split, [&](const HostTensor& piece) {
        sum.add(piece.bytes.data(), piece.bytes.size());
      });
    if (split->samples) sum.add(split->samples->bytes.data(), split->samples->bytes.size());
    if (split->texts) add_texts(*split->texts, sum);
    if (split->labels) add_labels(*split->labels, dataset.classes.size() > 256, sum);
  }
  return sum.hex();
}

}  // namespace treino::data
