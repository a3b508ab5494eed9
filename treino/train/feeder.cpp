// SPDX-License-Identifier: Apache-2.0
#include "treino/train/feeder.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "treino/train/programs.h"

namespace treino::train {

namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;
constexpr std::int64_t kPieces = 3;  // one is trained on, one is ready, one is being read

void write_offset(Store& store, const FeedPrograms& programs, std::int64_t sample) {
  store.write(store.find(programs.feed.offset), HostTensor::scalar(DType::i64, sample));
}

// Runs up to `steps` steps from `step` on, not past the full ones; the last, smaller step by
// itself.
std::int64_t run_steps(FeedPrograms& programs, std::int64_t step, std::int64_t steps) {
  if (step >= programs.plan.full) {
    programs.run_remainder->run(1);
    return 1;
  }
  const std::int64_t count = std::min(steps, programs.plan.full - step);
  programs.run_full->run(count);
  return count;
}

class ResidentFeeder final : public Feeder {
 public:
  ResidentFeeder(Store& store, FeedPrograms& programs, const data::Split& split)
      : store_(store), programs_(programs) {
    store.bind(store.find(programs.feed.samples), split.samples);
    store.bind(store.find(programs.feed.labels), split.labels);
  }
  void set_order(HostTensor order) override {
    store_.write(store_.find(programs_.feed.order), order);
  }
  void seek(std::int64_t step) override {
    step_ = step;
    write_offset(store_, programs_, step * programs_.plan.batch);
  }
  std::int64_t run(std::int64_t steps) override {
    const std::int64_t count = run_steps(programs_, step_, steps);
    step_ += count;
    return count;
  }

 private:
  Store& store_;
  FeedPrograms& programs_;
  std::int64_t step_ = 0;
};

// The rows of some steps, gathered.
struct Piece {
  std::shared_ptr<HostTensor> samples, labels;
  std::int64_t first = 0, last = 0;  // steps; empty: free to be filled
};

std::int64_t steps_of_a_piece(const data::RowFile& file, const EpochPlan& plan) {
  return std::clamp<std::int64_t>(kPieceBytes / (plan.batch * file.row_bytes()), 1, plan.steps());
}

class StreamFeeder final : public Feeder {
 public:
  StreamFeeder(Store& store, FeedPrograms& programs, const data::Split& split)
      : store_(store),
        programs_(programs),
        split_(split),
        piece_steps_(steps_of_a_piece(*split.file, programs.plan)) {
    // Inside a piece rows lie in the order they are read.
    HostTensor order(DType::i32, Shape{piece_steps_ * programs.plan.batch});
    const auto rows = order.as<std::int32_t>();
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int32_t>(i);
    store.write(store.find(programs.feed.order), order);
  }
  ~StreamFeeder() override { stop(); }

  void set_order(HostTensor order) override {
    stop();
    order_ = std::move(order);
  }

  void seek(std::int64_t step) override {
    stop();
    step_ = step;
    for (Piece& piece : ring_) {
      if (!piece.samples) make(piece);
      piece.first = piece.last = 0;
    }
    taken_ = 0;
    stopping_ = false;
    failure_ = nullptr;
    reader_ = std::thread([this, step] { read_ahead(step); });
  }

  std::int64_t run(std::int64_t steps) override {
    Piece& piece = piece_of_next_step();
    const std::int64_t count = run_steps(programs_, step_, std::min(steps, piece.last - step_));
    step_ += count;
    if (step_ == piece.last) release(piece);
    if (step_ == programs_.plan.steps()) stop();
    return count;
  }

  std::int64_t ring_bytes() const override {
    return kPieces * piece_steps_ * programs_.plan.batch * split_.file->row_bytes();
  }

 private:
  void make(Piece& piece) const {
    Shape shape = split_.file->shape();
    shape[0] = piece_steps_ * programs_.plan.batch;
    piece.samples = std::make_shared<HostTensor>(split_.file->dtype(), shape);
    piece.labels = std::make_shared<HostTensor>(DType::i32, Shape{shape[0]});
  }

  Piece& piece_of_next_step() {
    Piece& piece = ring_[static_cast<std::size_t>(taken_ % kPieces)];
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return piece.last > piece.first || failure_ != nullptr; });
      if (piece.last == piece.first) std::rethrow_exception(failure_);
    }
    if (step_ == piece.first || !bound_) {
      store_.bind(store_.find(programs_.feed.samples), piece.samples);
      store_.bind(store_.find(programs_.feed.labels), piece.labels);
      write_offset(store_, programs_, (step_ - piece.first) * programs_.plan.batch);
      bound_ = true;
    }
    return piece;
  }

  void release(Piece& piece) {
    const std::lock_guard lock(mutex_);
    piece.first = piece.last = 0;
    bound_ = false;
    ++taken_;
    changed_.notify_all();
  }

  // The reader's thread.
  void read_ahead(std::int64_t step) {
    try {
      for (std::int64_t number = 0; step < programs_.plan.steps(); ++number) {
        Piece& piece = ring_[static_cast<std::size_t>(number % kPieces)];
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return stopping_ || piece.last == piece.first; });
          if (stopping_) return;
        }
        const std::int64_t last = std::min(step + piece_steps_, programs_.plan.steps());
        fill(piece, step, last);
        const std::lock_guard lock(mutex_);
        piece.first = step;
        piece.last = last;
        step = last;
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  void fill(Piece& piece, std::int64_t first, std::int64_t last) const {
    const EpochPlan& plan = programs_.plan;
    const std::int64_t begin = first * plan.batch,
                       end = std::min(last * plan.batch, plan.samples());
    const auto rows = order_.as<std::int32_t>().subspan(static_cast<std::size_t>(begin),
                                                        static_cast<std::size_t>(end - begin));
    split_.file->read(rows, piece.samples->bytes.data());
    const auto labels = split_.labels->as<std::int32_t>();
    const auto out = piece.labels->as<std::int32_t>();
    for (std::size_t i = 0; i < rows.size(); ++i)
      out[i] = labels[static_cast<std::size_t>(rows[i])];
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (reader_.joinable()) reader_.join();
    bound_ = false;
  }

  Store& store_;
  FeedPrograms& programs_;
  const data::Split split_;
  const std::int64_t piece_steps_;
  HostTensor order_;
  std::array<Piece, kPieces> ring_;
  std::int64_t step_ = 0;   // the next one to run
  std::int64_t taken_ = 0;  // pieces used up since seek()
  bool bound_ = false;      // the piece of the next step is the store's table

  std::mutex mutex_;  // pieces' extents, stopping_, failure_
  std::condition_variable changed_;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::thread reader_;
};

}  // namespace

void set_tables(const data::Split& split, const EpochPlan& plan, nn::BatchGeometry& geometry) {
  geometry.rows = split.size();
  geometry.order = plan.entries;
  geometry.sample = split.sample();
  geometry.sample_type = split.type();
  if (split.file) geometry.rows = geometry.order = steps_of_a_piece(*split.file, plan) * plan.batch;
}

std::unique_ptr<Feeder> make_feeder(Store& store, FeedPrograms& programs,
                                    const data::Split& split) {
  if (split.file) return std::make_unique<StreamFeeder>(store, programs, split);
  return std::make_unique<ResidentFeeder>(store, programs, split);
}

}  // namespace treino::train
