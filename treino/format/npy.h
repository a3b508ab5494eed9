// SPDX-License-Identifier: Apache-2.0
// NumPy's array files: a magic word, a header that is a Python literal, the elements; .npz is a zip
// of them. Source: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "treino/base/host_tensor.h"

namespace treino::format {

// Elements become the nearest type a HostTensor has: booleans and u8 u8; i8, i16 and i32 i32; u16
// i32; u32, u64 and i64 i64; f16 and f32 f32; f64 f64. Either byte order; Fortran order is turned
// into rows. Throws Error::mistake "path: at byte N: what is wrong".
HostTensor read_npy(const std::string& path);
HostTensor parse_npy(std::string_view bytes, const std::string& path);

// The arrays of an .npz by name (without ".npy"), in the archive's order.
std::vector<std::pair<std::string, HostTensor>> read_npz(const std::string& path);
std::vector<std::pair<std::string, HostTensor>> parse_npz(std::string_view bytes,
                                                          const std::string& path);

// Types f32, f64, u8, i32 and i64 as they are. Throws Error::work.
void write_npy(const std::string& path, const HostTensor& tensor);

}  // namespace treino::format
