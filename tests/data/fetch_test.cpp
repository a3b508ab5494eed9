// SPDX-License-Identifier: Apache-2.0
#include "treino/data/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/environment.h"
#include "tests/support/http_server.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"
#include "treino/data/files.h"

namespace treino::data {
namespace {

using test::HttpReply;
using test::HttpRequest;
using test::HttpServer;
using test::TemporaryFolder;
using testing::HasSubstr;

std::string contents() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919 % 10'007) + " ";
  return text;
}

class Fetching : public testing::Test {
 protected:
  Fetching() : whole_(contents()) {
    folder_.write("original", whole_);
    sum_ = sha256_of_file(folder_ / "original");
  }
  std::string fetch_from(const HttpServer& server, const std::string& path = "/x") {
    return fetch({server.url(path),
                  target(),
                  static_cast<std::int64_t>(whole_.size()),
                  sum_,
                  {2, 1},
                  nullptr});
  }
  std::string target() const { return folder_ / "file"; }
  void expect_whole() const {
    EXPECT_EQ(read_whole_file(target()), whole_);
    EXPECT_FALSE(is_file(target() + ".part"));
  }
  void expect_nothing() const { EXPECT_FALSE(is_file(target())); }

  const test::Environment no_proxy_{"http_proxy", ""}, no_proxy_for_all_{"all_proxy", ""};
  TemporaryFolder folder_;
  std::string whole_, sum_;
};

TEST_F(Fetching, WholeFileInOneRequest) {
  HttpServer server([&](const HttpRequest& request) { return HttpServer::file(request, whole_); });
  EXPECT_EQ(fetch_from(server), "");
  expect_whole();
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Fetching, ErrorsOfTheServerAreTold) {
  for (const int status : {404, 500, 403}) {
    HttpServer server([&](const HttpRequest&) { return HttpReply{status, "no"}; });
    EXPECT_THAT(fetch_from(server), HasSubstr(std::to_string(status)));
    expect_nothing();
    EXPECT_FALSE(is_file(target() + ".part"));
  }
}

TEST_F(Fetching, RedirectsAreFollowedButNotForEver) {
  HttpServer server([&](const HttpRequest& request) {
    if (request.target == "/x") return HttpReply{302, "", {"Location: /there"}};
    if (request.target == "/loop") return HttpReply{301, "", {"Location: /loop"}};
    if (request.target == "/file") return HttpReply{302, "", {"Location: file:///etc/passwd"}};
    return HttpServer::file(request, whole_);
  });
  EXPECT_EQ(fetch_from(server), "");
  expect_whole();
  std::filesystem::remove(target());
  EXPECT_NE(fetch_from(server, "/loop"), "");
  EXPECT_NE(fetch_from(server, "/file"), "");
  expect_nothing();
}

TEST_F(Fetching, WrongContentsAndWrongSizesAreNotKept) {
  std::string other = whole_;
  other[100] ^= 1;
  for (const std::string& sent : {other, whole_ + "more", std::string()}) {
    HttpServer server([&](const HttpRequest& request) { return HttpServer::file(request, sent); });
    EXPECT_NE(fetch_from(server), "");
    expect_nothing();
    EXPECT_FALSE(is_file(target() + ".part"));
  }
}

TEST_F(Fetching, ConnectionCutAtEveryTenthGoesOnWhereItStopped) {
  for (int tenth = 0; tenth < 10; ++tenth) {
    for (const bool say_length : {true, false}) {
      SCOPED_TRACE(tenth);
      const auto cut = static_cast<std::int64_t>(whole_.size()) * tenth / 10;
      std::atomic<int> served{0};
      HttpServer server([&](const HttpRequest& request) {
        HttpReply reply = HttpServer::file(request, whole_);
        reply.say_length = say_length;
        if (served++ == 0) reply.cut = cut;
        return reply;
      });
      EXPECT_EQ(fetch_from(server), "");
      expect_whole();
      const auto requests = server.requests();
      ASSERT_EQ(requests.size(), 2U);
      EXPECT_EQ(requests[1].range, cut == 0 ? -1 : cut);
      std::filesystem::remove(target());
    }
  }
}

TEST_F(Fetching, ManyCutsOneAfterTheOther) {
  HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = HttpServer::file(request, whole_);
    reply.cut = 9'000;
    return reply;
  });
  EXPECT_EQ(fetch_from(server), "");
  expect_whole();
  EXPECT_EQ(server.requests().size(), (whole_.size() + 8'999) / 9'000);
}

TEST_F(Fetching, AServerThatSendsNothingIsGivenUp) {
  HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = HttpServer::file(request, whole_);
    reply.cut = 0;
    return reply;
  });
  EXPECT_NE(fetch_from(server), "");
  expect_nothing();
}

TEST_F(Fetching, RangeNotSupportedStartsOver) {
  folder_.write("file.part", whole_.substr(0, 500));
  HttpServer server([&](const HttpRequest&) { return HttpReply{200, whole_}; });
  EXPECT_EQ(fetch_from(server), "");
  expect_whole();
  EXPECT_EQ(server.requests()[0].range, 500);
}

TEST_F(Fetching, AnEarlierTrysPieceIsUsed) {
  folder_.write("file.part", whole_.substr(0, 700));
  HttpServer server([&](const HttpRequest& request) { return HttpServer::file(request, whole_); });
  EXPECT_EQ(fetch_from(server), "");
  expect_whole();
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(server.requests()[0].range, 700);
}

TEST_F(Fetching, APieceOfAnotherFileIsThrownAway) {
  for (const std::size_t length : {std::size_t{700}, whole_.size(), whole_.size() + 5}) {
    folder_.write("file.part", std::string(length, '?'));
    HttpServer server(
        [&](const HttpRequest& request) { return HttpServer::file(request, whole_); });
    EXPECT_EQ(fetch_from(server), "") << length;
    expect_whole();
    std::filesystem::remove(target());
  }
}

TEST_F(Fetching, ARangeThatDoesNotFitIsNotAppended) {
  folder_.write("file.part", whole_.substr(0, 700));
  HttpServer server([&](const HttpRequest& request) {
    if (request.range < 0) return HttpReply{200, whole_};
    return HttpReply{206, whole_.substr(600), {"Content-Range: bytes 600-99999/100000"}};
  });
  const std::string reason = fetch_from(server);
  if (reason.empty()) expect_whole();
  if (!reason.empty()) expect_nothing();
}

TEST_F(Fetching, StallsAreNoticed) {
  HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = HttpServer::file(request, whole_);
    reply.milliseconds = 60'000;
    return reply;
  });
  EXPECT_NE(fetch_from(server), "");  // returns long before the server would answer
  expect_nothing();
}

TEST_F(Fetching, NobodyListening) {
  std::string address;
  {
    HttpServer server([&](const HttpRequest&) { return HttpReply{}; });
    address = server.url("/x");
  }
  EXPECT_NE(fetch({address, target(), 10, "", {1, 1}, nullptr}), "");
  EXPECT_FALSE(is_file(target() + ".part"));
}

TEST_F(Fetching, ProxyVariablesAreHeeded) {
  HttpServer proxy([&](const HttpRequest& request) { return HttpServer::file(request, whole_); });
  const test::Environment environment("http_proxy", proxy.url()), none("no_proxy", "");
  const std::string address = "http://sets.example/x";
  EXPECT_EQ(
      fetch({address, target(), static_cast<std::int64_t>(whole_.size()), sum_, {2, 2}, nullptr}),
      "");
  expect_whole();
  EXPECT_EQ(proxy.requests()[0].target, address);
}

TEST_F(Fetching, ProgressCountsWhatWasThere) {
  struct Watch : Progress {
    std::int64_t last = 0, total = 0;
    void downloading(const std::string&, std::int64_t bytes, std::int64_t all) override {
      last = bytes;
      total = all;
    }
    void note(const std::string&) override {}
  } watch;
  folder_.write("file.part", whole_.substr(0, 700));
  HttpServer server([&](const HttpRequest& request) { return HttpServer::file(request, whole_); });
  const auto size = static_cast<std::int64_t>(whole_.size());
  EXPECT_EQ(fetch({server.url("/x"), target(), size, sum_, {2, 2}, &watch}), "");
  EXPECT_EQ(watch.last, size);
  EXPECT_EQ(watch.total, size);
}

}  // namespace
}  // namespace treino::data
