// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/onednn_bridge.h"

#ifdef TREINO_HAS_ONEDNN
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <dnnl.hpp>
#include <vector>

#include "treino/base/error.h"
#endif

namespace treino::cpu::onednn {

#ifndef TREINO_HAS_ONEDNN

bool available() {
  return false;
}
std::string version() {
  return {};
}
void prepare_worker() {}
std::unique_ptr<Convolution> make_convolution(Direction, const WindowAttributes&, bool, Index) {
  return nullptr;
}

#else

namespace {

using Memory = dnnl::memory;
using Tag = dnnl::memory::format_tag;
using Descriptor = dnnl::memory::desc;
constexpr auto kF32 = dnnl::memory::data_type::f32;

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

struct Geometry {
  Memory::dims x, kernel, bias, y, strides, dilations, before, after;
  Tag kernel_tag = Tag::hwio;
};

Geometry geometry_of(const WindowAttributes& w, Index batch) {
  Geometry g;
  const Index channels = w.input[3], filters = w.kernel[3];
  g.x = {batch, channels, w.input[1], w.input[2]};
  g.y = {batch, filters, w.output_extent(0), w.output_extent(1)};
  g.bias = {filters};
  g.kernel = {filters, channels, w.size[0], w.size[1]};
  if (w.groups > 1) {
    g.kernel = {w.groups, filters / w.groups, channels / w.groups, w.size[0], w.size[1]};
    g.kernel_tag = Tag::hwigo;
  }
  g.strides = {w.stride[0], w.stride[1]};
  g.dilations = {w.dilation[0] - 1, w.dilation[1] - 1};  // oneDNN counts the gaps
  g.before = {w.pad_before[0], w.pad_before[1]};
  g.after = {w.pad_after[0], w.pad_after[1]};
  return g;
}

dnnl::primitive_attr attributes(bool relu) {
  dnnl::primitive_attr attr;
  // The library's own scratchpad is one for all threads of a process.
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (relu) {
    dnnl::post_ops ops;
#if DNNL_VERSION_MAJOR >= 3
    ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
#else
    ops.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
#endif
    attr.set_post_ops(ops);
  }
  return attr;
}

using Forward = dnnl::convolution_forward;
using GradInput = dnnl::convolution_backward_data;
using GradKernel = dnnl::convolution_backward_weights;

Forward::primitive_desc describe_forward(const Geometry& g, bool bias, bool relu) {
  const Descriptor x(g.x, kF32, Tag::nhwc), y(g.y, kF32, Tag::nhwc),
      kernel(g.kernel, kF32, Tag::any);
  const Descriptor bias_desc = bias ? Descriptor(g.bias, kF32, Tag::x) : Descriptor();
  const auto kind = dnnl::prop_kind::forward_training;
  const auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), kind,      direct,      x,        kernel,  bias_desc,
          y,        g.strides, g.dilations, g.before, g.after, attributes(relu)};
#else
  return {{kind, direct, x, kernel, bias_desc, y, g.strides, g.dilations, g.before, g.after},
          attributes(relu),
          engine()};
#endif
}

GradInput::primitive_desc describe_grad_input(const Geometry& g) {
  const Descriptor x(g.x, kF32, Tag::nhwc), y(g.y, kF32, Tag::nhwc),
      kernel(g.kernel, kF32, Tag::any);
  const auto hint = describe_forward(g, false, false);
  const auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), direct,  x,    kernel,           y, g.strides, g.dilations,
          g.before, g.after, hint, attributes(false)};
#else
  return {{direct, x, kernel, y, g.strides, g.dilations, g.before, g.after},
          attributes(false),
          engine(),
          hint};
#endif
}

GradKernel::primitive_desc describe_grad_kernel(const Geometry& g) {
  const Descriptor x(g.x, kF32, Tag::nhwc), y(g.y, kF32, Tag::nhwc),
      kernel(g.kernel, kF32, Tag::any);
  const auto hint = describe_forward(g, false, false);
  const auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), direct,  x,    kernel,           y, g.strides, g.dilations,
          g.before, g.after, hint, attributes(false)};
#else
  return {{direct, x, kernel, y, g.strides, g.dilations, g.before, g.after},
          attributes(false),
          engine(),
          hint};
#endif
}

// What one slice executes: a primitive, its memory objects and its own stream.
struct Slice {
  dnnl::primitive primitive;
  dnnl::stream stream{engine()};
  std::vector<Memory> memories;
  std::vector<dnnl_exec_arg_t> arguments;

  void add(int argument, const Descriptor& descriptor) {
    memories.emplace_back(descriptor, engine(), nullptr);
    arguments.push_back({argument, memories.back().get()});
  }
  void point(std::size_t which, const void* at) {
    if (memories[which].get_data_handle() != at)
      memories[which].set_data_handle(const_cast<void*>(at));
  }
};

class SlicedConvolution final : public Convolution {
 public:
  SlicedConvolution(Direction direction, const WindowAttributes& window, bool bias, Index slices)
      : bias_(bias), slices_(static_cast<std::size_t>(slices)) {
    const Index batch = window.input[0];
    for (Index s = 0; s < slices; ++s) {
      const Index samples = batch * (s + 1) / slices - batch * s / slices;
      Slice& slice = slices_[static_cast<std::size_t>(s)];
      const Geometry g = geometry_of(window, samples);
      if (direction == Direction::forward)
        prepare_forward(slice, g, window.activation == Op::relu);
      else if (direction == Direction::grad_input)
        prepare_grad_input(slice, g);
      else
        prepare_grad_kernel(slice, g);
    }
    plain_ = Descriptor(geometry_of(window, 1).kernel, kF32, geometry_of(window, 1).kernel_tag);
    plain_memory_ = Memory(plain_, engine(), nullptr);
    inner_memory_ = Memory(inner_, engine(), nullptr);
    reorder_ = direction == Direction::grad_kernel ? dnnl::reorder(inner_memory_, plain_memory_)
                                                   : dnnl::reorder(plain_memory_, inner_memory_);
  }

  const std::string& implementation() const override { return implementation_; }
  bool is_reference() const {
    return implementation_.rfind("ref", 0) == 0 || implementation_.rfind("gemm:ref", 0) == 0;
  }
  Index inner_floats() const override { return (static_cast<Index>(inner_.get_size()) + 3) / 4; }
  Index scratch_bytes() const override { return scratch_bytes_; }

  void to_inner(const float* hwio, float* inner) override { reorder(hwio, inner, true); }
  void from_inner(const float* inner, float* hwio) override { reorder(hwio, inner, false); }

  void run(Index number, const float* a, const float* b, const float* bias, float* out,
           void* scratch) override {
    Slice& slice = slices_[static_cast<std::size_t>(number)];
    slice.point(0, a);
    slice.point(1, b);
    slice.point(2, out);
    slice.point(3, scratch);
    if (bias_) slice.point(4, bias);
    // The C call takes the arguments as they lie; the C++ one builds a map each time.
    const dnnl_status_t status =
        dnnl_primitive_execute(slice.primitive.get(), slice.stream.get(),
                               static_cast<int>(slice.arguments.size()), slice.arguments.data());
    (void)status;  // a primitive that was made executes; kernels do not throw
  }

 private:
  template <typename Description>
  void take(const Description& description, const Descriptor& inner) {
    implementation_ = description.impl_info_str();
    if (!(inner_ == Descriptor()) && !(inner_ == inner)) {
      throw Error::work(
          "oneDNN lays a kernel out by the batch's size");  // turned into "not available"
    }
    inner_ = inner;
    scratch_bytes_ =
        std::max(scratch_bytes_, static_cast<Index>(description.scratchpad_desc().get_size()));
  }

  void prepare_forward(Slice& slice, const Geometry& g, bool relu) {
    const auto description = describe_forward(g, bias_, relu);
    take(description, description.weights_desc());
    slice.primitive = Forward(description);
    slice.add(DNNL_ARG_SRC, description.src_desc());
    slice.add(DNNL_ARG_WEIGHTS, description.weights_desc());
    slice.add(DNNL_ARG_DST, description.dst_desc());
    slice.add(DNNL_ARG_SCRATCHPAD, description.scratchpad_desc());
    if (bias_) slice.add(DNNL_ARG_BIAS, description.bias_desc());
  }

  void prepare_grad_input(Slice& slice, const Geometry& g) {
    const auto description = describe_grad_input(g);
    take(description, description.weights_desc());
    slice.primitive = GradInput(description);
    slice.add(DNNL_ARG_DIFF_DST, description.diff_dst_desc());
    slice.add(DNNL_ARG_WEIGHTS, description.weights_desc());
    slice.add(DNNL_ARG_DIFF_SRC, description.diff_src_desc());
    slice.add(DNNL_ARG_SCRATCHPAD, description.scratchpad_desc());
  }

  void prepare_grad_kernel(Slice& slice, const Geometry& g) {
    const auto description = describe_grad_kernel(g);
    take(description, description.diff_weights_desc());
    slice.primitive = GradKernel(description);
    slice.add(DNNL_ARG_SRC, description.src_desc());
    slice.add(DNNL_ARG_DIFF_DST, description.diff_dst_desc());
    slice.add(DNNL_ARG_DIFF_WEIGHTS, description.diff_weights_desc());
    slice.add(DNNL_ARG_SCRATCHPAD, description.scratchpad_desc());
  }

  void reorder(const float* hwio, const float* inner, bool inwards) {
    plain_memory_.set_data_handle(const_cast<float*>(hwio));
    inner_memory_.set_data_handle(const_cast<float*>(inner));
    if (inwards)
      reorder_.execute(stream_, plain_memory_, inner_memory_);
    else
      reorder_.execute(stream_, inner_memory_, plain_memory_);
  }

  bool bias_;
  std::vector<Slice> slices_;
  std::string implementation_;
  Index scratch_bytes_ = 0;
  Descriptor plain_, inner_;
  Memory plain_memory_, inner_memory_;
  dnnl::reorder reorder_;
  dnnl::stream stream_{engine()};
};

}  // namespace

bool available() {
  return true;
}

std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

// GCC's omp.h is not for clang, and oneDNN may be built without OpenMP: the function is looked up.
void prepare_worker() {
  using SetThreads = void (*)(int);
  static const auto set_threads =
      reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set_threads != nullptr) set_threads(1);
}

std::unique_ptr<Convolution> make_convolution(Direction direction, const WindowAttributes& window,
                                              bool bias, Index slices) {
  prepare_worker();
  try {
    auto convolution = std::make_unique<SlicedConvolution>(direction, window, bias, slices);
    // Measured: a reference implementation is about a thousand times slower than any other.
    if (convolution->is_reference()) return nullptr;
    return convolution;
  } catch (const dnnl::error&) {
    return nullptr;
  } catch (const Error&) {
    return nullptr;
  }
}

#endif

}  // namespace treino::cpu::onednn
