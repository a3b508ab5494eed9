// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/result_json.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <nlohmann/json.hpp>

#include "treino/base/error.h"

namespace nlohmann {

template <typename T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& json, const std::optional<T>& value) {
    if (value) {
      json = *value;
    } else {
      json = nullptr;
    }
  }
  static void from_json(const json& json, std::optional<T>& value) {
    if (json.is_null()) {
      value.reset();
    } else {
      value = json.get<T>();
    }
  }
};

}  // namespace nlohmann

namespace treino::experiment {

using Json = nlohmann::json;

// clang-format off
NLOHMANN_JSON_SERIALIZE_ENUM(RunStatus, {{RunStatus::ok, "ok"}, {RunStatus::failed, "failed"}, {RunStatus::timed_out, "timed out"},
                                         {RunStatus::broken_events, "broken events"}, {RunStatus::disturbed, "disturbed"}})
#define TREINO_FIELDS NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT
TREINO_FIELDS(Interval, low, high)
TREINO_FIELDS(Work, layers, parameters, optimizer, batch, samples_per_epoch, epochs, train_samples, test_samples, precision, loss, data_sha256, device, shuffle)
TREINO_FIELDS(Epoch, number, start, stop, seconds, left_out, samples, steps, loss, accuracy)
TREINO_FIELDS(Phase, name, seconds, cpu_s, peak_pss_mib, gpu_s, peak_gpu_mem_mib, gpu_energy_j)
TREINO_FIELDS(Run, block, position, contestant, status, trouble, folder, attempt, exit_code, foreign_cpu_pct, observer_cpu_pct, missed_samples, samples, metrics, phases, epochs, train_start, test_loss, test_accuracy, framework, version, work, files)
TREINO_FIELDS(Contestant, id, name, work, note, control_of, command, program_lines, installed_mib, packages, setup_s)
TREINO_FIELDS(Summary, contestant, metric, n, median, mean, deviation, least, most, median_ci95, values, blocks, outliers)
TREINO_FIELDS(Comparison, work, metric, a, b, ratio, ci95, ci90, p, p_corrected, p_equivalent, n, log_deviation, can_decide, verdict, block_ratios)
TREINO_FIELDS(Difference, field, contestant, value, other, other_value)
TREINO_FIELDS(Certificate, work, ok, differences, unknown, notes)
TREINO_FIELDS(Curve, contestant, quantity, axis, x, middle, low, high, runs)
TREINO_FIELDS(Power, work, metric, effect, blocks, worst_pair)
TREINO_FIELDS(Settings, blocks, interval_s, margin, alpha, seed, threads, device, precision, cache, pinning, order, foreign_limit_pct, target_accuracy, unequal)
TREINO_FIELDS(Result, format, name, title, started, program, settings, machine, contestants, runs, summaries, comparisons, certificates, curves, powers, warnings)
#undef TREINO_FIELDS
// clang-format on

std::string sha256(std::string_view bytes) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum);
  std::string hex;
  for (const unsigned char byte : sum) hex += fmt::format("{:02x}", byte);
  return hex;
}

namespace {

constexpr const char* kSeal = "seal";

std::string sealed(Json json) {
  json[kSeal] = sha256(json.dump());
  return json.dump(1) + "\n";
}

template <typename T>
T opened(const std::string& text, const std::string& path) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    throw Error::mistake(fmt::format("{}: is not a JSON object: it was cut or changed", path));
  const Json seal = json[kSeal];
  json.erase(kSeal);
  if (seal != sha256(json.dump())) {
    throw Error::mistake(fmt::format(
        "{}: was changed after it was written (its seal does not fit); it is not used", path));
  }
  try {
    return json.get<T>();
  } catch (const Json::exception& error) {
    throw Error::mistake(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace

std::string to_json(const Result& result) {
  return sealed(Json(result));
}
std::string to_json(const Run& run) {
  return sealed(Json(run));
}

Result result_from_json(const std::string& text, const std::string& path) {
  return opened<Result>(text, path);
}

Run run_from_json(const std::string& text, const std::string& path) {
  return opened<Run>(text, path);
}

}  // namespace treino::experiment
