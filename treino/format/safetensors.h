// SPDX-License-Identifier: Apache-2.0
// Tensors in a file: 8 bytes of header length (little-endian), a JSON header, the tensors' bytes.
// Source: github.com/huggingface/safetensors, "Format".
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "treino/base/host_tensor.h"

namespace treino::format {

struct SafeTensors {
  std::vector<std::pair<std::string, HostTensor>> tensors;  // in the order of their bytes
  std::vector<std::pair<std::string, std::string>> metadata;

  // Null when there is none of that name.
  const HostTensor* find(std::string_view name) const;
  const std::string* find_metadata(std::string_view key) const;
};

// Types F32, F64, U8, I32, I64; the whole file is written, or none (base/file.h). Throws Error::work.
void write_safetensors(const std::string& path, const SafeTensors& file);

// Throws Error::mistake "path: what is wrong" for anything but a complete, consistent file: header
// length, JSON, types, shapes and offsets are checked before any tensor is made.
SafeTensors read_safetensors(const std::string& path);
SafeTensors parse_safetensors(std::string_view bytes, const std::string& path);

}  // namespace treino::format
