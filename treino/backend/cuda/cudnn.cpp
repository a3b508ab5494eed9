// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/cudnn.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "treino/base/error.h"

namespace treino::cuda::cudnn {

namespace {

using Extents = std::array<std::int64_t, 4>;

constexpr std::int64_t kMostWorkspace = std::int64_t{256} << 20;
constexpr std::int64_t kMostConfigs = 64;
constexpr std::int64_t kX = 1, kW = 2, kY = 3;  // tensors by their ids

// What the library says no to.
struct Refusal {
  Status status;
};

void check(Status status) {
  if (status != Status::success) throw Refusal{status};
}

class Descriptor {
 public:
  Descriptor(const Library& library, Type type) : library_(&library) {
    check(library->descriptor_create(type, &raw_));
  }
  ~Descriptor() {
    if (raw_ != nullptr) (*library_)->descriptor_destroy(raw_);
  }
  Descriptor(Descriptor&& other) noexcept
      : library_(other.library_), raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(library_, other.library_);
    std::swap(raw_, other.raw_);
    return *this;
  }

  template <typename T>
  void set(Attribute attribute, Kind kind, const T* values, std::size_t count) {
    check((*library_)->descriptor_set(raw_, attribute, kind, static_cast<std::int64_t>(count),
                                      values));
  }
  template <typename T, std::size_t kCount>
  void set(Attribute attribute, Kind kind, const std::array<T, kCount>& values) {
    set(attribute, kind, values.data(), kCount);
  }
  template <typename T>
  void set(Attribute attribute, Kind kind, T value) {
    set(attribute, kind, &value, 1);
  }
  void set(Attribute attribute, const Descriptor& value) {
    set(attribute, Kind::descriptor, value.raw_);
  }
  void finalize() { check((*library_)->descriptor_finalize(raw_)); }

  // How many there are of at most `most`, written to `to`.
  template <typename T>
  std::size_t get(Attribute attribute, Kind kind, T* to, std::int64_t most) const {
    std::int64_t count = 0;
    check((*library_)->descriptor_get(raw_, attribute, kind, most, &count, to));
    return static_cast<std::size_t>(std::min(count, most));
  }
  template <typename T>
  T get(Attribute attribute, Kind kind) const {
    T value{};
    get(attribute, kind, &value, 1);
    return value;
  }
  // Into descriptors that are there already.
  std::size_t get(Attribute attribute, std::vector<Descriptor>& to) const {
    std::vector<Raw> raw;
    for (const Descriptor& one : to) raw.push_back(one.raw_);
    return get(attribute, Kind::descriptor, raw.data(), static_cast<std::int64_t>(raw.size()));
  }
  Raw raw() const { return raw_; }

 private:
  const Library* library_;
  Raw raw_ = nullptr;
};

// A picture's NHWC, or a kernel's filters, rows, across, channels, in memory; the library counts
// the last as its second axis.
Descriptor tensor(const Library& library, std::int64_t id, DataType type, const Extents& memory) {
  const auto& [outer, rows, across, inner] = memory;
  Descriptor result(library, Type::tensor);
  result.set(Attribute::tensor_data_type, Kind::data_type, type);
  result.set(Attribute::tensor_extents, Kind::int64, Extents{outer, inner, rows, across});
  result.set(Attribute::tensor_strides, Kind::int64,
             Extents{rows * across * inner, 1, across * inner, inner});
  result.set(Attribute::tensor_id, Kind::int64, id);
  result.set(Attribute::tensor_alignment, Kind::int64, std::int64_t{16});
  result.finalize();
  return result;
}

Descriptor convolution_of(const Library& library, const WindowAttributes& w) {
  Descriptor result(library, Type::convolution);
  result.set(Attribute::convolution_axes, Kind::int64, std::int64_t{2});
  result.set(Attribute::convolution_computes_in, Kind::data_type, DataType::f32);
  result.set(Attribute::convolution_mode, Kind::convolution_mode,
             ConvolutionMode::cross_correlation);
  result.set(Attribute::convolution_strides, Kind::int64, w.stride);
  result.set(Attribute::convolution_dilations, Kind::int64, w.dilation);
  result.set(Attribute::convolution_pad_before, Kind::int64, w.pad_before);
  result.set(Attribute::convolution_pad_after, Kind::int64, w.pad_after);
  result.finalize();
  return result;
}

struct Operation {
  Op op;
  Type type;
  Attribute convolution, x, w, y, alpha, beta;
};
constexpr Operation kOperations[] = {
    {Op::conv2d, Type::forward, Attribute::forward_convolution, Attribute::forward_x,
     Attribute::forward_w, Attribute::forward_y, Attribute::forward_alpha, Attribute::forward_beta},
    {Op::conv2d_grad_input, Type::backward_data, Attribute::backward_data_convolution,
     Attribute::backward_data_dx, Attribute::backward_data_w, Attribute::backward_data_dy,
     Attribute::backward_data_alpha, Attribute::backward_data_beta},
    {Op::conv2d_grad_kernel, Type::backward_filter, Attribute::backward_filter_convolution,
     Attribute::backward_filter_x, Attribute::backward_filter_dw, Attribute::backward_filter_dy,
     Attribute::backward_filter_alpha, Attribute::backward_filter_beta},
};

// A convolution as a plan of one engine; with all that the plan was made of.
class Convolution : public LibraryCall {
 public:
  Convolution(std::shared_ptr<const Library> library, std::vector<Descriptor> parts,
              Descriptor plan, std::string name)
      : library_(std::move(library)),
        parts_(std::move(parts)),
        plan_(std::move(plan)),
        workspace_(plan_.get<std::int64_t>(Attribute::plan_workspace, Kind::int64)),
        name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  std::int64_t workspace_bytes() const override { return workspace_; }

  void enqueue(Stream stream, const Operands& operands) const override {
    try {
      Descriptor pack(*library_, Type::variant_pack);
      pack.set(Attribute::pack_ids, Kind::int64, std::array{kX, kW, kY});
      pack.set(Attribute::pack_pointers, Kind::pointer,
               std::array{pointer(operands.x), pointer(operands.w), pointer(operands.y)});
      pack.set(Attribute::pack_workspace, Kind::pointer, pointer(operands.workspace));
      pack.finalize();
      check((*library_)->set_stream(library_->handle(), stream));
      check((*library_)->execute(library_->handle(), plan_.raw(), pack.raw()));
    } catch (const Refusal& refusal) {
      throw Error::work(fmt::format("{} failed: {}; TREINO_CUDNN=off trains without it", name_,
                                    (*library_)->status_text(refusal.status)));
    }
  }

 private:
  static void* pointer(Address address) { return reinterpret_cast<void*>(address); }

  std::shared_ptr<const Library> library_;
  std::vector<Descriptor> parts_;
  Descriptor plan_;
  std::int64_t workspace_;
  std::string name_;
};

constexpr unsigned bit(NumericalNote note) {
  return 1U << static_cast<unsigned>(note);
}

// Numerical notes as bits.
unsigned notes_of(const Descriptor& engine) {
  std::array<NumericalNote, static_cast<std::size_t>(NumericalNote::last)> notes{};
  const std::size_t count = engine.get(Attribute::engine_numerical_notes, Kind::numerical_note,
                                       notes.data(), std::int64_t{notes.size()});
  unsigned bits = 0;
  for (std::size_t i = 0; i < count; ++i) bits |= bit(notes[i]);
  return bits;
}

std::shared_ptr<const LibraryCall> planned(const std::shared_ptr<const Library>& self,
                                           const Operation& operation, const WindowAttributes& w) {
  const Library& library = *self;
  const DataType type = w.precision == Precision::bf16 ? DataType::bf16 : DataType::f32;
  std::vector<Descriptor> parts;
  parts.push_back(tensor(library, kX, type, {w.input[0], w.input[1], w.input[2], w.input[3]}));
  parts.push_back(tensor(library, kW, type, {w.kernel[3], w.kernel[0], w.kernel[1], w.kernel[2]}));
  parts.push_back(
      tensor(library, kY, type, {w.input[0], w.output_extent(0), w.output_extent(1), w.kernel[3]}));
  parts.push_back(convolution_of(library, w));

  Descriptor node(library, operation.type);
  node.set(operation.x, parts[0]);
  node.set(operation.w, parts[1]);
  node.set(operation.y, parts[2]);
  node.set(operation.convolution, parts[3]);
  node.set(operation.alpha, Kind::f32, 1.0F);
  node.set(operation.beta, Kind::f32, 0.0F);
  node.finalize();

  Descriptor graph(library, Type::graph);
  graph.set(Attribute::graph_handle, Kind::handle, library.handle());
  graph.set(Attribute::graph_operations, node);
  graph.finalize();

  Descriptor heuristics(library, Type::heuristics);
  heuristics.set(Attribute::heuristics_graph, graph);
  heuristics.set(Attribute::heuristics_mode, Kind::heuristics_mode, HeuristicsMode::a);
  heuristics.finalize();
  std::vector<Descriptor> configs;
  for (std::int64_t i = 0; i < kMostConfigs; ++i)
    configs.emplace_back(library, Type::engine_config);
  const std::size_t count = heuristics.get(Attribute::heuristics_results, configs);
  parts.push_back(std::move(node));
  parts.push_back(std::move(graph));

  const unsigned unwanted = bit(NumericalNote::reduced_precision_sums) | bit(NumericalNote::fft) |
                            bit(NumericalNote::winograd) |
                            (library.deterministic() ? bit(NumericalNote::nondeterministic) : 0);
  for (std::size_t i = 0; i < count; ++i) {
    try {
      std::vector<Descriptor> engine;
      engine.emplace_back(library, Type::engine);
      configs[i].get(Attribute::config_engine, engine);
      const unsigned notes = notes_of(engine[0]);
      if ((notes & unwanted) != 0 || (notes & bit(NumericalNote::tensor_core)) == 0) continue;
      Descriptor plan(library, Type::plan);
      plan.set(Attribute::plan_handle, Kind::handle, library.handle());
      plan.set(Attribute::plan_config, configs[i]);
      plan.finalize();
      if (plan.get<std::int64_t>(Attribute::plan_workspace, Kind::int64) > kMostWorkspace) continue;
      const auto index = engine[0].get<std::int64_t>(Attribute::engine_index, Kind::int64);
      const bool again = (notes & bit(NumericalNote::nondeterministic)) == 0;
      parts.push_back(std::move(configs[i]));
      parts.push_back(std::move(engine[0]));
      return std::make_shared<Convolution>(
          self, std::move(parts), std::move(plan),
          fmt::format("cudnn {} engine {}, choice {}{}", library.version_text(), index, i,
                      again ? "" : ", not deterministic"));
    } catch (const Refusal&) {  // this engine cannot after all; the next may
    }
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<const Library> Library::load(const std::string& named, bool deterministic) {
  std::shared_ptr<Library> result(new Library);
  result->library_ = SharedLibrary::open(kNames, named);
  if (!result->library_) return nullptr;
  result->deterministic_ = deterministic;
#define TREINO_CUDNN(member, symbol, ...) \
  result->library_->find(result->functions_.member, #symbol);
#include "treino/backend/cuda/cudnn.def"
#undef TREINO_CUDNN
  if (!result->library_->starts(result->functions_, result->handle_)) return nullptr;
  return result;
}

Library::~Library() {
  if (handle_ != nullptr) functions_.destroy(handle_);
}

std::string Library::version_text() const {
  const std::size_t version = functions_.version();
  return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

std::shared_ptr<const LibraryCall> Library::convolution(Op op, const WindowAttributes& w) const {
  const Operation* operation = nullptr;
  for (const Operation& row : kOperations) {
    if (row.op == op) operation = &row;
  }
  if (operation == nullptr || w.groups != 1 || w.precision == Precision::float32) return nullptr;
  try {
    return planned(shared_from_this(), *operation, w);
  } catch (const Refusal&) {  // the library cannot
    return nullptr;
  }
}

}  // namespace treino::cuda::cudnn
