// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace treino {

// An exclusive lock that processes hold by a file, which is made where it is not. The kernel lets
// go of it when its holder dies; the file stays.
class FileLock {
 public:
  // Takes nothing yet. Throws Error::work when the file cannot be opened.
  explicit FileLock(std::string path);
  ~FileLock();  // lets go
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // False when another one has it. Both throw Error::work when the file system knows no locks.
  bool try_take();
  void take();  // waits for it

 private:
  bool take(int operation);

  std::string path_;
  int file_;
};

}  // namespace treino
