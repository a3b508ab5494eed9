// SPDX-License-Identifier: Apache-2.0
// A libcudnn without a GPU: descriptors hold what they are given, and a convolution is made by its
// definition. "cudnn" of the scenario (fake_driver.h) is an array of engines, in the order that it
// recommends: {"notes": [0], "fails": 0, "workspace": 0, "executes": 0}; notes as in cudnn.h, the
// status with which making a plan of it ends, and running that plan. "cudnn_create": the status of
// cudnnCreate.
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "tests/cuda/fakes/fake_driver.h"
#include "treino/backend/cuda/cudnn.h"
#include "treino/base/round_mantissa.h"

namespace treino::cuda::cudnn {

struct HandleRecord {};

namespace {

struct Record {
  Type type;
  bool final = false;
  std::map<Attribute, std::vector<std::byte>> values;
};

std::size_t size_of(Kind kind) {
  switch (kind) {
    case Kind::int64:
    case Kind::handle:
    case Kind::pointer:
    case Kind::descriptor:
      return 8;
    default:
      return 4;
  }
}

Record* record(Raw raw) {
  return static_cast<Record*>(raw);
}

template <typename T>
std::vector<T> all(Raw raw, Attribute attribute) {
  const std::vector<std::byte>& bytes = record(raw)->values.at(attribute);
  std::vector<T> result(bytes.size() / sizeof(T));
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}
template <typename T>
T one(Raw raw, Attribute attribute) {
  return all<T>(raw, attribute).at(0);
}
template <typename T>
void put(Raw raw, Attribute attribute, const T& value) {
  std::vector<std::byte>& bytes = record(raw)->values[attribute];
  bytes.resize(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
}

constexpr Status kBad{2000}, kUnsupported{3000};

nlohmann::json engines() {
  return scenario().value("cudnn", nlohmann::json::parse(R"([{"notes": [0]}])"));
}

// Extents and strides as the library counts them: pictures, channels, rows, across.
struct FakeTensor {
  std::vector<std::int64_t> extents, strides;
  DataType type;
  std::byte* data;

  static FakeTensor of(Raw raw, Raw pack) {
    const auto ids = all<std::int64_t>(pack, Attribute::pack_ids);
    const auto pointers = all<std::byte*>(pack, Attribute::pack_pointers);
    FakeTensor result{all<std::int64_t>(raw, Attribute::tensor_extents),
                      all<std::int64_t>(raw, Attribute::tensor_strides),
                      one<DataType>(raw, Attribute::tensor_data_type), nullptr};
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == one<std::int64_t>(raw, Attribute::tensor_id)) result.data = pointers[i];
    }
    return result;
  }
  std::int64_t at(std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) const {
    return a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3];
  }
  void write(std::int64_t at, double number) const {
    const auto value = static_cast<float>(number);
    if (type == DataType::f32) {
      std::memcpy(data + at * 4, &value, 4);
      return;
    }
    const float rounded = round_bf16(value);
    std::memcpy(data + at * 2, reinterpret_cast<const std::byte*>(&rounded) + 2, 2);
  }
  double read(std::int64_t at) const {
    float value = 0;
    if (type == DataType::f32) {
      std::memcpy(&value, data + at * 4, 4);
      return static_cast<double>(round_tf32(value));
    }
    std::memcpy(reinterpret_cast<std::byte*>(&value) + 2, data + at * 2, 2);
    return static_cast<double>(value);
  }
};

// Every product of the three tensors goes to the one that is made.
void convolve(Raw plan, Raw pack) {
  const Raw config = one<Raw>(plan, Attribute::plan_config);
  const Raw graph =
      one<Raw>(one<Raw>(config, Attribute::config_engine), Attribute::heuristics_graph);
  const Raw node = one<Raw>(graph, Attribute::graph_operations);
  const Type type = record(node)->type;
  const bool forward = type == Type::forward, data = type == Type::backward_data;
  const auto part = [&](Attribute f, Attribute d, Attribute k) {
    return one<Raw>(node, forward ? f : data ? d : k);
  };
  using A = Attribute;
  const Raw convolution =
      part(A::forward_convolution, A::backward_data_convolution, A::backward_filter_convolution);
  FakeTensor x = FakeTensor::of(part(A::forward_x, A::backward_data_dx, A::backward_filter_x),
                                pack),
             w = FakeTensor::of(part(A::forward_w, A::backward_data_w, A::backward_filter_dw),
                                pack),
             y = FakeTensor::of(part(A::forward_y, A::backward_data_dy, A::backward_filter_dy),
                                pack);
  const auto strides = all<std::int64_t>(convolution, A::convolution_strides),
             dilations = all<std::int64_t>(convolution, A::convolution_dilations),
             pad = all<std::int64_t>(convolution, A::convolution_pad_before);
  FakeTensor& made = forward ? y : data ? x : w;
  const std::int64_t count = made.extents[0] * made.extents[1] * made.extents[2] * made.extents[3];
  std::vector<double> sums(static_cast<std::size_t>(count), 0);
  for (std::int64_t n = 0; n < y.extents[0]; ++n)
    for (std::int64_t p = 0; p < y.extents[2]; ++p)
      for (std::int64_t q = 0; q < y.extents[3]; ++q)
        for (std::int64_t r = 0; r < w.extents[2]; ++r)
          for (std::int64_t s = 0; s < w.extents[3]; ++s) {
            const std::int64_t row = p * strides[0] - pad[0] + r * dilations[0],
                               column = q * strides[1] - pad[1] + s * dilations[1];
            if (row < 0 || row >= x.extents[2] || column < 0 || column >= x.extents[3]) continue;
            for (std::int64_t k = 0; k < w.extents[0]; ++k)
              for (std::int64_t c = 0; c < w.extents[1]; ++c) {
                const std::int64_t in_x = x.at(n, c, row, column), in_w = w.at(k, c, r, s),
                                   in_y = y.at(n, k, p, q);
                if (forward) {
                  sums[static_cast<std::size_t>(in_y)] += x.read(in_x) * w.read(in_w);
                } else if (data) {
                  sums[static_cast<std::size_t>(in_x)] += y.read(in_y) * w.read(in_w);
                } else {
                  sums[static_cast<std::size_t>(in_w)] += x.read(in_x) * y.read(in_y);
                }
              }
          }
  for (std::size_t i = 0; i < sums.size(); ++i) made.write(static_cast<std::int64_t>(i), sums[i]);
}

// Operands and results are of one type, as the library's quick engines demand.
bool is_supported(Raw graph) {
  const Raw node = one<Raw>(graph, Attribute::graph_operations);
  std::optional<DataType> type;
  for (const auto& [attribute, bytes] : record(node)->values) {
    if (bytes.size() != sizeof(Raw)) continue;
    const Raw part = one<Raw>(node, attribute);
    if (record(part)->type != Type::tensor) continue;
    const auto its = one<DataType>(part, Attribute::tensor_data_type);
    if (type.value_or(its) != its) return false;
    type = its;
  }
  return true;
}

}  // namespace

extern "C" {

std::size_t cudnnGetVersion() {
  return 91900;
}

const char* cudnnGetErrorString(Status status) {
  return status == kUnsupported ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_FAKE";
}

Status cudnnCreate(Handle* handle) {
  *handle = new HandleRecord;
  const Status status{scenario().value("cudnn_create", 0)};
  if (status != Status::success) delete std::exchange(*handle, nullptr);
  return status;
}

Status cudnnDestroy(Handle handle) {
  delete handle;
  return Status::success;
}

Status cudnnSetStream(Handle handle, Stream stream) {
  return handle == nullptr || stream == nullptr ? kBad : Status::success;
}

Status cudnnBackendCreateDescriptor(Type type, Raw* raw) {
  *raw = new Record{type};
  return Status::success;
}

Status cudnnBackendDestroyDescriptor(Raw raw) {
  delete record(raw);
  return Status::success;
}

Status cudnnBackendSetAttribute(Raw raw, Attribute attribute, Kind kind, std::int64_t count,
                                const void* values) {
  if (record(raw)->final) return kBad;
  const auto* bytes = static_cast<const std::byte*>(values);
  record(raw)->values[attribute].assign(bytes,
                                        bytes + size_of(kind) * static_cast<std::size_t>(count));
  return Status::success;
}

Status cudnnBackendFinalize(Raw raw) {
  Record& r = *record(raw);
  if (r.final) return kBad;
  r.final = true;
  for (const auto& [attribute, bytes] : r.values) {
    if (attribute != Attribute::graph_operations && attribute != Attribute::plan_config) continue;
    if (!record(one<Raw>(raw, attribute))->final) return kBad;
  }
  if (r.type != Type::plan) return Status::success;
  const Raw engine = one<Raw>(one<Raw>(raw, Attribute::plan_config), Attribute::config_engine);
  const auto row = engines()[one<std::size_t>(engine, Attribute::engine_index)];
  put(raw, Attribute::plan_workspace, row.value("workspace", std::int64_t{0}));
  return Status{row.value("fails", 0)};
}

Status cudnnBackendGetAttribute(Raw raw, Attribute attribute, Kind kind, std::int64_t most,
                                std::int64_t* count, void* to) {
  const Record& r = *record(raw);
  if (attribute == Attribute::heuristics_results) {
    if (!is_supported(one<Raw>(raw, Attribute::heuristics_graph))) return kUnsupported;
    *count = static_cast<std::int64_t>(engines().size());
    for (std::int64_t i = 0; i < std::min(most, *count); ++i) {
      const Raw config = static_cast<Raw*>(to)[i];
      record(config)->final = true;
      // An engine that is the library's own; the caller's are filled in from it.
      static std::vector<std::unique_ptr<Record>> kept;
      Record& engine = *kept.emplace_back(new Record{Type::engine, true, {}});
      put(&engine, Attribute::engine_index, i);
      put(&engine, Attribute::heuristics_graph, one<Raw>(raw, Attribute::heuristics_graph));
      put(config, Attribute::config_engine, static_cast<Raw>(&engine));
    }
    return Status::success;
  }
  if (attribute == Attribute::config_engine) {
    *record(*static_cast<Raw*>(to)) = *record(one<Raw>(raw, attribute));
    *count = 1;
    return Status::success;
  }
  if (attribute == Attribute::engine_numerical_notes) {
    const auto notes = engines()[one<std::size_t>(raw, Attribute::engine_index)].value(
        "notes", std::vector<int>{});
    *count = static_cast<std::int64_t>(notes.size());
    std::memcpy(to, notes.data(),
                std::min<std::size_t>(notes.size(), static_cast<std::size_t>(most)) * 4);
    return Status::success;
  }
  const auto found = r.values.find(attribute);
  if (found == r.values.end()) return kBad;
  *count = static_cast<std::int64_t>(found->second.size() / size_of(kind));
  std::memcpy(to, found->second.data(),
              std::min(found->second.size(), size_of(kind) * static_cast<std::size_t>(most)));
  return Status::success;
}

Status cudnnBackendExecute(Handle, Raw plan, Raw pack) {
  const Raw engine = one<Raw>(one<Raw>(plan, Attribute::plan_config), Attribute::config_engine);
  const auto row = engines()[one<std::size_t>(engine, Attribute::engine_index)];
  if (const Status status{row.value("executes", 0)}; status != Status::success) return status;
  std::byte* workspace = one<std::byte*>(pack, Attribute::pack_workspace);
  if (workspace == nullptr) return kBad;
  auto held = std::make_shared<Record>(*record(pack));  // the caller's is gone when this runs
  enqueue([plan, held, workspace, bytes = row.value("workspace", std::size_t{0})] {
    std::memset(workspace, 0xff, bytes);
    convolve(plan, held.get());
  });
  return Status::success;
}

}  // extern "C"

}  // namespace treino::cuda::cudnn
