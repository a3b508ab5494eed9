// SPDX-License-Identifier: Apache-2.0
#include "treino/base/event.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <limits>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

TEST(Event, LineKeepsOrderAndTypes) {
  Event event("eval", 1.5);
  event.set("split", "test")
      .set("samples", 10)
      .set("loss", 0.25)
      .set_json("optimizer", R"({"adam":{"rate":0.001}})");
  event.set("bad", std::numeric_limits<double>::quiet_NaN()).set("shuffle", true);
  EXPECT_EQ(event.line(), R"({"event":"eval","t":1.5,"split":"test","samples":10,"loss":0.25,)"
                          R"("optimizer":{"adam":{"rate":0.001}},"bad":null,"shuffle":true})");
  const Event back = Event::parse(event.line(), "x:1");
  EXPECT_EQ(back.name(), "eval");
  EXPECT_EQ(back.number("samples"), 10);
  EXPECT_EQ(back.text("split"), "test");
  EXPECT_EQ(back.json("optimizer"), R"({"adam":{"rate":0.001}})");
  EXPECT_FALSE(back.number("bad").has_value());
  EXPECT_FALSE(back.number("nothing").has_value());
}

TEST(Event, ParsingNamesThePlace) {
  EXPECT_EQ(error_of([] { Event::parse("[1]", "run.jsonl:3"); }),
            "run.jsonl:3: is not a JSON object");
  EXPECT_THAT(error_of([] { Event::parse("{\"t\":1}", "f:1"); }), HasSubstr("\"event\""));
  EXPECT_THAT(error_of([] { Event::parse("{\"event\":\"a\",\"t\":\"1\"}", "f:1"); }),
              HasSubstr("\"t\""));
  EXPECT_THAT(error_of([] { Event::parse("{\"event\":", "f:1"); }), HasSubstr("JSON"));
}

TEST(Event, ADeepLineIsRefusedInOneLine) {
  const auto nested = [](std::size_t depth) {
    return R"({"event":"x","t":1,"text":"[[\"[","a":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}";
  };
  EXPECT_EQ(Event::parse(nested(63), "f:1").name(), "x");
  EXPECT_EQ(error_of([&] { Event::parse(nested(64), "f:1"); }), "f:1: is nested more than 64 deep");
  // What is not closed, and more than any stack holds.
  EXPECT_THAT(error_of([] { Event::parse(std::string(500000, '['), "f:1"); }), HasSubstr("nested"));
  EXPECT_THAT(error_of([&] { Event::parse(nested(500000), "f:1"); }), HasSubstr("nested"));
  EXPECT_THAT(error_of([] { Event("x").set_json("a", std::string(500000, '{')); }),
              HasSubstr("event field a is nested"));
}

TEST(EventWriter, RunFileBeginsWithWhatWasBefore) {
  const TemporaryFolder folder;
  EventWriter writer;
  writer.add(folder / "copy.jsonl");
  writer.write(Event("process_start"));
  writer.add_run_file(folder / "run.jsonl");
  writer.write(Event("train_start"));
  EXPECT_EQ(read_whole_file(folder / "copy.jsonl"), read_whole_file(folder / "run.jsonl"));
  EXPECT_EQ(read_events(folder / "run.jsonl").size(), 2u);
  EXPECT_EQ(writer.run_file_bytes(),
            static_cast<std::int64_t>(read_whole_file(folder / "run.jsonl").size()));
}

TEST(EventWriter, ContinuedFileIsCutToWholeLines) {
  const TemporaryFolder folder;
  const std::string one = R"({"event":"a","t":1})"
                          "\n",
                    two = R"({"event":"b","t":2})"
                          "\n";
  const std::string path = folder.write("run.jsonl", one + two + R"({"event":"c")");
  {
    EventWriter writer;
    writer.write(Event("process_start"));
    writer.continue_run_file(path, static_cast<std::int64_t>(one.size() + 4));
    writer.write(Event("resume", 3));
  }
  const auto events = read_events(path);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].name(), "a");
  EXPECT_EQ(events[1].name(), "resume");
}

TEST(EventWriter, UnfinishedLastLineIsLeftOut) {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("run.jsonl", "{\"event\":\"a\",\"t\":1}\n{\"event\":\"b\",");
  EXPECT_EQ(read_events(path).size(), 1u);
}

TEST(EventWriter, DescriptorAndSocket) {
  const TemporaryFolder folder;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int server = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder / "s";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(server, 1), 0);
  EventWriter writer;
  writer.add("fd:" + std::to_string(ends[1]));
  writer.add("unix:" + path);
  const int reader = accept(server, nullptr, nullptr);
  const Event event("train_start", 2);
  writer.write(event);
  const std::string line = event.line() + "\n";
  for (const int from : {ends[0], reader}) {
    std::string got(line.size(), '\0');
    EXPECT_EQ(read(from, got.data(), got.size()), static_cast<ssize_t>(line.size()));
    EXPECT_EQ(got, line);
    close(from);
  }
  // Both readers are gone now: the writer goes on and says so once for each.
  writer.write(event);
  writer.write(event);
  EXPECT_EQ(writer.take_warnings().size(), 2u);
  EXPECT_TRUE(writer.take_warnings().empty());
  close(server);
  close(ends[1]);
}

TEST(EventWriter, FullDiskIsAWarning) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  const TemporaryFolder folder;
  EventWriter writer;
  writer.add("/dev/full");
  writer.add(folder / "good");
  writer.write(Event("a"));
  writer.write(Event("b"));
  const auto warnings = writer.take_warnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("/dev/full"));
  EXPECT_EQ(read_events(folder / "good").size(), 2u);
}

TEST(EventWriter, WrongAddresses) {
  EventWriter writer;
  EXPECT_THAT(error_of([&] { writer.add("fd:x"); }), HasSubstr("fd:x"));
  EXPECT_THAT(error_of([&] { writer.add("fd:987"); }), HasSubstr("not open"));
  EXPECT_THAT(error_of([&] { writer.add(""); }), HasSubstr("name"));
  EXPECT_THAT(error_of([&] { writer.add("unix:/nowhere/s"); }, Fault::work),
              HasSubstr("/nowhere/s"));
  EXPECT_THAT(error_of([&] { writer.add("/nowhere/events"); }, Fault::work),
              HasSubstr("/nowhere/events"));
}

}  // namespace
}  // namespace treino
