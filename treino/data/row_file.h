// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "treino/base/dtype.h"
#include "treino/base/shape.h"

namespace treino::data {

// Samples that stay in a safetensors file and are read by row as they are wanted, past any mapping,
// so that what was read does not count as this process's memory. They are what read_arrays() makes
// of the same tensor: pictures u8 [n, height, width, channels], all else f32.
class RowFile {
 public:
  // The tensor of that name: u8 or f32; [n, features], [n, height, width] or [n, height, width,
  // channels]. Throws Error::mistake for a file that is damaged or lacks it, and for other samples.
  RowFile(const std::string& path, const std::string& tensor);
  // Some rows of another, in this order.
  RowFile(const std::shared_ptr<const RowFile>& all, std::vector<std::int32_t> rows);
  ~RowFile();
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;

  const std::string& path() const { return path_; }
  const Shape& shape() const { return shape_; }  // [n, ...]
  DType dtype() const { return dtype_; }
  std::int64_t row_bytes() const { return row_bytes_; }

  // Writes the rows one after the other to `into`; neighbours in the file are read together. Any
  // thread may call it. Throws Error::work when the file cannot be read, or was cut since, and
  // Error::mistake for a number that is not finite.
  void read(std::span<const std::int32_t> rows, std::byte* into) const;
  // Rows first .. first + count.
  void read(std::int64_t first, std::int64_t count, std::byte* into) const;

 private:
  void read_stored(std::span<const std::int32_t> rows, std::byte* into) const;
  // What was read of so many rows, as it is given out; `row_at` names one of them.
  template <typename RowAt>
  void convert(const std::byte* stored, std::int64_t rows, std::byte* into, RowAt&& row_at) const;

  std::string path_, tensor_;
  Shape shape_;
  DType dtype_ = DType::u8, stored_ = DType::u8;
  std::int64_t row_bytes_ = 0, stored_bytes_ = 0, begin_ = 0;  // of a row
  int descriptor_ = -1;
  std::shared_ptr<const RowFile> all_;  // that this has rows_ of
  std::vector<std::int32_t> rows_;
};

}  // namespace treino::data
