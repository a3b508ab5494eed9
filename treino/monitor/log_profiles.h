// SPDX-License-Identifier: Apache-2.0
// The log lines of well-known trainers, as they really print them.
#pragma once

#include <array>
#include <utility>

namespace treino::monitor {

struct BuiltInProfile {
  const char* name;
  const char* toml;
};

inline constexpr std::array<BuiltInProfile, 3> kBuiltInProfiles = {{
    // Keras 3, verbose = 1 (progress bar, redrawn with \r and backspaces) and verbose = 2:
    //   Epoch 1/3
    //   1875/1875 ━━━━━━━━━━━━━━━━━━━━ 2s 1ms/step - accuracy: 0.8776 - loss: 0.4308
    //   1875/1875 - 3s - 2ms/step - accuracy: 0.8776 - loss: 0.4308
    {"keras", R"(
[[line]]
match = '^Epoch (\d+)/(\d+)'
event = "epoch_start"
fields = { epoch = 1, epochs = 2 }
[[line]]
match = '^(\d+)/\1 .*?/step(?: - accuracy: ([\d.]+))?(?: - loss: ([\d.eE+-]+))?'
event = "epoch_stop"
once = true
fields = { steps = 1, accuracy = 2, loss = 3 }
)"},
    // The loop of pytorch/examples (mnist and what was copied from it):
    //   Train Epoch: 1 [640/60000 (1%)]	Loss: 1.234567
    //   Test set: Average loss: 0.0501, Accuracy: 9836/10000 (98%)
    {"pytorch", R"(
[[line]]
match = '^Train Epoch: (\d+) \[\d+/(\d+).*Loss: ([\d.eE+-]+)'
change = { group = 1 }
fields = { loss = 3 }
[[line]]
match = '^Test set: Average loss: ([\d.eE+-]+), Accuracy: (\d+)/(\d+)'
event = "eval"
fields = { loss = 1, samples = 3, accuracy = { group = 2, over = 3 } }
)"},
    // Axon's Loop.trainer log, \r at the front and no newline; epochs count from 0:
    //   Epoch: 0, Batch: 1850, accuracy: 0.9112 loss: 0.2907
    {"axon", R"(
[[line]]
match = '^Epoch: (\d+), Batch: (\d+)(?:, accuracy: ([\d.]+))?(?:,? loss: ([\d.eE+-]+))?'
change = { group = 1, plus = 1 }
fields = { batch = 2, accuracy = 3, loss = 4 }
)"},
}};

}  // namespace treino::monitor
