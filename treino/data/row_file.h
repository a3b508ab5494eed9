// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "treino/base/dtype.h"
#include "treino/base/shape.h"

namespace treino::data {

// Samples that stay in a safetensors file and are read by row as they are wanted, past any mapping,
// so that what was read does not count as this process's memory.
class RowFile {
 public:
  // The tensor [n, ...] of that name. Throws Error::mistake for a file that is damaged or lacks it.
  RowFile(const std::string& path, const std::string& tensor);
  ~RowFile();
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;

  const std::string& path() const { return path_; }
  const Shape& shape() const { return shape_; }  // [n, ...]
  DType dtype() const { return dtype_; }
  std::int64_t row_bytes() const { return row_bytes_; }

  // Writes the rows one after the other to `into`; neighbours in the file are read together. Any
  // thread may call it. Throws Error::work when the file cannot be read, or was cut since.
  void read(std::span<const std::int32_t> rows, std::byte* into) const;
  // Rows first .. first + count.
  void read(std::int64_t first, std::int64_t count, std::byte* into) const;

 private:
  std::string path_;
  Shape shape_;
  DType dtype_ = DType::u8;
  std::int64_t row_bytes_ = 0, begin_ = 0;
  int descriptor_ = -1;
};

}  // namespace treino::data
