// SPDX-License-Identifier: Apache-2.0
#include "treino/data/download.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <atomic>
#include <thread>

#include "tests/support/archives.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"
#include "tests/support/http_server.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"
#include "treino/data/files.h"

namespace treino::data {
namespace {

using test::error_of;
using test::HttpReply;
using test::HttpRequest;
using test::HttpServer;
using test::TemporaryFolder;
using testing::HasSubstr;

const std::string kA(5'000, 'a'), kB(3'000, 'b');

// A set of two files and one inside a zip, with the addresses a test gives.
class Downloading : public testing::Test {
 protected:
  Downloading() {
    sums_ = {sum_of(kA), sum_of(kB)};
    files_ = {FileRow{"a.bin", 5'000, sums_[0].c_str()},
              FileRow{"b.bin", 3'000, sums_[1].c_str(), "b.zip"}};
    row_.name = "tiny";
    row_.title = "Tiny";
    row_.files = files_;
  }
  std::string sum_of(const std::string& text) {
    folder_.write("sum", text);
    return sha256_of_file(folder_ / "sum");
  }
  void set_addresses(const std::vector<std::string>& addresses) {
    addresses_ = addresses;
    pointers_.clear();
    for (const std::string& address : addresses_) pointers_.push_back(address.c_str());
    row_.addresses = pointers_;
  }
  static HttpReply serve(const HttpRequest& request) {
    if (request.target.ends_with("/a.bin")) return HttpServer::file(request, kA);
    if (request.target.ends_with("/b.zip")) {
      return HttpServer::file(
          request, test::archive_of({{"Index", "x"}, {"b.bin", kB}}, test::Packing::zip));
    }
    return {404, "none"};
  }
  std::string cache() const { return folder_ / "cache"; }
  void expect_both() const {
    EXPECT_EQ(read_whole_file(cache() + "/a.bin"), kA);
    EXPECT_EQ(read_whole_file(cache() + "/b.bin"), kB);
  }

  const test::Environment no_proxy_{"http_proxy", ""}, no_proxy_for_all_{"all_proxy", ""},
      no_mirror_{"TREINO_MIRROR", ""};
  TemporaryFolder folder_;
  std::vector<std::string> sums_, addresses_;
  std::vector<FileRow> files_;
  std::vector<const char*> pointers_;
  Row row_{};
  LoadOptions options_{.patience = {2, 2}};
};

TEST_F(Downloading, FilesAndMembersOfZips) {
  HttpServer server(serve);
  set_addresses({server.url("/sets/")});
  download(row_, cache(), options_);
  expect_both();
  EXPECT_TRUE(is_complete(row_, cache()));
  const std::size_t asked = server.requests().size();
  download(row_, cache(), options_);  // all is there: nothing is asked
  EXPECT_EQ(server.requests().size(), asked);
  download(row_, cache(), options_, true);
  EXPECT_EQ(server.requests().size(), 2 * asked);
  expect_both();
}

TEST_F(Downloading, AFileOfAnotherSizeIsFetchedAgain) {
  HttpServer server(serve);
  set_addresses({server.url("/sets/")});
  folder_.write("cache/a.bin", "cut off");
  EXPECT_FALSE(is_complete(row_, cache()));
  download(row_, cache(), options_);
  expect_both();
}

TEST_F(Downloading, MirrorsAreTriedInTurn) {
  HttpServer bad([](const HttpRequest&) { return HttpReply{500, "down"}; });
  HttpServer wrong([](const HttpRequest&) { return HttpReply{200, std::string(5'000, '?')}; });
  HttpServer good(serve);
  set_addresses({bad.url("/"), wrong.url("/"), good.url("/deep/")});
  download(row_, cache(), options_);
  expect_both();
  EXPECT_EQ(good.requests()[0].target, "/deep/a.bin");
}

TEST_F(Downloading, AMirrorOfOnesOwnComesFirst) {
  HttpServer official([](const HttpRequest&) { return HttpReply{500, "down"}; });
  HttpServer mine(serve);
  set_addresses({official.url("/")});
  {
    const test::Environment environment("TREINO_MIRROR", mine.url("/m/"));
    download(row_, cache(), options_);
  }
  expect_both();
  EXPECT_EQ(mine.requests()[0].target, "/m/tiny/a.bin");
  EXPECT_TRUE(official.requests().empty());
}

TEST_F(Downloading, WhenAllFailEveryReasonIsTold) {
  HttpServer missing([](const HttpRequest&) { return HttpReply{404, ""}; });
  HttpServer wrong([](const HttpRequest&) { return HttpReply{200, std::string(5'000, '?')}; });
  set_addresses({missing.url("/"), wrong.url("/")});
  const std::string line = error_of([&] { download(row_, cache(), options_); }, Fault::work);
  EXPECT_THAT(line, HasSubstr("404"));
  EXPECT_THAT(line, HasSubstr("another checksum"));
  EXPECT_THAT(line, HasSubstr("put its files into"));
  EXPECT_FALSE(is_file(cache() + "/a.bin"));
}

TEST_F(Downloading, AZipWithoutTheMemberIsRefused) {
  HttpServer server([](const HttpRequest& request) {
    if (request.target.ends_with("/a.bin")) return HttpServer::file(request, kA);
    return HttpReply{200, test::archive_of({{"c.bin", kB}}, test::Packing::zip)};
  });
  set_addresses({server.url("/")});
  EXPECT_THAT(error_of([&] { download(row_, cache(), options_); }, Fault::work),
              HasSubstr("holds no b.bin"));
}

TEST_F(Downloading, SpaceIsLookedAtFirst) {
  HttpServer server(serve);
  set_addresses({server.url("/")});
  files_[0].bytes = std::int64_t{1} << 60;
  row_.files = files_;
  EXPECT_THAT(error_of([&] { download(row_, cache(), options_); }, Fault::work),
              HasSubstr("MiB are needed but"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Downloading, AFolderThatCannotBeMadeIsNamed) {
  set_addresses({"http://127.0.0.1:9/"});
  folder_.write("file", "");
  EXPECT_THAT(error_of([&] { download(row_, folder_ / "file/cache", options_); }, Fault::work),
              HasSubstr("XDG_CACHE_HOME"));
}

TEST_F(Downloading, TwoAtATimeFetchOnce) {
  HttpServer server([](const HttpRequest& request) {
    HttpReply reply = serve(request);
    reply.milliseconds = 200;
    return reply;
  });
  set_addresses({server.url("/")});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { download(row_, cache(), options_); });
  for (std::thread& thread : threads) thread.join();
  expect_both();
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(Downloading, WaitingForAnotherProcessIsSaid) {
  struct Notes : Progress {
    std::atomic<bool> waits{false};
    void downloading(const std::string&, std::int64_t, std::int64_t) override {}
    void note(const std::string& line) override {
      waits = waits || line.find("another process") != line.npos;
    }
  } notes;
  HttpServer server(serve);
  set_addresses({server.url("/")});
  folder_.write("cache/.lock", "");
  const int lock = open((cache() + "/.lock").c_str(), O_RDWR);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  options_.progress = &notes;
  std::thread other([&] { download(row_, cache(), options_); });
  while (!notes.waits) std::this_thread::yield();
  EXPECT_TRUE(server.requests().empty());
  close(lock);
  other.join();
  expect_both();
}

// The whole way, by name: from a mirror into the cache, then without any network, then gone.
TEST_F(Downloading, GetLoadAndRemoveByName) {
  const std::string text = "1,14.2,1.7,2.4,15.6,127,2.8,3.06,.28,2.29,5.64,1.04,3.92,1065\n";
  HttpServer server([&](const HttpRequest& request) {
    return request.target == "/wine/wine.zip"
               ? HttpReply{200, test::archive_of({{"wine.data", text}}, test::Packing::zip)}
               : HttpReply{404, ""};
  });
  const test::Environment home("XDG_CACHE_HOME", folder_.path()), none("TREINO_DATA", "");
  LoadOptions options{.mirror = server.url(), .patience = {1, 1}};
  const test::Environment proxy("https_proxy",
                                "http://127.0.0.1:9");  // the official address is out of reach
  // Not the published file, so its checksum is refused.
  EXPECT_THAT(error_of([&] { get("wine", options); }, Fault::work),
              HasSubstr("has another checksum than published"));
  // Put there by hand it is taken, without a question to the network.
  folder_.write("treino/wine/wine.data", text + text + text + text + text + text);
  const std::size_t asked = server.requests().size();
  EXPECT_EQ(load("wine", options).train.size(), 5);
  EXPECT_EQ(server.requests().size(), asked);
  EXPECT_GT(remove("wine"), 300);
  EXPECT_FALSE(is_folder(folder_ / "treino/wine"));
  EXPECT_EQ(remove("wine"), 0);
}

}  // namespace
}  // namespace treino::data
