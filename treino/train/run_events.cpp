// SPDX-License-Identifier: Apache-2.0
#include "treino/train/run_events.h"

#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/version.h"
#include "treino/nn/summary.h"

namespace treino::train {

namespace {

Event data_ready_event(double t, const data::Dataset& dataset, const std::string& sha256) {
  Event event("data_ready", t);
  event.set("train", dataset.train.size()).set("test", dataset.test.size()).set("sha256", sha256);
  return event;
}

Event model_built_event(double t, const nn::Model& model) {
  auto layers = nlohmann::ordered_json::array();
  for (const nn::LayerSummary& layer : nn::summarize(model).layers) {
    layers.push_back(
        {{"type", layer.type},
         {"output", std::vector<std::int64_t>(layer.output.begin(), layer.output.end())},
         {"parameters", layer.parameters}});
  }
  Event event("model_built", t);
  event.set("parameters", nn::parameter_count(model)).set_json("layers", layers.dump());
  return event;
}

Event work_event(const Work& work) {
  const nn::TrainOptions& options = work.options;
  Event event("work");
  event.set_json("optimizer", nn::optimizer_json(options.optimizer))
      .set("batch", options.batch)
      .set("samples_per_epoch", work.plan.samples())
      .set("epochs", options.epochs)
      .set("precision", names_of(options.precision)[static_cast<std::size_t>(options.precision)]);
  if (options.shuffle.window > 0) {
    event.set("shuffle", options.shuffle.window);
  } else {
    event.set("shuffle", options.shuffle.window != 0);
  }
  const bool streamed = work.ring_bytes > 0;
  event.set("input", streamed ? "streamed" : "resident");
  if (streamed) event.set("ring_bytes", work.ring_bytes);
  event.set("loss", nn::names_of(options.loss)[static_cast<std::size_t>(options.loss)])
      .set("seed", options.seed)
      .set("threads", work.threads)
      .set("device", work.device);
  return event;
}

}  // namespace

void write_opening(EventWriter& events, const StartTimes& times, const data::Dataset& dataset,
                   const std::string& sha256, const nn::Model& model, const Work& work) {
  events.write(Event("process_start", times.process_start));
  Event runtime("runtime_ready", times.runtime_ready);
  events.write(runtime.set("framework", "treino").set("version", kVersion));
  events.write(data_ready_event(times.data_ready, dataset, sha256));
  events.write(model_built_event(times.model_built, model));
  Event compiled("compile_done", times.compile_done);
  events.write(compiled.set("seconds", times.compile_seconds));
  events.write(work_event(work));
  events.write(Event("train_start"));
}

Event resume_event(const Position& position, double process_start) {
  Event event("resume");
  event.set("epoch", position.epoch + 1)
      .set("step", position.step)
      .set("process_start", process_start);
  return event;
}

Event epoch_stop_event(const EpochResult& epoch) {
  Event event("epoch_stop");
  event.set("epoch", epoch.epoch)
      .set("seconds", epoch.seconds)
      .set("samples", epoch.training.samples)
      .set("steps", epoch.steps)
      .set("loss", epoch.training.loss)
      .set("accuracy", epoch.training.accuracy);
  if (epoch.saving > 0) event.set("left_out", epoch.saving);
  return event;
}

Event evaluation_event(const char* split, const Metrics& metrics) {
  Event event("eval");
  event.set("split", split)
      .set("samples", metrics.samples)
      .set("loss", metrics.loss)
      .set("accuracy", metrics.accuracy);
  return event;
}

Event exit_event(const FitResult& result) {
  Event event("exit");
  event.set("status", result.signal == 0 ? 0 : 128 + result.signal)
      .set("peak_memory_bytes", result.peak_bytes);
  if (result.device_bytes > 0) event.set("peak_device_memory_bytes", result.device_bytes);
  return event;
}

Event failure_event(const Error& error, std::int64_t step) {
  Event event("exit");
  event.set("status", error.fault() == Fault::mistake ? 2 : 1).set("reason", error.what());
  if (step > 0) event.set("step", step);
  return event;
}

}  // namespace treino::train
