// SPDX-License-Identifier: Apache-2.0
#include "treino/train/fit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <future>
#include <memory>

#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/file_lock.h"
#include "treino/data/labels.h"
#include "treino/data/load.h"
#include "treino/data/split.h"
#include "treino/data/stream.h"
#include "treino/train/background_writer.h"
#include "treino/train/checkpoint.h"
#include "treino/train/interrupt.h"
#include "treino/train/order.h"
#include "treino/train/programs.h"
#include "treino/train/resume.h"
#include "treino/train/run_events.h"
#include "treino/train/run_folder.h"
#include "treino/train/texts.h"
#include "treino/train/tune.h"

namespace treino::train {

namespace {

namespace fs = std::filesystem;

constexpr double kSecondsACall = 0.1;       // between looks at signals, progress and bad losses
constexpr double kSecondsACheckpoint = 60;  // at most so much work is lost

// What is not said is as late as what was said before it.
StartTimes times_of(const FitOptions& options) {
  StartTimes times;
  times.process_start = options.process_start < 0 ? monotonic_seconds() : options.process_start;
  times.runtime_ready = options.runtime_ready < 0 ? times.process_start : options.runtime_ready;
  times.data_ready = options.data_ready < 0 ? times.runtime_ready : options.data_ready;
  return times;
}

void check_labels(const data::Dataset& dataset, const data::Split& split, const char* part) {
  if (!split.labels) return;
  const std::size_t classes = dataset.classes.size();
  const auto labels = split.labels->as<std::int32_t>();
  const std::size_t i = data::first_outside(labels, classes);
  if (i == labels.size()) return;
  throw Error::mistake(fmt::format("{}: {} sample {} has label {}, but there are {} classes",
                                   dataset.name, part, i, labels[i], classes));
}

class Training {
 public:
  Training(nn::Recipe recipe, const data::Dataset& dataset, Device& device,
           const FitOptions& options, Observer& observer)
      : recipe_(std::move(recipe)),
        encoded_(encode_texts(recipe_, dataset)),
        dataset_(encoded_.dataset),
        device_(device),
        options_(options),
        observer_(observer),
        train_(recipe_.train),
        model_(nn::build_model(recipe_, dataset_.train.sample(),
                               static_cast<std::int64_t>(dataset.classes.size()))),
        programs_(device, options.optimize) {}

  FitResult run() {
    times_ = times_of(options_);
    auto digest = std::async(std::launch::async, [this] { return data::digest(dataset_); });
    compile();
    const std::string sha256 = digest.get();
    open_folder(sha256);
    try {
      observer_.ready(times_.compile_seconds, nn::parameter_count(model_));
      write_opening_events(sha256);
      train();
      finish();
    } catch (const Error& error) {
      events_.write(failure_event(error, bad_step_));
      throw;
    }
    return std::move(result_);
  }

 private:
  nn::StepSpec spec() const { return {model_, recipe_.input, train_}; }

  // What the recipe leaves to the samples that are trained on; those held out have no part in it.
  void fit_to_data() {
    const auto& rows = holdout_.training;
    HostTensor labels(DType::i32, Shape{static_cast<std::int64_t>(rows.size())});
    std::ranges::transform(rows, labels.as<std::int32_t>().begin(), [&](std::int32_t row) {
      return dataset_.train.labels->as<std::int32_t>()[static_cast<std::size_t>(row)];
    });
    nn::balance(recipe_.train, labels, static_cast<std::int64_t>(dataset_.classes.size()));
    if (dataset_.train.type() == DType::i32) return;
    data::Split trained = dataset_.train;
    if (recipe_.input.scale.kind == nn::Scale::kStandard && !holdout_.validation.empty()) {
      std::vector<bool> chosen(static_cast<std::size_t>(dataset_.train.size()));
      for (const std::int32_t row : rows) chosen[static_cast<std::size_t>(row)] = true;
      trained = data::take(dataset_.train, chosen, true);
    }
    nn::standardize(recipe_.input, [&](const auto& look) { data::for_each_piece(trained, look); });
  }

  void compile() {
    const double begin = monotonic_seconds();
    const std::int64_t samples = dataset_.train.size();
    holdout_ = hold_out(samples, train_.validation, static_cast<std::uint64_t>(train_.seed),
                        dataset_.train.labels.get());
    fit_to_data();
    const auto training_samples = static_cast<std::int64_t>(holdout_.training.size());
    times_.model_built = monotonic_seconds();

    const EpochPlan plan =
        plan_epoch(training_samples, std::min(train_.batch, training_samples), train_.last_batch);
    nn::BatchGeometry geometry = geometry_of(dataset_.train, plan);
    training_ =
        programs_.compile("train", nn::emit_train_step, spec(), geometry, plan, options_.dump);
    first_geometry_ = geometry;
    first_geometry_.batch = plan.batch;
    first_geometry_.steps_per_epoch = plan.steps();

    if (!holdout_.validation.empty()) {
      nn::Feed feed = nn::Feed::named("validation");
      if (!dataset_.train.file) {  // of the same tables
        feed.samples = training_.feed.samples;
        feed.labels = training_.feed.labels;
      }
      validation_ = compile_evaluation("validate", feed, dataset_.train,
                                       static_cast<std::int64_t>(holdout_.validation.size()));
    }
    if (dataset_.test.size() > 0) {
      test_ = compile_evaluation("evaluate", nn::Feed::named("test"), dataset_.test,
                                 dataset_.test.size());
    }
    fill_store();
    if (options_.resume) {
      use_recorded_kernels();
    } else if (options_.tune) {
      use_measured_kernels();
    }
    programs_.load(training_);
    if (validation_) programs_.load(*validation_);
    if (test_) programs_.load(*test_);
    times_.compile_done = monotonic_seconds();
    times_.compile_seconds = times_.compile_done - begin;
  }

  // The kernels of the run that goes on, whatever this machine would choose by itself.
  void use_recorded_kernels() {
    const Environment before = read_environment(options_.out);
    check_device(options_.out, before, device_.name());
    try {
      device_.use(before.heavy);
    } catch (const Error& error) {
      throw Error::mistake(
          fmt::format("{}: cannot be resumed here: {}", options_.out, error.what()));
    }
  }

  void use_measured_kernels() {
    std::vector<const Program*> programs;
    const auto add = [&](const FeedPrograms& feed) {
      if (feed.plan.full > 0) programs.push_back(&feed.full);
      if (feed.plan.remainder > 0) programs.push_back(&feed.remainder);
    };
    add(training_);
    if (validation_) add(*validation_);
    if (test_) add(*test_);
    const double begin = monotonic_seconds();
    const std::vector<TunedOp> ops = tune(
        programs, device_, {.threads = options_.threads, .warn = [this](const std::string& line) {
                              observer_.note(line);
                            }});
    device_.use(choices_of(ops, device_));
    const auto known = std::ranges::count_if(ops, &TunedOp::known);
    const auto changed = std::ranges::count_if(
        ops, [](const TunedOp& op) { return op.kernel != op.candidates.front().kernel; });
    observer_.note(fmt::format(
        "tuned {} ops in {:.1f} s ({} measured before): {} get another kernel than the fixed "
        "table's",
        ops.size(), monotonic_seconds() - begin, known, changed));
  }

  KernelChoices heavy_choices() const {
    KernelChoices heavy{device_.instruction_set(), {}, device_.arithmetic_revision()};
    Programs::add_heavy(training_, heavy.ops);
    if (validation_) Programs::add_heavy(*validation_, heavy.ops);
    if (test_) Programs::add_heavy(*test_, heavy.ops);
    return heavy;
  }

  nn::BatchGeometry geometry_of(const data::Split& split, const EpochPlan& plan) const {
    nn::BatchGeometry geometry;
    set_tables(split, plan, geometry);
    geometry.classes = static_cast<std::int64_t>(dataset_.classes.size());
    return geometry;
  }

  FeedPrograms compile_evaluation(const char* name, const nn::Feed& feed, const data::Split& split,
                                  std::int64_t samples) {
    const EpochPlan plan =
        plan_epoch(samples, std::min(kEvaluationBatch, samples), nn::LastBatch::partial);
    nn::BatchGeometry geometry = geometry_of(split, plan);
    geometry.feed = feed;
    return programs_.compile(name, nn::emit_evaluate_step, spec(), geometry, plan);
  }

  void fill_store() {
    Store& store = programs_.make_store();
    for (const auto& value : nn::initial_state(spec(), first_geometry_))
      store.write(store.find(value.name), value.tensor);
    training_.feeder = make_feeder(store, training_, dataset_.train);
    if (validation_) {
      validation_->feeder = make_feeder(store, *validation_, dataset_.train);
      validation_->feeder->set_order(
          epoch_order(holdout_.validation, validation_->plan, {0}, 0, 0));
    }
    if (!test_) return;
    test_->feeder = make_feeder(store, *test_, dataset_.test);
    const Holdout all = hold_out(dataset_.test.size(), 0, 0);
    test_->feeder->set_order(epoch_order(all.training, test_->plan, {0}, 0, 0));
  }

  void open_folder(const std::string& sha256) {
    Environment environment{.device = std::string(device_.name()),
                            .threads = options_.threads,
                            .data_name = dataset_.name,
                            .data_origin = dataset_.origin,
                            .data_sha256 = sha256,
                            .data_folder = options_.data_folder,
                            .classes = dataset_.classes,
                            .features = dataset_.features,
                            .label_column = dataset_.label_column,
                            .fold = options_.fold,
                            .sample = first_geometry_.sample,
                            .sample_type = first_geometry_.sample_type,
                            .choices = Programs::choices(training_),
                            .heavy = heavy_choices()};
    result_.folder = options_.out.empty() ? new_run_folder(recipe_.name) : options_.out;
    make_folders(result_.folder);
    check_writable(result_.folder);
    take_folder();
    if (!options_.events.empty()) events_.add(options_.events);
    events_.add_from_environment();
    if (options_.resume) {
      resume(environment);
      events_.continue_run_file(file("events.jsonl"), position_.events_bytes);
      return;
    }
    if (holds_training(result_.folder)) {
      throw Error::mistake(
          fmt::format("{}: holds a run already; go on with --resume {}, or choose another --out",
                      result_.folder, result_.folder));
    }
    writer_.add([this, folder = result_.folder, environment, path = file("recipe.toml"),
                 recipe = nn::write_recipe(recipe_)] {
      write_environment(folder, environment);
      write_whole_file(path, recipe);
      if (encoded_.vocabulary) write_vocabulary(folder, *encoded_.vocabulary);
    });
    events_.add_run_file(file("events.jsonl"));
  }

  // Two processes in one folder would write over each other.
  void take_folder() {
    try {
      lock_ = std::make_unique<FileLock>(file(".lock"));
      if (lock_->try_take()) return;
    } catch (const Error&) {  // a file system without locks
      lock_.reset();
      return;
    }
    throw Error::mistake(fmt::format(
        "{}: another process is training in this folder; wait until it ends, or choose another "
        "--out",
        result_.folder));
  }

  void resume(const Environment& now) {
    const Environment before = read_environment(result_.folder);
    if (!has_checkpoint(result_.folder)) {
      throw Error::mistake(fmt::format(
          "{}: there is no such file: the training ended before its first checkpoint, or "
          "it was removed; train anew",
          file("checkpoint/state.safetensors")));
    }
    check_data(result_.folder, before, now);
    check_kernels(result_.folder, before, now);
    position_ = load_checkpoint(result_.folder, programs_.store());
    check_position(result_.folder, position_, training_, programs_.store());
    remove_partial_files(result_.folder);
    remove_partial_files(file("checkpoint"));
    write_whole_file(file("recipe.toml"), nn::write_recipe(recipe_));
  }

  std::string file(const char* name) const { return (fs::path(result_.folder) / name).string(); }

  void write_opening_events(const std::string& sha256) {
    if (options_.resume) return events_.write(resume_event(position_, times_.process_start));
    write_opening(events_, times_, dataset_, sha256, model_,
                  {.options = train_,
                   .plan = training_.plan,
                   .ring_bytes = training_.feeder->ring_bytes(),
                   .threads = options_.threads,
                   .device = std::string(device_.name())});
  }

  void train() {
    last_checkpoint_ = monotonic_seconds();
    if (position_.epoch == 0 && position_.step == 0 && !options_.resume) checkpoint();
    while (position_.epoch < train_.epochs && !done_early() && interrupt_.signal() == 0) {
      if (!run_epoch()) break;
    }
    result_.stopped_early = done_early();
    result_.signal = interrupt_.signal();
  }

  bool done_early() const {
    return train_.early_stopping.patience > 0 &&
           position_.patience_used >= train_.early_stopping.patience;
  }

  // False when a signal stopped it.
  bool run_epoch() {
    const EpochPlan& plan = training_.plan;
    training_.feeder->set_order(epoch_order(holdout_.training, plan, train_.shuffle,
                                            static_cast<std::uint64_t>(train_.seed),
                                            position_.epoch));
    if (position_.step == 0) {
      reset_metrics(programs_.store(), training_.feed);
      events_.write(Event("epoch_start").set("epoch", position_.epoch + 1));
    }
    const double before = position_.epoch_seconds;
    const double begin = monotonic_seconds();
    double saving = 0;
    training_.feeder->seek(position_.step);
    std::int64_t chunk = 8, steps_here = 0;
    while (position_.step < plan.steps()) {
      const double call = monotonic_seconds();
      const std::int64_t count = training_.feeder->run(chunk);
      position_.step += count;
      steps_here += count;
      const double now = monotonic_seconds();
      check_loss();
      writer_.look();
      position_.epoch_seconds = before + (now - begin - saving);
      const double took = std::max(now - call, 1e-9);
      chunk = std::clamp<std::int64_t>(
          static_cast<std::int64_t>(static_cast<double>(count) * kSecondsACall / took), 1,
          chunk * 8);
      if (position_.step == plan.steps()) break;
      report(now - begin - saving, steps_here);
      if (interrupt_.signal() != 0 || now - last_checkpoint_ > kSecondsACheckpoint) {
        checkpoint();
        saving += monotonic_seconds() - now;
      }
      if (interrupt_.signal() != 0) return false;
    }
    finish_epoch(saving);
    return true;
  }

  void check_loss() {
    const Store& store = programs_.store();
    const double bad = store.read(store.find("metric.bad_step"), DType::f64).as<double>()[0];
    if (bad < 0) return;
    bad_step_ = static_cast<std::int64_t>(bad);
    throw Error::work(
        fmt::format("the loss is not finite from step {} (epoch {}) on; try a smaller rate (it is "
                    "{}), train.clip_norm = 1, or look "
                    "for bad samples; the last good checkpoint is kept in {}",
                    bad_step_, position_.epoch + 1, nn::rate(train_.optimizer), result_.folder));
  }

  // The last update of an epoch shows in no loss of it.
  void check_weights() const {
    const Store& store = programs_.store();
    for (const nn::LayerVariable& variable : nn::variables(model_)) {
      const HostTensor value = store.read(store.find(variable.name), DType::f32);
      if (std::ranges::all_of(value.as<float>(), [](float x) { return std::isfinite(x); }))
        continue;
      throw Error::work(fmt::format(
          "{} is not finite after epoch {}; try a smaller rate (it is {}), or train.clip_norm = 1; "
          "the last good checkpoint is kept in {}",
          variable.name, position_.epoch, nn::rate(train_.optimizer), result_.folder));
    }
  }

  void report(double seconds, std::int64_t steps) {
    Progress progress;
    progress.epoch = position_.epoch + 1;
    progress.epochs = train_.epochs;
    progress.step = position_.step;
    progress.steps = training_.plan.steps();
    progress.running = read_metrics(programs_.store(), training_.feed);
    progress.samples_per_second = static_cast<double>(steps * training_.plan.batch) / seconds;
    const double left =
        static_cast<double>((train_.epochs - position_.epoch) * progress.steps - position_.step);
    progress.seconds_left = left * seconds / static_cast<double>(steps);
    observer_.progress(progress);
  }

  void finish_epoch(double saving) {
    Store& store = programs_.store();
    EpochResult epoch;
    epoch.epochs = train_.epochs;
    epoch.seconds = position_.epoch_seconds;
    epoch.saving = saving;
    epoch.steps = training_.plan.steps();
    epoch.training = read_metrics(store, training_.feed);
    position_.train_seconds += epoch.seconds;
    position_.epoch_seconds = 0;
    position_.step = 0;
    epoch.epoch = ++position_.epoch;
    events_.write(epoch_stop_event(epoch));
    if (validation_) {
      epoch.validation = evaluate_feed(store, *validation_);
      events_.write(evaluation_event("validation", *epoch.validation));
    }
    check_weights();
    judge(epoch);
    checkpoint();
    result_.epochs.push_back(epoch);
    observer_.epoch_done(epoch);
  }

  // Early stopping watches the validation figure, or the training one where nothing is held out.
  void judge(const EpochResult& epoch) {
    const nn::EarlyStopping& rule = train_.early_stopping;
    if (rule.patience == 0) return;
    const Metrics& metrics = epoch.validation ? *epoch.validation : epoch.training;
    const bool is_loss = rule.monitor == nn::Monitored::loss;
    const double figure = is_loss ? metrics.loss : -metrics.accuracy;
    if (position_.best_epoch == 0 || figure < position_.best - rule.min_delta) {
      position_.best = figure;
      position_.best_epoch = epoch.epoch;
      position_.patience_used = 0;
      if (rule.restore_best) save_best(result_.folder, programs_.store());
    } else {
      ++position_.patience_used;
    }
  }

  void checkpoint() {
    if (position_.epoch > 0 || position_.step > 0) writer_.wait();  // one in memory is enough
    position_.events_bytes = events_.run_file_bytes();
    writer_.add(take_checkpoint(result_.folder, programs_.store(), position_));
    last_checkpoint_ = monotonic_seconds();
  }

  void finish() {
    Store& store = programs_.store();
    result_.train_seconds = position_.train_seconds + position_.epoch_seconds;
    result_.compile_seconds = times_.compile_seconds;
    if (result_.signal == 0) {
      events_.write(Event("train_stop")
                        .set("seconds", result_.train_seconds)
                        .set("stopped_early", result_.stopped_early));
      if (train_.early_stopping.patience > 0 && train_.early_stopping.restore_best &&
          position_.best_epoch > 0) {
        load_best(result_.folder, store);
        observer_.note(fmt::format("kept the weights of epoch {}, the best", position_.best_epoch));
      }
    }
    writer_.add(take_model(result_.folder, store));
    if (result_.signal == 0 && test_) {
      result_.test = evaluate_feed(store, *test_);
      events_.write(evaluation_event("test", *result_.test));
      if (!std::isfinite(result_.test->loss)) {
        throw Error::work(fmt::format(
            "the test loss is not finite; try a smaller rate (it is {}), or look for bad "
            "samples in the test part",
            nn::rate(train_.optimizer)));
      }
    }
    writer_.wait();
    result_.peak_bytes = peak_memory();
    result_.device_bytes = device_.own_memory();
    events_.write(exit_event(result_));
    for (const std::string& warning : events_.take_warnings()) observer_.note(warning);
  }

  InterruptGuard interrupt_;
  nn::Recipe recipe_;
  const EncodedSet encoded_;
  const data::Dataset& dataset_;
  Device& device_;
  const FitOptions& options_;
  Observer& observer_;
  const nn::TrainOptions& train_;
  nn::Model model_;
  Programs programs_;
  Holdout holdout_;
  nn::BatchGeometry first_geometry_;
  FeedPrograms training_;
  std::optional<FeedPrograms> validation_, test_;
  EventWriter events_;
  Position position_;
  std::int64_t bad_step_ = 0;  // counted from 1; 0: none
  FitResult result_;
  StartTimes times_;
  double last_checkpoint_ = 0;
  std::unique_ptr<FileLock> lock_;
  BackgroundWriter writer_;  // the last member: what is being written uses the others
};

}  // namespace

FitResult fit(nn::Recipe recipe, const data::Dataset& dataset, Device& device,
              const FitOptions& options, Observer& observer) {
  if (dataset.train.size() == 0) throw Error::mistake(dataset.name + ": has no training samples");
  nn::check_recipe(recipe);
  check_labels(dataset, dataset.train, "training");
  check_labels(dataset, dataset.test, "test");
  return Training(std::move(recipe), dataset, device, options, observer).run();
}

}  // namespace treino::train
