// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "treino/base/error.h"

namespace treino::cuda {

namespace {

constexpr int kOwnShared = 1024;  // bytes of a block that kernel and driver keep for themselves

// Whether TREINO_CUDA_EDGES asks for graphs whose kernels begin when others have ended.
bool wants_full_edges() {
  const char* chosen = std::getenv("TREINO_CUDA_EDGES");
  return chosen != nullptr && std::string_view(chosen) == "full";
}

}  // namespace

Gpu::Gpu(std::shared_ptr<const Driver> driver, std::int64_t limit)
    : driver_(std::move(driver)), limit_(limit) {
  const std::string image = kernel_image();
  const Driver& api = *driver_;
  api.check(api->device_get(&device_, 0), "asking for the GPU");
  api.check(api->context_retain(&context_, device_), "opening the GPU");
  try {
    use();
    api.check(api->module_load(&module_, image.data()), "loading the kernels");
    for (int i = 0; i < kKernelCount; ++i) {
      const std::string name = std::string("treino_") + kKernelNames[i];
      api.check(
          api->module_function(&functions_[static_cast<std::size_t>(i)], module_, name.c_str()),
          "looking for the kernel " + name);
    }
    api.check(api->module_function(&levels_, module_, "treino_levels"),
              "looking for the kernel that runs programs");
    api.check(api->device_attribute(&processors_, Attribute::multiprocessors, device_),
              "asking for the GPU's multiprocessors");
    api.check(api->device_attribute(&most_shared_, Attribute::shared_bytes_of_block, device_),
              "asking for the GPU's shared memory");
    int capability = 0;
    api.check(api->device_attribute(&capability, Attribute::capability_major, device_),
              "asking for the GPU's capability");
    if (capability >= kLeastCapabilityOfEarlyBegin && !wants_full_edges()) edge_ = kEarlyEdge;
    api.check(
        api->function_set(levels_, FunctionAttribute::shared_bytes, most_shared_ - kOwnShared),
        "asking for shared memory");
    api.check(api->stream_create(&stream_, kNonBlockingStream), "making a stream");
  } catch (...) {
    if (module_ != nullptr) api->module_unload(module_);
    api->context_release(device_);
    throw;
  }
}

Gpu::~Gpu() {
  const Driver& api = *driver_;
  api->context_set(context_);
  api->stream_destroy(stream_);
  api->module_unload(module_);
  api->context_release(device_);
}

void Gpu::use() const {
  check((*driver_)->context_set(context_), "turning to the GPU");
}

Gpu::Free Gpu::memory() const {
  use();
  std::size_t free = 0, total = 0;
  check((*driver_)->memory_info(&free, &total), "asking for the GPU's free memory");
  Free result{static_cast<std::int64_t>(free), static_cast<std::int64_t>(total), false};
  if (limit_ > 0 && limit_ - held_ < result.free)
    result = {std::max<std::int64_t>(limit_ - held_, 0), limit_, true};
  return result;
}

std::optional<Address> Gpu::allocate(std::int64_t bytes) {
  use();
  if (limit_ > 0 && held_ + bytes > limit_) return {};
  Address address = 0;
  const Result result = (*driver_)->memory_allocate(&address, static_cast<std::size_t>(bytes));
  if (result == Result::out_of_memory) return {};
  check(result, fmt::format("asking for {} of the GPU's memory", bytes_text(bytes)));
  held_ += bytes;
  most_held_ = std::max(most_held_, held_);
  return address;
}

void Gpu::release(Address address, std::int64_t bytes) {
  (*driver_)->context_set(context_);
  (*driver_)->memory_free(address);
  held_ -= bytes;
}

void Gpu::clear(Address address, std::int64_t bytes) const {
  use();
  check((*driver_)->memory_set(address, 0, static_cast<std::size_t>(bytes), stream_),
        "clearing memory of the GPU");
}

// The driver has taken what it needs of `from` when it returns: it is pageable memory.
void Gpu::write(Address address, const void* from, std::size_t bytes,
                const std::string& what) const {
  use();
  check((*driver_)->copy_to_device(address, from, bytes, stream_),
        "copying " + what + " to the GPU");
}

void Gpu::read(void* to, Address address, std::size_t bytes, const std::string& what) const {
  use();
  check((*driver_)->copy_to_host(to, address, bytes, stream_), "copying " + what + " from the GPU");
  wait();
}

// A library's launches are caught on their way to the stream.
GraphNode Gpu::add_call(const Launch& launch, std::span<const GraphNode> after, Graph graph) const {
  const Driver& api = *driver_;
  check(api->capture_begin(stream_, CaptureMode::relaxed), "catching a library's launches");
  Graph caught = nullptr;
  try {
    launch.library->enqueue(stream_, launch.operands());
  } catch (...) {
    if (api->capture_end(stream_, &caught) == Result::success) api->graph_destroy(caught);
    throw;
  }
  check(api->capture_end(stream_, &caught), "catching a library's launches");
  GraphNode result = nullptr;
  const Result said = api->graph_add_child(&result, graph, after.data(), after.size(), caught);
  api->graph_destroy(caught);
  check(said, "adding a library's launches to a graph");
  return result;
}

GraphNode Gpu::add(const Launch& launch, std::span<const GraphNode> after, Graph graph) const {
  if (launch.library) return add_call(launch, after, graph);
  Index count = launch.count;
  void* parameters[] = {const_cast<std::byte*>(launch.arguments.data()), &count};
  KernelNode node{};
  node.function = function(launch.kernel);
  node.grid[0] = launch.blocks;
  node.grid[1] = node.grid[2] = node.block[1] = node.block[2] = 1;
  node.block[0] = kThreads;
  node.parameters = parameters;
  GraphNode result = nullptr;
  check((*driver_)->graph_add_kernel(&result, graph, after.data(), after.size(), &node),
        "adding the kernel " + launch.name() + " to a graph");
  return result;
}

OwnGraph Gpu::made(const std::function<void(Graph)>& fill) const {
  const Driver& api = *driver_;
  Graph graph = nullptr;
  check(api->graph_create(&graph, 0), "making a graph of a step");
  try {
    fill(graph);
    GraphExec result = nullptr;
    const Result said = api->graph_instantiate(&result, graph, 0);
    if (said != Result::out_of_memory) check(said, "making a graph of a step");
    api->graph_destroy(graph);
    return {result, GraphRelease{shared_from_this()}};
  } catch (...) {
    api->graph_destroy(graph);
    throw;
  }
}

OwnGraph Gpu::graph_of(std::span<const Launch> launches) const {
  return made([&](Graph graph) {
    std::vector<GraphNode> nodes, before, after;
    std::vector<GraphEdge> edges;
    for (const Launch& launch : launches) {
      nodes.push_back(add(launch, {}, graph));
      const bool after_call =
          launch.library || std::any_of(launch.after.begin(), launch.after.end(), [&](int other) {
            return launches[static_cast<std::size_t>(other)].library != nullptr;
          });
      for (const int other : launch.after) {
        const auto place = static_cast<std::size_t>(other);
        before.push_back(nodes[place]);
        after.push_back(nodes.back());
        // A library's kernels neither wait nor let others come early, and who waits for one waits
        // for all in that way.
        edges.push_back(after_call ? kFullEdge : edge_);
      }
    }
    if (after.empty()) return;
    check(
        (*driver_)->graph_add_edges(graph, before.data(), after.data(), edges.data(), edges.size()),
        "adding edges to a graph");
  });
}

OwnGraph Gpu::timed(std::span<const Launch> launches, std::span<const Event> events) const {
  return made([&](Graph graph) {
    GraphNode last = nullptr;
    const auto record = [&](Event event) {
      const GraphNode before = last;
      check((*driver_)->graph_add_event(&last, graph, &before, before == nullptr ? 0 : 1, event),
            "adding an event to a graph");
    };
    record(events[0]);
    for (std::size_t i = 0; i < launches.size(); ++i) {
      last = add(launches[i], std::span(&last, 1), graph);
      record(events[i + 1]);
    }
  });
}

void Gpu::run(const OwnGraph& graph) const {
  check((*driver_)->graph_launch(graph.get(), stream_), "running a step");
}

void GraphRelease::operator()(GraphExec graph) const {
  try {
    gpu->use();
  } catch (const Error&) {  // the GPU is lost; nothing is left to give back
    return;
  }
  gpu->driver()->graph_exec_destroy(graph);
}

bool Gpu::can_run(const LevelTable& table) const {
  const std::size_t shared = table.levels.bytes + table.room;
  if (!table.possible || shared > static_cast<std::size_t>(most_shared_ - kOwnShared)) return false;
  int blocks = 0;
  check((*driver_)->blocks_at_once(&blocks, levels_, kThreads, shared),
        "asking how many blocks fit a multiprocessor");
  return blocks > 0;
}

void Gpu::run(const LevelTable& table, Index steps) const {
  // A block a multiprocessor, and no more than there is work for.
  const auto blocks = static_cast<unsigned>(std::min<Index>(processors_, table.most));
  const auto shared = static_cast<unsigned>(table.levels.bytes + table.room);
  void* parameters[] = {const_cast<Levels*>(&table.levels), &steps};
  check((*driver_)->launch_together(levels_, blocks, 1, 1, kThreads, 1, 1, shared, stream_,
                                    parameters),
        "launching the kernel that runs programs");
}

void Gpu::wait() const {
  check((*driver_)->stream_synchronize(stream_), "waiting for the GPU");
}

Block::Block(std::shared_ptr<Gpu> gpu, std::int64_t bytes) : gpu_(std::move(gpu)), bytes_(bytes) {
  address_ = gpu_->allocate(std::max<std::int64_t>(bytes, 1)).value_or(0);
  bytes_ = std::max<std::int64_t>(bytes, 1);
}

Block::~Block() {
  if (address_ != 0) gpu_->release(address_, bytes_);
}

Block::Block(Block&& other) noexcept
    : gpu_(std::move(other.gpu_)),
      address_(std::exchange(other.address_, 0)),
      bytes_(other.bytes_) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::string bytes_text(std::int64_t bytes) {
  const auto number = static_cast<double>(bytes);
  if (bytes >= 1 << 30) return fmt::format("{:.1f} GiB", number / (1 << 30));
  if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", number / (1 << 20));
  return fmt::format("{:.1f} KiB", number / (1 << 10));
}

}  // namespace treino::cuda
