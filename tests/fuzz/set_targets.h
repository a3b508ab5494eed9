// SPDX-License-Identifier: Apache-2.0
// Targets that read a whole set, of the catalogue or of somebody's own, and what is made of one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace treino::fuzz {

void squad(const std::uint8_t* data, std::size_t size);
void yelp(const std::uint8_t* data, std::size_t size);
void imdb(const std::uint8_t* data, std::size_t size);
void caltech101(const std::uint8_t* data, std::size_t size);
void cifar100(const std::uint8_t* data, std::size_t size);
void iris(const std::uint8_t* data, std::size_t size);
void image_folder(const std::uint8_t* data, std::size_t size);
void index(const std::uint8_t* data, std::size_t size);
void stream(const std::uint8_t* data, std::size_t size);
void vocabulary(const std::uint8_t* data, std::size_t size);

}  // namespace treino::fuzz
