// SPDX-License-Identifier: Apache-2.0
#include "treino/data/image_collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/data/files.h"
#include "treino/data/image.h"
#include "treino/data/parallel.h"

namespace treino::data {

namespace {

// Files decoded at a time: enough to keep all cores busy, few enough to hold in memory.
constexpr std::size_t kMostWaiting = 1024, kMostWaitingBytes = std::size_t{64} << 20;

constexpr std::size_t kLongestLine = 900;  // of an error that names two pictures

}  // namespace

void ImageCollector::add(std::string place, std::int32_t label, std::optional<HostBytes> encoded) {
  if (encoded) waiting_bytes_ += encoded->size();
  waiting_.push_back({std::move(place), label, std::move(encoded), {}, {}});
  if (waiting_.size() >= kMostWaiting || waiting_bytes_ >= kMostWaitingBytes) flush();
}

void ImageCollector::decode(Item& item) const {
  try {
    const HostBytes bytes = item.encoded ? std::move(*item.encoded) : read_file(item.place);
    item.image = fit_image(decode_image(bytes, item.place, options_.channels), options_.geometry);
  } catch (const Error& error) {
    if (options_.strict) throw;
    item.problem = error.what();
  }
  item.encoded.reset();
}

void ImageCollector::flush() {
  parallel_for(waiting_.size(), [&](std::size_t i) { decode(waiting_[i]); });
  for (const Item& item : waiting_) append(item);
  waiting_.clear();
  waiting_bytes_ = 0;
}

// Colours are kept as three channels from the first picture on; when all turn out gray, finish()
// takes two of them away again.
void ImageCollector::append(const Item& item) {
  if (!item.problem.empty()) {
    dataset_.broken.push_back(item.problem);
    return;
  }
  const std::int64_t height = item.image.shape[0], width = item.image.shape[1],
                     channels = item.image.shape[2];
  const std::int64_t stored = options_.channels == 1 ? 1 : 3;
  if (labels_.empty()) {
    shape_ = Shape{height, width, stored};
    first_ = item.place;
  } else if (shape_[0] != height || shape_[1] != width) {
    throw Error::mistake(one_line(
        fmt::format(
            "{}: is {}x{} but {} is {}x{}; bring them to one size with resize, crop or pad in the "
            "recipe's [input], e.g. crop = {}",
            item.place, height, width, first_, shape_[0], shape_[1], std::min(height, width)),
        kLongestLine));
  }
  any_colour_ = any_colour_ || channels == 3;
  labels_.push_back(item.label);
  const std::size_t at = pixels_.size();
  pixels_.resize(at + static_cast<std::size_t>(height * width * stored));
  const std::byte* from = item.image.bytes.data();
  std::byte* to = pixels_.data() + at;
  if (channels == stored) {
    std::copy_n(from, item.image.bytes.size(), to);
    return;
  }
  for (std::int64_t i = 0; i < height * width; ++i)
    to[3 * i] = to[3 * i + 1] = to[3 * i + 2] = from[i];
}

Split ImageCollector::finish(const std::string& source) {
  flush();
  if (labels_.empty()) {
    throw Error::mistake(one_line(
        fmt::format("{}: holds no sound PNG or JPEG picture{}", source,
                    dataset_.broken.empty() ? "" : "; the first one: " + dataset_.broken.front()),
        kLongestLine));
  }
  if (options_.channels == 0 && !any_colour_) {
    for (std::size_t i = 0; i < pixels_.size() / 3; ++i) pixels_[i] = pixels_[3 * i];
    pixels_.resize(pixels_.size() / 3);
    shape_[2] = 1;
  }
  const auto count = static_cast<std::int64_t>(labels_.size());
  auto samples = std::make_shared<HostTensor>();
  samples->dtype = DType::u8;
  samples->shape = Shape{count, shape_[0], shape_[1], shape_[2]};
  samples->bytes = std::move(pixels_);
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{count});
  std::copy(labels_.begin(), labels_.end(), labels->as<std::int32_t>().begin());
  return {samples, labels, nullptr};
}

}  // namespace treino::data
