// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "treino/graph/attributes.h"
#include "treino/nn/augmentation.h"
#include "treino/nn/fields.h"
#include "treino/nn/optimizer.h"
#include "treino/nn/schedule.h"
#include "treino/nn/text_options.h"

namespace treino::nn {

// cross_entropy takes logits (a final softmax is folded in), binary_cross_entropy too (a final
// sigmoid); mse, mae and huber (delta 1) take the outputs as they are and one-hot targets.
enum class Loss : std::uint8_t { cross_entropy, binary_cross_entropy, mse, mae, huber };
std::span<const std::string_view> names_of(Loss);

// What happens to the samples left over when the batch does not divide them.
enum class LastBatch : std::uint8_t {
  partial,  // a smaller batch
  drop,     // left out
  refill,   // filled up with the epoch's first samples
};
std::span<const std::string_view> names_of(LastBatch);

// Written false, true (the whole set) or the number of samples of a sliding window.
struct Shuffle {
  std::int64_t window = kWhole;  // 0: file order
  static constexpr std::int64_t kWhole = -1;
  friend bool operator==(const Shuffle&, const Shuffle&) = default;
};
FieldValue get_field(const Shuffle& value);
void set_field(Shuffle& member, const FieldValue& value);

enum class Monitored : std::uint8_t { loss, accuracy };
std::span<const std::string_view> names_of(Monitored);

// Stops when the validation figure has not improved by min_delta for `patience` epochs.
struct EarlyStopping {
  std::int64_t patience = 0;  // 0: never
  double min_delta = 0;
  Monitored monitor = Monitored::loss;
  bool restore_best = true;  // keep the best epoch's weights

  template <class V>
  void fields(V& v) {
    v("patience", patience, not_negative);
    v("min_delta", min_delta, not_negative);
    v("monitor", monitor);
    v("restore_best", restore_best);
  }
};

// Factors of each sample's loss by its class.
struct ClassWeights {
  std::vector<double> values;  // one a class; empty: all 1
  bool balanced = false;       // values are yet to be made of the training labels: balance()
};
FieldValue get_field(const ClassWeights& value);
void set_field(ClassWeights& member, const FieldValue& value);

// The recipe's [train].
struct TrainOptions {
  Loss loss = Loss::cross_entropy;
  Optimizer optimizer = Adam{};
  Schedule schedule = ConstantRate{};
  std::int64_t batch = 32;
  std::int64_t epochs = 1;
  std::int64_t seed = 1;
  Shuffle shuffle;
  LastBatch last_batch = LastBatch::partial;
  double validation = 0;  // fraction of the training samples held out
  EarlyStopping early_stopping;
  ClassWeights class_weights;  // "none", "balanced" or one a class
  double label_smoothing = 0;  // cross-entropies only
  double clip_norm = 0;        // largest norm of all gradients together; 0: not clipped
  Precision precision = Precision::float32;

  template <class V>
  void fields(V& v) {
    v("loss", loss);
    v("optimizer", optimizer);
    v("schedule", schedule);
    v("batch", batch, at_least_one);
    v("epochs", epochs, at_least_one);
    v("seed", seed, not_negative);
    v("shuffle", shuffle, Limits{.allowed = "true, false, samples of a window"});
    v("last_batch", last_batch);
    v("validation", validation, fraction);
    v("early_stopping", early_stopping);
    v("class_weights", class_weights, Limits{.allowed = "none, balanced, one number a class"});
    v("label_smoothing", label_smoothing, fraction);
    v("clip_norm", clip_norm, not_negative);
    v("precision", precision);
  }
};

// The factor samples are multiplied by: "1/255", any number, "auto" (1/255 for 8-bit samples, 1 for
// others) or "standard" (mean 0 and standard deviation 1 of each channel of the training samples).
struct Scale {
  enum Kind : std::uint8_t { kAuto, kStandard, kFactor };
  Kind kind = kAuto;
  double factor = 1;
  std::string text = "auto";  // as written
};
FieldValue get_field(const Scale& value);
void set_field(Scale& member, const FieldValue& value);

inline constexpr Limits picture_size{.least = 0, .most = 16384, .default_text = "the data's"};

// The recipe's [input]: x' = (x scale - mean) / deviation, both per channel (last axis) or one for
// all.
struct InputOptions {
  std::vector<double>
      shape;  // of one sample; empty: the data's. Same number of elements as the data's
  Scale scale;
  std::vector<double> mean;
  std::vector<double> deviation;
  TextOptions text;
  std::vector<Augmentation> augment;  // in this order, while training
  // How pictures of many sizes come to one, [height, width]: stretched; scaled to cover it and cut;
  // scaled to fit into it, black around. At most one of them; 0: they are alike.
  Pair resize = 0, crop = 0, pad = 0;
  std::int64_t channels = 0;  // 1 or 3: pictures made gray or colour; 0: as they are
  std::string label;          // a table's label column; empty: "label", "class" or the last
  double test = 0.2;          // fraction of each class split off where a set has no test part

  template <class V>
  void fields(V& v) {
    v("shape", shape, Limits{.least = 1, .most = kMostSize, .default_text = "the data's"});
    v("scale", scale, Limits{.allowed = "auto, standard, 1/255, a number"});
    v("mean", mean, Limits{.allowed = "one number, or one a channel"});
    v("std", deviation, positive);
    v("text", text);
    v("augment", augment);
    v("resize", resize, picture_size);
    v("crop", crop, picture_size);
    v("pad", pad, picture_size);
    v("channels", channels, Limits{.least = 0, .most = 3, .default_text = "the data's"});
    v("label", label, Limits{.default_text = "the last"});
    v("test", test, fraction);
  }
};

}  // namespace treino::nn
