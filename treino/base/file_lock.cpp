// SPDX-License-Identifier: Apache-2.0
#include "treino/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "treino/base/error.h"

namespace treino {

FileLock::FileLock(std::string path)
    : path_(std::move(path)), file_(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (file_ < 0) throw Error::work(path_ + ": cannot be opened: " + std::strerror(errno));
}

FileLock::~FileLock() {
  close(file_);
}

bool FileLock::try_take() {
  return take(LOCK_EX | LOCK_NB);
}

void FileLock::take() {
  take(LOCK_EX);
}

bool FileLock::take(int operation) {
  while (flock(file_, operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw Error::work(path_ + ": cannot be locked: " + std::strerror(errno));
  }
  return true;
}

}  // namespace treino
