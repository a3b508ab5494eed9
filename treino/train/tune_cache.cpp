// SPDX-License-Identifier: Apache-2.0
#include "treino/train/tune_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/file_lock.h"
#include "treino/data/load.h"

namespace treino::train {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

std::set<std::string> kernels_of(const TuneAnswer& answer) {
  std::set<std::string> names;
  for (const CandidateTime& candidate : answer.candidates) names.insert(candidate.kernel);
  return names;
}

TuneAnswer answer_of(const Json& json) {
  TuneAnswer answer;
  answer.cpu = json.at("cpu");
  answer.instruction_set = json.at("instruction_set");
  answer.op = json.at("op");
  answer.shape = json.at("shape");
  answer.threads = json.at("threads");
  answer.kernel = json.at("kernel");
  for (const auto& [kernel, microseconds] : json.at("microseconds").items())
    answer.candidates.push_back({kernel, microseconds.get<double>() * 1e-6});
  if (!kernels_of(answer).contains(answer.kernel)) throw std::invalid_argument("kernel");
  return answer;
}

Json json_of(const TuneAnswer& answer) {
  Json times = Json::object();
  for (const CandidateTime& candidate : answer.candidates)
    times[candidate.kernel] = candidate.seconds * 1e6;
  return {{"cpu", answer.cpu},         {"instruction_set", answer.instruction_set},
          {"op", answer.op},           {"shape", answer.shape},
          {"threads", answer.threads}, {"kernel", answer.kernel},
          {"microseconds", times}};
}

const TuneAnswer* find_in(const std::vector<TuneAnswer>& answers, const TuneAnswer& question) {
  const auto found =
      std::ranges::find_if(answers, [&](const TuneAnswer& a) { return a.answers(question); });
  return found == answers.end() ? nullptr : &*found;
}

}  // namespace

bool TuneAnswer::answers(const TuneAnswer& question) const {
  return cpu == question.cpu && instruction_set == question.instruction_set && op == question.op &&
         shape == question.shape && kernels_of(*this) == kernels_of(question);
}

std::string TuneCache::default_path() {
  return (fs::path(data::cache_root()) / "kernels.json").string();
}

TuneCache::TuneCache(std::string path, Warn warn) : path_(std::move(path)), warn_(std::move(warn)) {
  answers_ = read();
}

std::vector<TuneAnswer> TuneCache::read() const {
  std::error_code error;
  if (!fs::exists(path_, error)) return {};
  std::vector<TuneAnswer> answers;
  try {
    const Json json = Json::parse(read_whole_file(path_));
    for (const Json& answer : json.at("answers")) answers.push_back(answer_of(answer));
  } catch (const std::exception&) {
    warn_(fmt::format(
        "warning: {}: is damaged or of another version; kernels are measured again and it is "
        "written anew (or delete it)",
        path_));
    return {};
  }
  return answers;
}

std::optional<TuneAnswer> TuneCache::find(const TuneAnswer& question) const {
  const TuneAnswer* found = find_in(answers_, question);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::vector<TuneAnswer> TuneCache::add(const std::vector<TuneAnswer>& measured, bool replace) {
  std::vector<TuneAnswer> stands = measured;
  try {
    make_folders(fs::path(path_).parent_path().string());
    FileLock lock(path_ + ".lock");
    lock.take();
    // Damage was warned of when the file was first read, and is mended now.
    const Warn warn = std::exchange(warn_, [](const std::string&) {});
    answers_ = read();
    warn_ = warn;
    for (TuneAnswer& answer : stands) {
      const TuneAnswer* before = find_in(answers_, answer);
      if (before != nullptr && !replace) {
        answer = *before;
        continue;
      }
      std::erase_if(answers_, [&](const TuneAnswer& a) { return a.answers(answer); });
      answers_.push_back(answer);
    }
    Json json{{"about", "kernels measured by treino --tune; may be deleted at any time"},
              {"answers", Json::array()}};
    for (const TuneAnswer& answer : answers_) json["answers"].push_back(json_of(answer));
    write_whole_file(path_, json.dump(1) + "\n");
  } catch (const Error& error) {
    warn_(fmt::format(
        "warning: {}; what was measured is used now and not kept: set XDG_CACHE_HOME to a folder "
        "you can write",
        error.what()));
  }
  return stands;
}

}  // namespace treino::train
