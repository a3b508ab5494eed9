// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include <string>
#include <string_view>

namespace treino::format {

// The bytes of a file, or of a piece of memory, from the first to the last; unpacked on the way
// where they begin as gzip does, with its checksum and length compared at the end.
// Throws Error::mistake naming the file and the byte in it where the data is damaged or ends early.
class ByteSource {
 public:
  explicit ByteSource(std::string path);
  ByteSource(std::string path, std::string_view bytes);  // `path` is what errors name
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // The next piece, valid until the next call; empty at the end.
  std::string_view next();
  // Reads on to the end, so that a checksum there is compared.
  void finish();
  // Bytes of the file read so far.
  std::int64_t position() const;
  std::int64_t size() const;  // of the file

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace treino::format
