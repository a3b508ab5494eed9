// SPDX-License-Identifier: Apache-2.0
#include "tests/support/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "tests/support/places.h"

extern char** environ;

namespace treino::test {

namespace {

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) ADD_FAILURE() << "no pipe";
    read = ends[0], write = ends[1];
  }
  ~Pipe() {
    close(read);
    if (write >= 0) close(write);
  }
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

Outcome run(const std::string& program, const std::vector<std::string>& words,
            const Invocation& invocation) {
  Pipe out, err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write, 1);
  posix_spawn_file_actions_adddup2(&actions, err.write, 2);
  posix_spawn_file_actions_addchdir_np(&actions, invocation.folder.c_str());
  std::vector<std::string> environment = invocation.environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  pid_t child = 0;
  const int failed = posix_spawn(&child, program.c_str(), &actions, nullptr, pointers(words).data(),
                                 pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  Outcome outcome;
  if (failed != 0) {
    ADD_FAILURE() << program << " could not be started";
    return outcome;
  }
  close(out.write), close(err.write);
  out.write = err.write = -1;
  std::array<pollfd, 2> polled{{{out.read, POLLIN, 0}, {err.read, POLLIN, 0}}};
  bool sent = invocation.interrupt_after.empty();
  for (int open = 2; open > 0;) {
    poll(polled.data(), polled.size(), -1);
    for (std::size_t i = 0; i < 2; ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t count = read(polled[i].fd, buffer, sizeof buffer);
      if (count <= 0) {
        polled[i].fd = -1;
        --open;
      } else {
        (i == 0 ? outcome.out : outcome.err).append(buffer, static_cast<std::size_t>(count));
      }
    }
    if (!sent && outcome.err.find(invocation.interrupt_after) != std::string::npos) {
      kill(child, invocation.signal);
      sent = true;
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  outcome.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace

Outcome run_treino(const Invocation& invocation) {
  std::vector<std::string> words{"treino"};
  words.insert(words.end(), invocation.arguments.begin(), invocation.arguments.end());
  return run(program_path(), words, invocation);
}

Outcome run_treino(std::vector<std::string> arguments, const std::string& folder) {
  Invocation invocation;
  invocation.arguments = std::move(arguments);
  invocation.folder = folder;
  return run_treino(invocation);
}

Outcome run_shell(const std::string& command) {
  return run("/bin/bash", {"bash", "-c", command}, {});
}

}  // namespace treino::test
