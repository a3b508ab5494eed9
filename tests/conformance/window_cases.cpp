// SPDX-License-Identifier: Apache-2.0
// Convolutions, their gradients, pools and their gradients.
#include <array>

#include "tests/conformance/case.h"
#include "treino/base/rng.h"
#include "treino/graph/build.h"

namespace treino::conformance {

namespace {

using Pair = std::array<std::int64_t, 2>;

struct Channels {
  std::int64_t in, out, groups;
};
constexpr Channels kChannels[] = {{1, 1, 1},    {1, 17, 1},   {17, 1, 1}, {17, 33, 1}, {33, 64, 1},
                                  {17, 17, 17}, {17, 34, 17}, {6, 4, 2},  {8, 20, 4}};
constexpr Pair kImages[] = {{1, 1}, {5, 7}, {12, 11}};
constexpr Pair kSizes[] = {{3, 3}, {3, 3}, {1, 1}, {2, 2}, {5, 3}};
constexpr Pair kStrides[] = {{1, 1}, {1, 1}, {2, 2}, {1, 2}, {3, 1}};
constexpr Pair kDilations[] = {{1, 1}, {1, 1}, {2, 2}, {1, 3}};

// Pads each side so that the output has ceil(input / stride) elements, the odd one after.
void pad_same(WindowAttributes& w, const Pair& image) {
  for (std::size_t d = 0; d < 2; ++d) {
    const std::int64_t reach = (w.size[d] - 1) * w.dilation[d] + 1;
    const std::int64_t out = (image[d] + w.stride[d] - 1) / w.stride[d];
    const std::int64_t total =
        std::max<std::int64_t>((out - 1) * w.stride[d] + reach - image[d], 0);
    w.pad_before[d] = total / 2;
    w.pad_after[d] = total - total / 2;
  }
}

template <std::size_t N>
const Pair& any(const Pair (&choices)[N], Rng& rng) {
  return choices[rng.below(N)];
}

// A drawn window that fits the image.
WindowAttributes draw_window(std::int64_t batch, const Pair& image, std::int64_t channels,
                             bool dilates, Rng& rng) {
  while (true) {
    WindowAttributes w;
    w.size = any(kSizes, rng);
    w.stride = any(kStrides, rng);
    if (dilates) w.dilation = any(kDilations, rng);
    if (rng.below(2) == 0) pad_same(w, image);
    w.input = Shape{batch, image[0], image[1], channels};
    if (w.output_extent(0) > 0 && w.output_extent(1) > 0) return w;
  }
}

struct Geometry {
  std::string name;
  WindowAttributes window;
  Shape y;
};

void add_convolution(WindowAttributes w, const Channels& c, std::vector<Geometry>& all) {
  w.groups = c.groups;
  w.kernel = Shape{w.size[0], w.size[1], c.in / c.groups, c.out};
  const Shape y{w.input[0], w.output_extent(0), w.output_extent(1), c.out};
  if (y.elements() / c.out * w.kernel.elements() > 8'000'000) return;  // the oracle is slow
  all.push_back(
      {to_string(w.input) + " by " + to_string(w.kernel) + " " + to_string(Attributes(w)), w, y});
}

std::vector<Geometry> convolutions() {
  std::vector<Geometry> all;
  Rng rng(3, 0);
  for (std::int64_t batch : {1, 7, 33}) {
    for (const Pair& image : kImages) {
      for (const Channels& c : kChannels) {
        for (int draw = 0; draw < 2; ++draw)
          add_convolution(draw_window(batch, image, c.in, true, rng), c, all);
        // The window that most networks have, and that some algorithms are made for.
        WindowAttributes three;
        three.size = {3, 3};
        three.input = Shape{batch, image[0], image[1], c.in};
        if ((all.size() & 1) == 0 || image[0] < 3) pad_same(three, image);
        add_convolution(three, c, all);
      }
    }
  }
  // A picture's colours, which some have kernels of their own for.
  for (const Pair& image : {Pair{12, 11}, Pair{31, 6}}) {
    for (const std::int64_t pad : {0, 1, 2}) {
      WindowAttributes w;
      w.size = {3, 3};
      w.pad_before = {pad, pad};
      w.pad_after = {2 - pad, pad};
      w.input = Shape{9, image[0], image[1], 3};
      add_convolution(w, {3, 41, 1}, all);
    }
  }
  // Channels in eights, which a GPU's libraries have kernels for.
  for (const Pair& image : {Pair{5, 7}, Pair{12, 11}}) {
    for (int draw = 0; draw < 4; ++draw)
      add_convolution(draw_window(7, image, 16, draw > 1, rng), {16, 40, 1}, all);
  }
  return all;
}

std::vector<Geometry> pools() {
  std::vector<Geometry> all;
  Rng rng(4, 0);
  for (std::int64_t batch : {1, 7, 33}) {
    for (const Pair& image : kImages) {
      for (std::int64_t channels : {1, 17, 32}) {
        for (int draw = 0; draw < 3; ++draw) {
          const WindowAttributes w = draw_window(batch, image, channels, draw == 2, rng);
          const Shape y{batch, w.output_extent(0), w.output_extent(1), channels};
          all.push_back({to_string(w.input) + " " + to_string(Attributes(w)), w, y});
        }
      }
    }
  }
  return all;
}

// Windows of which there is one along a dimension or both: of the whole picture, of less, of more;
// beside those that tile the other dimension and those that overlap there.
void add_single_windows(std::vector<Geometry>& all) {
  struct Single {
    Pair image, size, stride;
    std::int64_t channels, below = 0;  // rows of padding
  };
  constexpr Single kSingles[] = {
      {{5, 7}, {5, 7}, {1, 1}, 8},     {{4, 4}, {4, 4}, {1, 1}, 12}, {{5, 7}, {5, 7}, {1, 1}, 3},
      {{6, 5}, {6, 2}, {1, 2}, 8},     {{5, 6}, {2, 6}, {2, 1}, 4},  {{6, 5}, {6, 3}, {1, 1}, 8},
      {{6, 7}, {5, 4}, {2, 5}, 8},     {{3, 3}, {2, 2}, {3, 2}, 4},  {{3, 7}, {2, 2}, {2, 2}, 8},
      {{5, 7}, {6, 7}, {1, 1}, 16, 1}, {{1, 9}, {1, 9}, {1, 1}, 20},
  };
  for (const Single& single : kSingles) {
    WindowAttributes w;
    w.size = single.size;
    w.stride = single.stride;
    w.pad_after[0] = single.below;
    w.input = Shape{5, single.image[0], single.image[1], single.channels};
    const Shape y{5, w.output_extent(0), w.output_extent(1), single.channels};
    all.push_back({to_string(w.input) + " " + to_string(Attributes(w)), w, y});
  }
}

TensorType f32(const Shape& shape) {
  return {shape, DType::f32};
}

}  // namespace

std::vector<Case> convolution_cases(Op op) {
  std::vector<Case> all;
  if (op != Op::conv2d && op != Op::conv2d_grad_input && op != Op::conv2d_grad_kernel) return all;
  std::size_t number = 0;
  for (Geometry& g : convolutions()) {
    const Input x{"x", f32(g.window.input)}, dy{"dy", f32(g.y)},
        kernel{"kernel", f32(g.window.kernel)};
    if (op == Op::conv2d_grad_input) {
      all.push_back(plain_case(op, g.name, {dy, kernel}, g.window));
    } else if (op == Op::conv2d_grad_kernel) {
      all.push_back(plain_case(op, g.name, {x, dy}, g.window));
    } else if (number++ % 3 != 0) {
      all.push_back(plain_case(op, g.name, {x, kernel}, g.window));
    } else {  // as the fuse pass leaves them, after gradients are taken
      if (number % 2 == 0) g.window.activation = Op::relu;
      all.push_back(plain_case(op, g.name + " with bias",
                               {{"x", x.type, Fill::normal, false},
                                {"kernel", kernel.type, Fill::normal, false},
                                {"bias", f32(Shape{g.window.kernel[3]}), Fill::normal, false}},
                               g.window));
    }
  }
  if (op != Op::conv2d) return all;
  // As the pass that crops leaves them, after gradients are taken.
  for (const Channels& c : {Channels{3, 17, 1}, Channels{17, 33, 1}, Channels{17, 17, 17}}) {
    for (const std::int64_t pad : {0, 1}) {
      for (const std::int64_t stride : {1, 2}) {
        std::vector<Geometry> cropped;
        WindowAttributes w;
        w.size = {3, 3};
        w.stride = {stride, stride};
        w.pad_before = {pad, pad};
        w.pad_after = {pad - stride, -stride};
        w.input = Shape{7, 12, 11, c.in};
        add_convolution(w, c, cropped);
        for (const Geometry& g : cropped) {
          all.push_back(plain_case(op, g.name,
                                   {{"x", f32(g.window.input), Fill::normal, false},
                                    {"kernel", f32(g.window.kernel), Fill::normal, false}},
                                   g.window));
        }
      }
    }
  }
  return all;
}

std::vector<Case> pool_cases(Op op) {
  std::vector<Case> all;
  std::vector<Geometry> geometries = pools();
  add_single_windows(geometries);
  for (const Geometry& g : geometries) {
    const WindowAttributes w = g.window;
    if (op == Op::max_pool) {
      for (Fill fill : {Fill::apart, Fill::whole})
        all.push_back(plain_case(op, g.name, {{"x", f32(w.input), fill, fill == Fill::apart}}, w));
      all.push_back({g.name + " of x scale + shift",
                     {{"x", f32(w.input), Fill::apart, false},
                      {"scale", f32(Shape{w.input[3]}), Fill::normal, false},
                      {"shift", f32(Shape{w.input[3]}), Fill::normal, false}},
                     [w](Graph&, const std::vector<Value>& in) {
                       using namespace graph;
                       return max_pool(in[0] * in[1] + in[2], w);
                     }});
    } else if (op == Op::avg_pool) {
      all.push_back(plain_case(op, g.name, {{"x", f32(w.input)}}, w));
    } else if (op == Op::avg_pool_grad) {
      all.push_back(plain_case(op, g.name, {{"dy", f32(g.y)}}, w));
    } else if (op == Op::max_pool_grad) {
      for (Fill fill : {Fill::apart, Fill::whole}) {  // ties: the first element wins everywhere
        all.push_back(
            {g.name,
             {{"dy", f32(g.y)}, {"x", f32(w.input), fill}},
             [w](Graph& graph, const std::vector<Value>& in) {
               return graph.add(Op::max_pool_grad, {in[0], in[1], graph::max_pool(in[1], w)}, w);
             }});
      }
    }
  }
  return all;
}

// Every other channel's gamma is negative, so that the smallest is chosen there.
std::vector<Case> norm_pool_cases(Op op) {
  std::vector<Case> all;
  if (op != Op::batch_norm_pool && op != Op::batch_norm_pool_grad) return all;
  std::size_t number = 0;
  std::vector<Geometry> geometries = pools();
  WindowAttributes two;  // windows that tile the image, with a row and a column left over
  two.size = two.stride = {2, 2};
  two.input = Shape{33, 13, 11, 33};
  geometries.push_back({"2x2 of " + to_string(two.input), two,
                        Shape{33, two.output_extent(0), two.output_extent(1), 33}});
  add_single_windows(geometries);
  for (const Geometry& g : geometries) {
    NormPoolAttributes attributes{g.window, 1e-3};
    const Shape channels{g.window.input[3]};
    const Fill fill = number % 3 == 2 ? Fill::whole : Fill::normal;
    // Whole ones are 0 now and then: after the norm all of a window are alike then.
    const Input x{"x", f32(g.window.input), fill},
        gamma{"gamma", f32(channels), number % 2 == 1 ? Fill::whole : Fill::normal},
        beta{"beta", f32(channels)};
    if (op == Op::batch_norm_pool) {
      all.push_back(plain_case(op, g.name, {x, gamma, beta}, attributes));
    } else {
      const bool relu = number % 2 == 0;
      all.push_back(
          {g.name + (relu ? " after relu" : ""),
           {{"dy", f32(g.y)}, x, gamma, beta},
           [attributes, relu](Graph& graph, const std::vector<Value>& in) {
             NormPoolAttributes after = attributes;
             const Value from = relu ? graph::relu(in[1]) : in[1];
             if (relu) after.window.activation = Op::relu;
             const int y = graph.add(Op::batch_norm_pool, {from, in[2], in[3]}, attributes).node;
             const Value dx = graph.add(
                 Op::batch_norm_pool_grad,
                 {in[0], from, {&graph, y, 3}, in[2], {&graph, y, 1}, {&graph, y, 2}}, after);
             // Without a mask dx sums to zero: there is nothing to compare sums with.
             return relu ? dx : graph::unary(Op::neg, dx);
           }});
    }
    ++number;
  }
  return all;
}

}  // namespace treino::conformance
