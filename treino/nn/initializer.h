// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "treino/base/host_tensor.h"
#include "treino/base/rng.h"
#include "treino/nn/fields.h"

namespace treino::nn {

// How a parameter starts. Fans are Keras's: a kernel [.., in, out] has fans in and out times the
// product of the leading extents; a vector of n has n and n.
//   glorot (Glorot and Bengio 2010): variance 2 / (fan in + fan out)
//   he (He et al. 2015): variance 2 / fan in;  lecun (LeCun et al. 1998): variance 1 / fan in
// *_uniform draws from [-l, l] with l = sqrt(3 variance); *_normal is cut at two standard
// deviations and stretched so that the variance comes out right.
struct Initializer {
  enum Kind : std::uint8_t {
    kGlorotUniform,
    kGlorotNormal,
    kHeUniform,
    kHeNormal,
    kLecunUniform,
    kLecunNormal,
    kZeros,
    kOnes,
    kNormal,   // normal, mean 0, standard deviation `amount`
    kUniform,  // uniform on [-amount, amount]
  };
  Kind kind = kGlorotUniform;
  double amount = 0;
  friend bool operator==(const Initializer&, const Initializer&) = default;
};

inline constexpr Initializer glorot_uniform{Initializer::kGlorotUniform};
inline constexpr Initializer glorot_normal{Initializer::kGlorotNormal};
inline constexpr Initializer he_uniform{Initializer::kHeUniform};
inline constexpr Initializer he_normal{Initializer::kHeNormal};
inline constexpr Initializer lecun_uniform{Initializer::kLecunUniform};
inline constexpr Initializer lecun_normal{Initializer::kLecunNormal};
inline constexpr Initializer zeros{Initializer::kZeros};
inline constexpr Initializer ones{Initializer::kOnes};
constexpr Initializer normal(double deviation) {
  return {Initializer::kNormal, deviation};
}
constexpr Initializer uniform(double limit) {
  return {Initializer::kUniform, limit};
}

// "glorot_uniform", ..., "normal", "uniform", in the order of Kind.
std::span<const std::string_view> initializer_names();

std::span<const std::string_view> field_words(const Initializer&);  // those without a number
FieldValue get_field(const Initializer& value);
void set_field(Initializer& member, const FieldValue& value);

// An f32 tensor of that shape, drawn in row-major order from `rng`.
HostTensor initial_tensor(const Initializer& initializer, const Shape& shape, Rng& rng);

}  // namespace treino::nn
