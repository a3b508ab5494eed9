// SPDX-License-Identifier: Apache-2.0
// Tensors in a file: 8 bytes of header length (little-endian), a JSON header, the tensors' bytes.
// Source: github.com/huggingface/safetensors, "Format".
#pragma once

#include <cstdint>
#include <span>
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

// Types F32, F64, U8, I32, I64; the whole file is written, or none (base/file.h). Throws
// Error::work.
void write_safetensors(const std::string& path, const SafeTensors& file);
// The same of tensors that are elsewhere.
using NamedTensors = std::vector<std::pair<std::string, const HostTensor*>>;
void write_safetensors(const std::string& path, const NamedTensors& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata);

// Throws Error::mistake "path: what is wrong" for anything but a complete, consistent file: header
// length, JSON, types, shapes and offsets are checked before any tensor is made.
SafeTensors read_safetensors(const std::string& path);
SafeTensors parse_safetensors(std::string_view bytes, const std::string& path);

// A file whose tensors are read one by one, or piece by piece (a set larger than the memory).
class SafeTensorsFile {
 public:
  struct Entry {
    std::string name;
    DType type = DType::f32;
    Shape shape;
    std::uint64_t begin = 0, end = 0;  // bytes after the header
  };

  // Reads and checks the header. Throws as read_safetensors does.
  explicit SafeTensorsFile(std::string path);
  ~SafeTensorsFile();
  SafeTensorsFile(const SafeTensorsFile&) = delete;
  SafeTensorsFile& operator=(const SafeTensorsFile&) = delete;

  const std::vector<Entry>& entries() const { return entries_; }  // in the order of their bytes
  const Entry* find(std::string_view name) const;                 // null when there is none
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }

  HostTensor read(const Entry& entry) const;
  // The same without a copy: the tensor is the file's own pages, brought into memory here; what is
  // written to it goes to no file. For files that are only ever replaced as a whole: one that is
  // cut off while a tensor of it is in use ends the program (base/mapped_file.h). A tensor that
  // lies at no multiple of its type's size, or cannot be mapped, is read.
  HostTensor map(const Entry& entry) const;
  // Bytes of a tensor from `offset` on; any thread may call it.
  void read(const Entry& entry, std::uint64_t offset, std::span<std::byte> into) const;

 private:
  void read_at(std::uint64_t offset, void* into, std::size_t count) const;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t begin_ = 0;  // of the tensors
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace treino::format
