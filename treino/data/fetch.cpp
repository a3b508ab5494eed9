// SPDX-License-Identifier: Apache-2.0
#include "treino/data/fetch.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "treino/base/error.h"
#include "treino/data/files.h"

namespace treino::data {

namespace fs = std::filesystem;

namespace {

constexpr int kMostTries = 40;      // at one address, each having brought something
constexpr int kMostIdleTries = 2;   // having brought nothing
constexpr long kLeastSpeed = 1000;  // bytes a second; slower is a stall

std::int64_t size_of(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

// libcurl, loaded when something is fetched: it brings thirty-odd libraries, which took a third of
// every start of the program.
class Curl {
 public:
  decltype(&curl_easy_init) init = nullptr;
  decltype(&curl_easy_cleanup) cleanup = nullptr;
  decltype(&curl_easy_perform) perform = nullptr;
  decltype(&curl_easy_strerror) text = nullptr;
  // Macros of these names check the types of what is given; pointers are given as they are.
  decltype(&(curl_easy_setopt)) set = nullptr;
  decltype(&(curl_easy_getinfo)) get = nullptr;

  static const Curl& loaded() {
    static const Curl curl;
    return curl;
  }

 private:
  Curl() : library_(dlopen(kName, RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr)
      throw Error::work(fmt::format(
          "fetching needs {}, which cannot be loaded: {}; install libcurl4", kName, dlerror()));
    find(init, "curl_easy_init");
    find(cleanup, "curl_easy_cleanup");
    find(perform, "curl_easy_perform");
    find(text, "curl_easy_strerror");
    find(set, "curl_easy_setopt");
    find(get, "curl_easy_getinfo");
    decltype(&curl_global_init) start = nullptr;
    find(start, "curl_global_init");
    start(CURL_GLOBAL_DEFAULT);
  }

  template <typename Function>
  void find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(dlsym(library_, symbol));
    if (function == nullptr) throw Error::work(fmt::format("{} has no {}", kName, symbol));
  }

  static constexpr const char* kName = "libcurl.so.4";
  void* library_;  // for as long as the process runs
};

// One request's state.
struct Transfer {
  const Fetch& request;
  const Curl& library;
  std::FILE* file = nullptr;
  CURL* curl = nullptr;
  std::int64_t resumed = 0;  // bytes there were before
  std::string failure;       // of writing

  // An answer from the first byte on takes the place of what there was.
  bool start_over() {
    resumed = 0;
    return ftruncate(fileno(file), 0) == 0 && std::fseek(file, 0, SEEK_SET) == 0;
  }
};

std::size_t on_data(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  long status = 0;
  transfer.library.get(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.resumed > 0 && status == 200 && !transfer.start_over()) return 0;
  const std::size_t written = std::fwrite(data, size, count, transfer.file);
  if (written != count) transfer.failure = std::strerror(errno);
  return written * size;
}

// "Content-Range: bytes 100-199/200" must go on where the file ends.
std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  const auto& transfer = *static_cast<Transfer*>(user);
  const std::string line(data, size * count);
  long long first = 0;
  if (strncasecmp(line.c_str(), "content-range:", 14) == 0 &&
      std::sscanf(line.c_str() + 14, " bytes %lld-", &first) == 1 && first != transfer.resumed) {
    return 0;
  }
  return size * count;
}

int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<Transfer*>(user);
  const Fetch& request = transfer.request;
  if (request.progress == nullptr || now <= 0) return 0;
  request.progress->downloading(fs::path(request.path).filename().string(), transfer.resumed + now,
                                total > 0 ? transfer.resumed + total : request.bytes);
  return 0;
}

struct Outcome {
  std::string failure;     // empty: all that the server had to send is there
  bool may_retry = false;  // the connection was cut, or stalled
  long status = 0;
};

Outcome transfer_to(const std::string& part, const Fetch& request) {
  const Curl& library = Curl::loaded();
  Transfer transfer{request, library};
  transfer.file = std::fopen(part.c_str(), "ab");
  if (transfer.file == nullptr)
    throw Error::work(fmt::format("{}: {}", part, std::strerror(errno)));
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(transfer.file, std::fclose);
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(library.init(), library.cleanup);
  CURL* curl = transfer.curl = handle.get();
  if (curl == nullptr) throw Error::work("libcurl cannot be set up");
  transfer.resumed = size_of(part);
  char reason[CURL_ERROR_SIZE] = "";
  library.set(curl, CURLOPT_URL, request.address.c_str());
  library.set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  library.set(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  library.set(curl, CURLOPT_FOLLOWLOCATION, 1L);
  library.set(curl, CURLOPT_MAXREDIRS, 8L);
  library.set(curl, CURLOPT_FAILONERROR, 1L);
  library.set(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.patience.connect_seconds));
  library.set(curl, CURLOPT_LOW_SPEED_LIMIT, kLeastSpeed);
  library.set(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.patience.stall_seconds));
  library.set(curl, CURLOPT_NOSIGNAL, 1L);
  library.set(curl, CURLOPT_USERAGENT, "treino");
  // A range by hand: libcurl's own way to resume gives up on servers that send the whole file.
  const std::string range = fmt::format("{}-", transfer.resumed);
  if (transfer.resumed > 0) library.set(curl, CURLOPT_RANGE, range.c_str());
  library.set(curl, CURLOPT_WRITEFUNCTION, on_data);
  library.set(curl, CURLOPT_WRITEDATA, &transfer);
  library.set(curl, CURLOPT_HEADERFUNCTION, on_header);
  library.set(curl, CURLOPT_HEADERDATA, &transfer);
  library.set(curl, CURLOPT_NOPROGRESS, 0L);
  library.set(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  library.set(curl, CURLOPT_XFERINFODATA, &transfer);
  library.set(curl, CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = library.perform(curl);
  Outcome outcome;
  library.get(curl, CURLINFO_RESPONSE_CODE, &outcome.status);
  if (transfer.failure.empty() && std::fclose(file.release()) != 0)
    transfer.failure = std::strerror(errno);
  if (!transfer.failure.empty()) throw Error::work(fmt::format("{}: {}", part, transfer.failure));
  if (code == CURLE_OK) return outcome;
  outcome.failure = reason[0] != '\0' ? reason : library.text(code);
  outcome.may_retry = code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
                      code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
                      code == CURLE_HTTP2_STREAM || code == CURLE_OPERATION_TIMEDOUT;
  return outcome;
}

class Fetching {
 public:
  explicit Fetching(const Fetch& request) : request_(request), part_(request.path + ".part") {}

  std::string run() {
    while (true) {
      const std::int64_t before = size_of(part_);
      resumed_ = resumed_ || before > 0;
      if (request_.bytes > 0 && before > request_.bytes) {
        forget();
        continue;
      }
      if (request_.bytes == 0 || before < request_.bytes) {
        const Outcome outcome = transfer_to(part_, request_);
        const bool moved = size_of(part_) > before;
        if (outcome.status == 416 && start_anew()) continue;  // "no such range"
        if (!outcome.failure.empty()) {
          if (outcome.may_retry && try_again(moved)) continue;
          return give_up(outcome.failure);
        }
        // Ended without a complaint, yet short: the server never said how much there would be.
        if (request_.bytes > 0 && size_of(part_) < request_.bytes && try_again(moved)) continue;
      }
      const std::string problem = check();
      if (problem.empty()) break;
      if (!start_anew()) {
        forget();
        return problem;
      }
    }
    fs::rename(part_, request_.path);
    return {};
  }

 private:
  std::string check() const {
    const std::int64_t bytes = size_of(part_);
    if (request_.bytes > 0 && bytes != request_.bytes) {
      return fmt::format("it sent {} bytes where the published file has {}", bytes, request_.bytes);
    }
    const bool good = request_.sha256.empty() || sha256_of_file(part_) == request_.sha256;
    return good ? "" : "what it sent has another checksum than the published file";
  }

  // Pieces of an earlier try may be of another file: once, the whole is fetched anew.
  bool start_anew() {
    if (!resumed_ || anew_) return false;
    anew_ = true;
    forget();
    resumed_ = false;
    return true;
  }

  bool try_again(bool moved) { return moved ? ++tries_ < kMostTries : ++idle_ < kMostIdleTries; }

  void forget() const {
    std::error_code ignored;
    fs::remove(part_, ignored);
  }

  std::string give_up(const std::string& reason) const {
    if (size_of(part_) == 0) forget();
    return reason;
  }

  const Fetch& request_;
  std::string part_;
  bool resumed_ = false, anew_ = false;
  int tries_ = 0, idle_ = 0;
};

}  // namespace

std::string fetch(const Fetch& request) {
  return Fetching(request).run();
}

}  // namespace treino::data
