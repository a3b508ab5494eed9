// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/order.h"

#include "treino/runtime/tensor_bytes.h"

namespace treino::cuda {

bool Order::overlap(const std::vector<Bytes>& a, const std::vector<Bytes>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Bytes& x) {
    return std::any_of(b.begin(), b.end(),
                       [&](const Bytes& y) { return x.begin < y.end && y.begin < x.end; });
  });
}

void Order::add(const Planner& planner, const Unit& unit, std::span<Launch> launches) {
  if (launches.empty()) return;
  const auto bytes = [&](const std::vector<Tensor>& tensors) {
    std::vector<Bytes> result;
    for (const Tensor& tensor : tensors) {
      const auto begin = reinterpret_cast<Address>(planner.at<std::byte>(tensor));
      result.push_back({begin, begin + static_cast<Address>(bytes_of(tensor))});
    }
    return result;
  };
  Done now{bytes(unit.reads()), bytes(unit.writes()), 0, std::vector<bool>(steps_.size())};
  const auto [begin, end] = planner.scratch_of_step();
  if (begin != end) now.writes.push_back({begin, end});

  for (std::size_t i = steps_.size(); i-- > 0;) {
    const Done& other = steps_[i];
    if (now.follows[i]) continue;
    if (!overlap(now.writes, other.writes) && !overlap(now.writes, other.reads) &&
        !overlap(now.reads, other.writes))
      continue;
    launches[0].after.push_back(other.last);
    now.follows[i] = true;
    for (std::size_t k = 0; k < i; ++k) now.follows[k] = now.follows[k] || other.follows[k];
  }
  for (std::size_t k = 1; k < launches.size(); ++k)
    launches[k].after.push_back(launches_ + static_cast<int>(k) - 1);
  launches_ += static_cast<int>(launches.size());
  now.last = launches_ - 1;
  steps_.push_back(std::move(now));
}

}  // namespace treino::cuda
