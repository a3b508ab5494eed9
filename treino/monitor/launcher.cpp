// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "treino/base/clock.h"
#include "treino/base/error.h"

extern char** environ;

namespace treino::monitor {

namespace {

// Everything the forked processes need, made before the fork: between fork and exec of a process
// with threads only plain system calls are safe.
struct Plan {
  std::vector<char*> command, environment;
  const char* folder = nullptr;
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;
  bool pinned = false, outlives_us = true;
  cpu_set_t cpus;
  std::vector<int> groups;           // cgroup.procs files, open for writing
  std::vector<const char*> folders;  // of the groups
  int news = -1, go = -1, go_writer = -1, failure = -1;
  pid_t watcher = 0;
  sigset_t mask;
};

double cpu_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void tell(int socket, const LauncherNews& news) {
  // A watcher that was killed does not hear it: the command goes on and is waited for all the same.
  (void)::send(socket, &news, sizeof news, MSG_NOSIGNAL);
}

[[noreturn]] void run_command(const Plan& plan) {
  for (int group : plan.groups) (void)!::write(group, "0", 1);
  tell(plan.news, {LauncherNews::started, ::getpid(), monotonic_seconds(), 0});
  if (plan.pinned) ::sched_setaffinity(0, sizeof plan.cpus, &plan.cpus);
  const int wanted[3] = {plan.stdin_fd, plan.stdout_fd, plan.stderr_fd};
  int kept[3];
  for (int i = 0; i < 3; ++i) {  // copies above 2 first: they may be one another's targets
    kept[i] = wanted[i] < 0 ? -1 : ::fcntl(wanted[i], F_DUPFD, 10);
  }
  for (int i = 0; i < 3; ++i) {
    if (kept[i] < 0) continue;
    ::dup2(kept[i], i);
    ::close(kept[i]);
  }
  ::signal(SIGPIPE, SIG_DFL);
  ::close(plan.go_writer);  // or a watcher that died before it said go would never be noticed
  char byte;
  ssize_t got = 0;
  while ((got = ::read(plan.go, &byte, 1)) < 0 && errno == EINTR) {
  }
  if (got != 1) ::_exit(125);
  ::sigprocmask(SIG_SETMASK, &plan.mask, nullptr);
  if (plan.folder == nullptr || ::chdir(plan.folder) == 0) {
    ::execvpe(plan.command[0], plan.command.data(), plan.environment.data());
  }
  const int error = errno;
  (void)!::write(plan.failure, &error, sizeof error);
  ::_exit(error == ENOENT ? 127 : 126);
}

constexpr int kWatcherDied = SIGUSR2;

// Kills the children of this process. It adopts the orphans of the tree, so doing this whenever one
// has ended reaches all of it.
void kill_children(pid_t command) {
  char text[4096];
  ssize_t length = -1;
  const int list = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (list >= 0) {
    length = ::read(list, text, sizeof text - 1);
    ::close(list);
  }
  if (length < 0) ::kill(command, SIGKILL);  // a kernel without that list
  pid_t pid = 0;
  for (ssize_t i = 0; i < length; ++i) {
    if (text[i] >= '0' && text[i] <= '9') {
      pid = 10 * pid + (text[i] - '0');
    } else {
      if (pid > 0) ::kill(pid, SIGKILL);
      pid = 0;
    }
  }
}

[[noreturn]] void run_helper(const Plan& plan) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "treino-launch");
  bool ending = false;
  if (!plan.outlives_us) {
    ::prctl(PR_SET_PDEATHSIG, kWatcherDied);
    ending = ::getppid() != plan.watcher;  // died before that call
  }
  ::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would hide the children's times
  const pid_t command = ::fork();
  if (command == 0) run_command(plan);
  // Nothing of ours is held open: pipes must end when the command's ends are closed.
  const int keep = plan.news;
  if (keep != 3) ::dup2(keep, 3);
  ::syscall(SYS_close_range, 4u, ~0u, 0u);
  for (int fd = 0; fd < 3; ++fd) ::close(fd);
  constexpr int news = 3;
  if (command < 0) tell(news, {LauncherNews::started, -1, monotonic_seconds(), 0});
  sigset_t awaited;  // blocked, as all are: they wait for us
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, kWatcherDied);
  for (bool any = command > 0; any;) {
    if (ending) kill_children(command);
    int signal = 0, status = 0;
    ::sigwait(&awaited, &signal);
    ending = ending || signal == kWatcherDied;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended != command) continue;
      rusage usage{};
      ::getrusage(RUSAGE_CHILDREN, &usage);
      tell(news, {LauncherNews::exited, status, monotonic_seconds(), cpu_seconds(usage)});
    }
    any = ended == 0;
  }
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  tell(news, {LauncherNews::all_gone, 0, monotonic_seconds(), cpu_seconds(usage)});
  // The watcher reads the groups' last counters, then closes its end.
  char byte;
  while (::recv(news, &byte, 1, 0) < 0 && errno == EINTR) {
  }
  for (const char* folder : plan.folders) ::rmdir(folder);
  ::_exit(0);
}

// "NAME=value" of ours and the additions, which win.
std::vector<std::string> environment_of(const Launch& launch) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& [key, value] : launch.environment) replaced = replaced || key == name;
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [key, value] : launch.environment) all.push_back(key + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

Error cannot(const char* what) {
  return Error::work(
      fmt::format("the command cannot be launched: {}: {}", what, std::strerror(errno)));
}

}  // namespace

Launcher::Launcher(const Launch& launch, const std::vector<std::string>& cgroup_folders) {
  if (launch.command.empty()) throw Error::mistake("there is no command to run");
  std::vector<std::string> command = launch.command, environment = environment_of(launch);
  Plan plan;
  plan.command = pointers(command);
  plan.environment = pointers(environment);
  if (!launch.folder.empty()) plan.folder = launch.folder.c_str();
  plan.stdin_fd = launch.stdin_fd;
  plan.stdout_fd = launch.stdout_fd;
  plan.stderr_fd = launch.stderr_fd;
  CPU_ZERO(&plan.cpus);
  for (int cpu : launch.cpus) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) throw Error::mistake(fmt::format("there is no CPU {}", cpu));
    CPU_SET(cpu, &plan.cpus);
    plan.pinned = true;
  }
  std::vector<Descriptor> groups;
  for (const std::string& folder : cgroup_folders) {
    groups.emplace_back(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    if (groups.back()) plan.groups.push_back(groups.back().get());
    plan.folders.push_back(folder.c_str());
  }
  int sockets[2], go[2], failure[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    throw cannot("socketpair");
  socket_ = Descriptor(sockets[0]);
  const Descriptor theirs(sockets[1]);
  if (::pipe2(go, O_CLOEXEC) != 0) throw cannot("pipe");
  const Descriptor go_theirs(go[0]);
  go_ = Descriptor(go[1]);
  if (::pipe2(failure, O_CLOEXEC) != 0) throw cannot("pipe");
  failure_ = Descriptor(failure[0]);
  const Descriptor failure_theirs(failure[1]);
  plan.news = theirs.get();
  plan.go = go_theirs.get();
  plan.go_writer = go_.get();
  plan.failure = failure_theirs.get();
  plan.outlives_us = launch.outlives_us;
  plan.watcher = ::getpid();

  // The terminal's signals are for the command and for us; the helper keeps them blocked for ever.
  sigset_t every;
  sigfillset(&every);
  ::pthread_sigmask(SIG_SETMASK, &every, &plan.mask);
  helper_ = ::fork();
  if (helper_ == 0) run_helper(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &plan.mask, nullptr);
  errno = error;
  if (helper_ < 0) throw cannot("fork");

  LauncherNews first;
  ssize_t got = 0;
  while ((got = ::recv(socket_.get(), &first, sizeof first, 0)) < 0 && errno == EINTR) {
  }
  if (got != sizeof first || first.value <= 0)
    throw Error::work("the command cannot be launched: fork failed");
  command_ = first.value;
}

Launcher::~Launcher() {
  go_.reset();
  socket_.reset();
  // Ended already where the tree is gone. Where it is not (a process that no signal ends), the
  // helper stays to wait for it and init inherits the helper.
  for (int tries = 0; tries < 50; ++tries) {
    const pid_t ended = ::waitpid(helper_, nullptr, WNOHANG);
    if (ended == helper_ || (ended < 0 && errno != EINTR)) return;
    ::usleep(2000);
  }
}

int Launcher::go() {
  (void)!::write(go_.get(), "g", 1);
  go_.reset();
  // Closed empty by a successful exec; else it brings the errno of one that failed.
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(failure_.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  failure_.reset();
  return got == sizeof error ? error : 0;
}

std::optional<LauncherNews> Launcher::next() {
  LauncherNews news;
  ssize_t got = 0;
  while ((got = ::recv(socket_.get(), &news, sizeof news, MSG_DONTWAIT)) < 0 && errno == EINTR) {
  }
  if (got == sizeof news) return news;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  return LauncherNews{};  // lost: somebody killed the helper
}

}  // namespace treino::monitor
