// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/quiet_thread.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <utility>

namespace treino::monitor {

std::thread quiet_thread(std::function<void()> work) {
  sigset_t every, before;
  sigfillset(&every);
  ::pthread_sigmask(SIG_SETMASK, &every, &before);
  std::thread thread(std::move(work));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

void LooseThread::start(std::function<void()> work) {
  auto ended = std::make_shared<std::promise<void>>();
  ended_ = ended->get_future();
  thread_ = quiet_thread([work = std::move(work), ended] {
    work();
    ended->set_value();
  });
}

LooseThread::~LooseThread() {
  if (!thread_.joinable()) return;
  if (ended_.wait_for(std::chrono::milliseconds(100)) == std::future_status::ready) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace treino::monitor
