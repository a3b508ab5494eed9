// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "treino/backend/cuda/levels.h"

namespace treino::cuda {

class Gpu;

// A graph that can be run; empty where the GPU or its driver had no memory for it.
struct GraphRelease {
  std::shared_ptr<const Gpu> gpu;
  void operator()(GraphExec graph) const;
};
using OwnGraph = std::unique_ptr<std::remove_pointer_t<GraphExec>, GraphRelease>;

// The first GPU with this build's kernels loaded: its memory, and launches on one stream.
class Gpu : public std::enable_shared_from_this<Gpu> {
 public:
  // `limit`: most bytes to allocate, 0: as many as there are. Throws Error::work.
  Gpu(std::shared_ptr<const Driver> driver, std::int64_t limit);
  ~Gpu();
  Gpu(const Gpu&) = delete;

  const Driver& driver() const { return *driver_; }
  void check(Result result, const std::string& action) const { driver_->check(result, action); }
  // A thread's first call; the others cost nothing much.
  void use() const;

  struct Free {
    std::int64_t free = 0, total = 0;
    bool limited = false;  // by the limit, not by the GPU
  };
  Free memory() const;
  // Nothing when there is not as much.
  std::optional<Address> allocate(std::int64_t bytes);
  void release(Address address, std::int64_t bytes);
  std::int64_t most_held() const { return most_held_; }  // of what was allocated here

  // All of these, launches and copies, are done in the order they were asked for.
  void clear(Address address, std::int64_t bytes) const;
  void write(Address address, const void* from, std::size_t bytes, const std::string& what) const;
  void read(void* to, Address address, std::size_t bytes, const std::string& what) const;  // waits
  // All of them, each as soon as those are done that it must follow.
  OwnGraph graph_of(std::span<const Launch> launches) const;
  void run(const OwnGraph& graph) const;
  // A whole program in one launch (levels.h): whether it can run so, and so many steps of it.
  bool can_run(const LevelTable& table) const;
  void run(const LevelTable& table, Index steps) const;
  // One after the other, with an event before the first and after each.
  OwnGraph timed(std::span<const Launch> launches, std::span<const Event> events) const;
  void wait() const;
  Stream stream() const { return stream_; }

 private:
  Function function(Kernel kernel) const { return functions_[static_cast<std::size_t>(kernel)]; }
  GraphNode add(const Launch& launch, std::span<const GraphNode> after, Graph graph) const;
  GraphNode add_call(const Launch& launch, std::span<const GraphNode> after, Graph graph) const;
  // The graph of what `fill` adds to it.
  OwnGraph made(const std::function<void(Graph)>& fill) const;

  std::shared_ptr<const Driver> driver_;
  std::int64_t limit_, held_ = 0, most_held_ = 0;
  DeviceId device_ = 0;
  Context context_ = nullptr;
  Module module_ = nullptr;
  Stream stream_ = nullptr;
  std::array<Function, kKernelCount> functions_{};
  Function levels_ = nullptr;
  int processors_ = 0, most_shared_ = 0;  // bytes that a block may share
  GraphEdge edge_ = kFullEdge;            // between a step's kernels
};

// A piece of the GPU's memory; empty where there were not as many bytes.
class Block {
 public:
  Block() = default;
  Block(std::shared_ptr<Gpu> gpu, std::int64_t bytes);
  ~Block();
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;

  Address address() const { return address_; }
  explicit operator bool() const { return address_ != 0; }

 private:
  std::shared_ptr<Gpu> gpu_;
  Address address_ = 0;
  std::int64_t bytes_ = 0;
};

// The kernels compiled into this program, or those in the file that TREINO_CUDA_IMAGE names. Throws
// Error::work where there are none.
std::string kernel_image();

// "1.5 GiB"
std::string bytes_text(std::int64_t bytes);

}  // namespace treino::cuda
