// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/schedule.h"

#include <algorithm>

namespace treino::cpu {

namespace {

constexpr double kTiny = 4000;        // nanoseconds of a phase that may join a chain
constexpr double kLongChain = 20000;  // and of a whole chain

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
    const bool tiny = phase.slices == 1 && phase.nanoseconds <= kTiny;
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

// Hands out work in equal shares of the estimated time, neighbouring slices to one worker.
class Sharing {
 public:
  Sharing(Level& level, int workers, double total) : level_(level), share_(total / workers) {
    level_.shares.resize(static_cast<std::size_t>(workers));
  }

  void add(const Cluster& cluster) {
    std::vector<Stage> stages;
    for (const Phase* phase : cluster.phases) stages.push_back({phase->run, phase->state});
    const Index slices = cluster.phases[0]->slices;
    const double each = cluster.nanoseconds / static_cast<double>(slices);
    Index slice = 0;
    while (slice < slices) {
      const std::size_t worker = worker_at(done_ + each / 2);
      Index end = slice;
      do {
        ++end;
        done_ += each;
      } while (end < slices && worker_at(done_ + each / 2) == worker);
      Share& share = level_.shares[worker];
      share.tasks.push_back({stages, slice, end});
      share.slices += end - slice;
      slice = end;
    }
    level_.slices += slices;
  }

 private:
  std::size_t worker_at(double time) const {
    const auto last = static_cast<double>(level_.shares.size() - 1);
    return static_cast<std::size_t>(std::clamp(time / share_ - 1e-6, 0.0, last));
  }

  Level& level_;
  double share_;
  double done_ = 0;
};

}  // namespace

std::vector<Level> make_levels(const std::vector<Phase>& phases, int workers) {
  Clusters clusters;
  for (const Phase& phase : phases) clusters.add(phase);
  int count = 0;
  for (const Cluster& cluster : clusters.all()) count = std::max(count, cluster.level + 1);
  std::vector<Level> levels(static_cast<std::size_t>(count));
  for (int number = 0; number < count; ++number) {
    double total = 0;
    for (const Cluster& cluster : clusters.all()) {
      if (cluster.level == number && !cluster.phases.empty()) total += cluster.nanoseconds;
    }
    Sharing sharing(levels[static_cast<std::size_t>(number)], workers, std::max(total, 1.0));
    for (const Cluster& cluster : clusters.all()) {
      if (cluster.level != number || cluster.phases.empty()) continue;
      sharing.add(cluster);
    }
  }
  return levels;
}

std::vector<Level> make_profile_levels(const std::vector<Phase>& phases, int workers) {
  std::vector<Level> levels(phases.size());
  for (std::size_t i = 0; i < phases.size(); ++i) {
    Sharing(levels[i], workers, std::max(phases[i].nanoseconds, 1.0))
        .add({{&phases[i]}, 0, phases[i].nanoseconds, false});
  }
  return levels;
}

}  // namespace treino::cpu
