// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/sampler.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmath>

#include "treino/base/error.h"
#include "treino/monitor/watch.h"

namespace treino::monitor {

namespace {

void check(const SamplerOptions& options) {
  if (!(options.interval_s > 0) || !std::isfinite(options.interval_s)) {
    throw Error::mistake(
        fmt::format("the interval is {} s; it must be longer than nothing", options.interval_s));
  }
  if (!(options.for_s > 0)) {
    throw Error::mistake(
        fmt::format("the time to watch is {} s; it must be longer than nothing", options.for_s));
  }
}

}  // namespace

Sampler::State::State() : wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Sampler::Sampler(Launch launch, SamplerOptions options) : state_(std::make_unique<State>()) {
  check(options);
  if (launch.command.empty()) throw Error::mistake("there is no command to run");
  if (!launch.log_profile.empty()) LogProfile::load(launch.log_profile);  // its mistakes come now
  state_->launch = std::move(launch);
  state_->options = std::move(options);
}

Sampler::Sampler(Attach attach, SamplerOptions options) : state_(std::make_unique<State>()) {
  check(options);
  state_->attach = attach;
  state_->options = std::move(options);
  state_->tree =
      std::make_unique<ProcessTree>(state_->options.root, attach.pid, ProcessTree::Top::member);
}

Sampler::Sampler(std::unique_ptr<Tree> tree, std::vector<std::unique_ptr<Probe>> probes,
                 std::unique_ptr<Clock> clock, SamplerOptions options)
    : state_(std::make_unique<State>()) {
  check(options);
  state_->options = std::move(options);
  state_->tree = std::move(tree);
  state_->probes = std::move(probes);
  state_->clock = std::move(clock);
}

Sampler::~Sampler() = default;

void Sampler::add(Output& output) {
  state_->listeners.push_back({&output});
}

Summary Sampler::run() {
  return state_->run();
}

void Sampler::interrupt(int signal, bool already_sent) {
  state_->signal = signal;
  state_->already_sent = already_sent;
  ++state_->interrupts;
  const std::uint64_t one = 1;
  (void)!::write(state_->wake.get(), &one, sizeof one);
}

const std::vector<std::string>& Sampler::failures() const {
  return state_->failures;
}

}  // namespace treino::monitor
