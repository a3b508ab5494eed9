// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

#include "treino/data/load.h"

namespace treino::data {

std::string digest(const Dataset& dataset) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  for (const Split* split : {&dataset.train, &dataset.test}) {
    if (!split->samples) continue;
    EVP_DigestUpdate(context.get(), split->samples->bytes.data(), split->samples->bytes.size());
    if (dataset.classes.size() > 256) {
      EVP_DigestUpdate(context.get(), split->labels->bytes.data(), split->labels->bytes.size());
      continue;
    }
    std::vector<unsigned char> labels;
    for (std::int32_t label : split->labels->as<std::int32_t>()) labels.push_back(static_cast<unsigned char>(label));
    EVP_DigestUpdate(context.get(), labels.data(), labels.size());
  }
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), sum, &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", sum[i]);
  return hex;
}

}  // namespace treino::data
