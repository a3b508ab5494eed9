// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/line_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "treino/monitor/line_sink.h"

namespace treino::monitor {
namespace {

using test::error_of;

// Reads nothing until it is told to, then everything.
struct Reader {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::mutex mutex;
  std::string text;
};

LineQueue queue_to(const std::shared_ptr<Reader>& reader) {
  return LineQueue([reader](std::string_view line) {
    reader->gone.wait();
    const std::lock_guard lock(reader->mutex);
    reader->text += line;
  });
}

TEST(LineQueue, NobodyWaitsForAReaderAndNothingIsLost) {
  const auto reader = std::make_shared<Reader>();
  LineQueue queue = queue_to(reader);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = std::to_string(i) + "\n";
    queue.add(line);
    all += line;
  }
  reader->go.set_value();
  queue.flush({});
  EXPECT_EQ(reader->text, all);
  EXPECT_EQ(queue.dropped(), 0);
}

TEST(LineQueue, WhoNeverReadsIsGivenUpAndTheLossIsCounted) {
  const auto reader = std::make_shared<Reader>();
  {
    LineQueue queue = queue_to(reader);
    for (int i = 0; i < 10; ++i) queue.add("line\n");
    queue.flush({.seconds = 0.01});
    EXPECT_EQ(queue.dropped(), 10);
    // What would not fit is counted as well.
    const std::string large(LineQueue::kMostBytes / 4, 'x');
    for (int i = 0; i < 6; ++i) queue.add(large);
    EXPECT_EQ(queue.dropped(), 12);
  }
  reader->go.set_value();  // the thread that was left behind ends
}

TEST(LineQueue, AnErrorIsThrownToWhoAddsOrFlushes) {
  LineQueue queue([](std::string_view) { throw Error::work("disk full"); });
  queue.add("a\n");
  EXPECT_EQ(error_of([&] { queue.flush({}); }, Fault::work), "disk full");
}

TEST(LineSink, SaysHowManyLinesNobodyRead) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    LineSink sink(ends[1], "the pipe");
    const std::string line(1 << 16, 'x');
    for (int i = 0; i < 4; ++i) sink.write(line);
    EXPECT_EQ(error_of([&] { sink.flush({.seconds = 0}); }, Fault::work).substr(0, 10),
              "the pipe: ");
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace treino::monitor
