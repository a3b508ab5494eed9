// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/log_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino::monitor {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The events of a log as it comes through a pipe, in pieces of `piece` bytes.
std::vector<std::string> events_of(const std::string& profile_name, const std::string& log,
                                   std::size_t piece) {
  LogProfile profile = LogProfile::load(profile_name);
  LineCutter cutter;
  std::vector<std::string> events;
  const auto add = [&](std::vector<Event> found) {
    for (const Event& event : found) events.push_back(event.line());
  };
  for (std::size_t i = 0; i < log.size(); i += piece) {
    for (const std::string& line : cutter.add(std::string_view(log).substr(i, piece))) {
      add(profile.read(line, 5));
    }
  }
  add(profile.read(cutter.rest(), 5));
  add(profile.finish());
  return events;
}

// As Keras 3.15 writes them to a pipe.
constexpr const char* kBar =
    "\r\x1b[1m1/3\x1b[0m \x1b[32m\xe2\x94\x81\xe2\x94\x81\x1b[0m\x1b[37m\xe2\x94\x81\x1b[0m "
    "\x1b[1m2s\x1b[0m 1s/step - "
    "accuracy: 0.2500 - loss: 1.1901\b\b\b\b\b\b\b\b\r\x1b[1m3/3\x1b[0m "
    "\x1b[32m\xe2\x94\x81\xe2\x94\x81\xe2\x94\x81\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m "
    "120ms/step - accuracy: 0.3056 - "
    "loss: 1.1742\b\b\b\b\b\b\r\x1b[1m3/3\x1b[0m "
    "\x1b[32m\xe2\x94\x81\xe2\x94\x81\xe2\x94\x81\x1b[0m\x1b[37m\x1b[0m "
    "\x1b[1m3s\x1b[0m 430ms/step - accuracy: 0.3056 - loss: 1.1742 - val_accuracy: 0.3750 - "
    "val_loss: 1.1\n";

TEST(LogProfile, KerasWithItsProgressBar) {
  const std::string log = "Epoch 1/2\n" + std::string(kBar) + "Epoch 2/2\n" + kBar;
  for (const std::size_t piece : {1u, 7u, 100000u}) {
    EXPECT_THAT(
        events_of("keras", log, piece),
        ElementsAre(
            R"({"event":"train_start","t":5.0,"from":"log"})",
            R"({"event":"epoch_start","t":5.0,"epoch":1,"epochs":2,"from":"log"})",
            R"({"event":"epoch_stop","t":5.0,"accuracy":0.3056,"loss":1.1742,"steps":3,"epoch":1,"from":"log"})",
            R"({"event":"epoch_start","t":5.0,"epoch":2,"epochs":2,"from":"log"})",
            R"({"event":"epoch_stop","t":5.0,"accuracy":0.3056,"loss":1.1742,"steps":3,"epoch":2,"from":"log"})"))
        << piece;
  }
}

TEST(LogProfile, KerasWithALineAnEpoch) {
  const std::vector<std::string> events = events_of(
      "keras", "Epoch 1/1\n1875/1875 - 3s - 2ms/step - accuracy: 0.8776 - loss: 0.4308\n", 5);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_THAT(events[2], HasSubstr(R"("accuracy":0.8776,"loss":0.4308,"steps":1875,"epoch":1)"));
}

TEST(LogProfile, PyTorchsExample) {
  const std::string log =
      "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.300039\n"
      "Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.213470\n"
      "\nTest set: Average loss: 0.0501, Accuracy: 9836/10000 (98%)\n\n"
      "Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.071795\n";
  EXPECT_THAT(
      events_of("pytorch", log, 11),
      ElementsAre(
          R"({"event":"train_start","t":5.0,"from":"log"})",
          R"({"event":"epoch_start","t":5.0,"epoch":1,"from":"log"})",
          R"({"event":"eval","t":5.0,"accuracy":0.9836,"loss":0.0501,"samples":10000,"from":"log"})",
          R"({"event":"epoch_stop","t":5.0,"epoch":1,"from":"log","loss":1.21347})",
          R"({"event":"epoch_start","t":5.0,"epoch":2,"from":"log"})",
          R"({"event":"epoch_stop","t":5.0,"epoch":2,"from":"log","loss":0.071795})"));
}

TEST(LogProfile, AxonSeparatesByCarriageReturnsAndCountsFromZero) {
  const std::string log =
      "\rEpoch: 0, Batch: 0, accuracy: 0.0938 loss: 0.0000"
      "\rEpoch: 0, Batch: 50, accuracy: 0.6189 loss: 1.2025"
      "\rEpoch: 1, Batch: 0, accuracy: 0.9112 loss: 0.2907";
  EXPECT_THAT(
      events_of("axon", log, 3),
      ElementsAre(
          R"({"event":"train_start","t":5.0,"from":"log"})",
          R"({"event":"epoch_start","t":5.0,"epoch":1,"from":"log"})",
          R"({"event":"epoch_stop","t":5.0,"epoch":1,"from":"log","accuracy":0.6189,"batch":50,"loss":1.2025})",
          R"({"event":"epoch_start","t":5.0,"epoch":2,"from":"log"})",
          R"({"event":"epoch_stop","t":5.0,"epoch":2,"from":"log","accuracy":0.9112,"batch":0,"loss":0.2907})"));
}

TEST(LogProfile, OtherLinesAndEndlessOnesAreNoEvents) {
  EXPECT_THAT(
      events_of("keras", "loading\nEpoch one\n1/2 x\n" + std::string(100000, 'a') + "\n", 4096),
      IsEmpty());
}

TEST(LogProfile, OnesOwnAsToml) {
  const test::TemporaryFolder folder;
  const std::string path =
      folder.write("mine.toml",
                   "[[line]]\nmatch = '^done (\\d+) (\\d+)%'\nevent = \"epoch_stop\"\n"
                   "fields = { epoch = 1, accuracy = { group = 2, times = 0.01 } }\n");
  EXPECT_THAT(
      events_of(path, "done 3 50%\n", 100),
      ElementsAre(R"({"event":"epoch_stop","t":5.0,"accuracy":0.5,"epoch":3,"from":"log"})"));
}

TEST(LogProfile, MistakesNameTheLine) {
  EXPECT_THAT(error_of([] { LogProfile::load("kears"); }), HasSubstr("\"keras\""));
  EXPECT_THAT(error_of([] { LogProfile::load("./none.toml"); }), HasSubstr("none.toml"));
  EXPECT_THAT(error_of([] { LogProfile::load("/usr"); }), HasSubstr("/usr: is a folder"));
  EXPECT_THAT(error_of([] { LogProfile::parse("", "p.toml"); }),
              HasSubstr("at least one [[line]]"));
  EXPECT_THAT(error_of([] { LogProfile::parse("[[line]]\nevent = \"x\"", "p.toml"); }),
              HasSubstr("p.toml:1: [[line]] wants match"));
  EXPECT_THAT(error_of([] { LogProfile::parse("[[line]]\nmatch = '('\nevent = \"x\"", "p.toml"); }),
              HasSubstr("p.toml:2: match is no regular expression"));
  EXPECT_THAT(error_of([] { LogProfile::parse("[[line]]\nmatch = 'a'", "p.toml"); }),
              HasSubstr("either event"));
  EXPECT_THAT(error_of([] { LogProfile::parse("[[line", "p.toml"); }), HasSubstr("p.toml:1"));
}

}  // namespace
}  // namespace treino::monitor
