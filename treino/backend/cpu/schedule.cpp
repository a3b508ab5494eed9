// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/schedule.h"

#include <algorithm>

namespace treino::cpu {

namespace {

constexpr double kLongChain = 20000;  // nanoseconds of a chain of short phases, at most
// Estimated nanoseconds of slices that are claimed together: a claim waits until other cores know
// of all that was stored before it, and who has lost its core is to leave the others most of its
// work.
constexpr double kClaimed = 3000;

// Whether phase b may follow a slice by slice: what both touch, they touch by the same rows.
bool same_rows(const Phase& a, const Phase& b) {
  const auto aligned = [](const std::vector<Extent>& first, const std::vector<Extent>& second) {
    return std::all_of(first.begin(), first.end(), [&](const Extent& x) {
      return std::all_of(second.begin(), second.end(), [&](const Extent& y) {
        return !overlap(x, y) || (x.sliced && y.sliced && same_place(x, y));
      });
    });
  };
  return a.extent > 0 && a.extent == b.extent && a.slices == b.slices &&
         aligned(a.writes, b.reads) && aligned(a.reads, b.writes) && aligned(a.writes, b.writes);
}

// Phases run one after the other on each slice: a chain of tiny ones, or phases that slice the same
// rows.
struct Cluster {
  std::vector<const Phase*> phases;
  int level = 0;
  double nanoseconds = 0;
  bool tiny = false;
};

double slice_time(const Cluster& cluster) {
  return cluster.nanoseconds / static_cast<double>(cluster.phases[0]->slices);
}

bool conflict(const Cluster& cluster, const Phase& phase) {
  return std::any_of(cluster.phases.begin(), cluster.phases.end(),
                     [&](const Phase* other) { return conflict(*other, phase); });
}

class Clusters {
 public:
  void add(const Phase& phase) {
    std::vector<Cluster*> latest;  // of those it must follow
    int level = -1;
    for (Cluster& cluster : all_) {
      if (cluster.level < level || !conflict(cluster, phase)) continue;
      if (cluster.level > level) latest.clear();
      level = cluster.level;
      latest.push_back(&cluster);
    }
    const bool tiny = phase.slices == 1 && phase.nanoseconds <= kShortWork;
    if (tiny ? !join_tiny(phase, latest) : !follow_rows(phase, latest)) {
      all_.push_back({{&phase}, level + 1, phase.nanoseconds, tiny});
    }
  }

  const std::vector<Cluster>& all() const { return all_; }

 private:
  // Makes one chain of all tiny clusters the phase must follow and the phase.
  static bool join_tiny(const Phase& phase, const std::vector<Cluster*>& latest) {
    if (latest.empty()) return false;
    double together = phase.nanoseconds;
    for (const Cluster* cluster : latest) {
      if (!cluster->tiny) return false;
      together += cluster->nanoseconds;
    }
    if (together > kLongChain) return false;
    Cluster& home = *latest[0];
    for (std::size_t i = 1; i < latest.size(); ++i) {
      home.phases.insert(home.phases.end(), latest[i]->phases.begin(), latest[i]->phases.end());
      latest[i]->phases.clear();
    }
    home.phases.push_back(&phase);
    home.nanoseconds = together;
    return true;
  }

  static bool follow_rows(const Phase& phase, const std::vector<Cluster*>& latest) {
    if (latest.size() != 1 || phase.leads) return false;
    Cluster& home = *latest[0];
    if (!std::all_of(home.phases.begin(), home.phases.end(),
                     [&](const Phase* other) { return same_rows(*other, phase); })) {
      return false;
    }
    home.phases.push_back(&phase);
    home.nanoseconds += phase.nanoseconds;
    return true;
  }

  std::vector<Cluster> all_;
};

// Hands out work so that all workers have the same estimated time, as far as slices allow;
// neighbouring slices go to one worker.
class Sharing {
 public:
  Sharing(Level& level, int workers)
      : level_(level),
        loads_(static_cast<std::size_t>(workers)),
        open_(static_cast<std::size_t>(workers), kClaimed) {
    level_.shares.resize(loads_.size());
  }

  // Raises the lowest loads to one height.
  void add(const Cluster& cluster) {
    std::vector<Stage> stages;
    for (const Phase* phase : cluster.phases) stages.push_back({phase->run, phase->state});
    const Index slices = cluster.phases[0]->slices;
    const double total = std::max(cluster.nanoseconds, 1.0);
    const double each = total / static_cast<double>(slices), full = height(total);
    double end = each * 1e-6;  // of what goes to this worker and those before
    Index slice = 0;
    for (std::size_t worker = 0; worker < loads_.size() && slice < slices; ++worker) {
      if (loads_[worker] >= full) continue;
      end += full - loads_[worker];
      const Index begin = slice;
      while (slice < slices && (static_cast<double>(slice) + 0.5) * each <= end) ++slice;
      if (slice == begin) continue;
      Share& share = level_.shares[worker];
      share.tasks.push_back({stages, begin, slice});
      for (Index i = begin; i < slice; ++i) claim(worker, each);
      loads_[worker] += each * static_cast<double>(slice - begin);
    }
  }

 private:
  // One slice more of a worker's share.
  void claim(std::size_t worker, double nanoseconds) {
    Share& share = level_.shares[worker];
    if (open_[worker] >= kClaimed) {
      share.ends.push_back(share.ends.empty() ? 0 : share.ends.back());
      open_[worker] = 0;
      ++level_.units;
    }
    ++share.ends.back();
    open_[worker] += nanoseconds;
  }

  // Up to which `work` fills the loads, the lowest first.
  double height(double work) const {
    std::vector<double> sorted = loads_;
    std::sort(sorted.begin(), sorted.end());
    double sum = work;
    for (std::size_t filled = 1;; ++filled) {
      sum += sorted[filled - 1];
      const double level = sum / static_cast<double>(filled);
      if (filled == sorted.size() || level <= sorted[filled]) return level;
    }
  }

  Level& level_;
  std::vector<double> loads_;  // nanoseconds handed to each worker
  std::vector<double> open_;   // those of its last unit
};

}  // namespace

std::vector<Level> make_levels(const std::vector<Phase>& phases, int workers) {
  Clusters clusters;
  for (const Phase& phase : phases) clusters.add(phase);
  int count = 0;
  for (const Cluster& cluster : clusters.all()) count = std::max(count, cluster.level + 1);
  std::vector<Level> levels(static_cast<std::size_t>(count));
  for (int number = 0; number < count; ++number) {
    std::vector<const Cluster*> here;
    for (const Cluster& cluster : clusters.all()) {
      if (cluster.level == number && !cluster.phases.empty()) here.push_back(&cluster);
    }
    // Long slices first: the short ones even out what they leave, and who is done early has short
    // ones to help with.
    std::sort(here.begin(), here.end(), [](const Cluster* a, const Cluster* b) {
      const double first = slice_time(*a), second = slice_time(*b);
      return first > second || (first == second && a < b);
    });
    Sharing sharing(levels[static_cast<std::size_t>(number)], workers);
    for (const Cluster* cluster : here) sharing.add(*cluster);
  }
  return levels;
}

std::vector<Level> make_profile_levels(const std::vector<Phase>& phases, int workers) {
  std::vector<Level> levels(phases.size());
  for (std::size_t i = 0; i < phases.size(); ++i) {
    Sharing(levels[i], workers).add({{&phases[i]}, 0, phases[i].nanoseconds, false});
  }
  return levels;
}

}  // namespace treino::cpu
