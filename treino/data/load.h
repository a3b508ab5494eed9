// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "treino/data/dataset.h"

namespace treino::data {

// Told about long work (downloads), so that a command line can draw it. Calls come from one thread.
class Progress {
 public:
  virtual ~Progress() = default;
  // `total` is 0 when the server does not say.
  virtual void downloading(const std::string& file, std::int64_t bytes, std::int64_t total) = 0;
  virtual void note(const std::string& line) = 0;
};

struct LoadOptions {
  std::string folder;          // --data DIR: look here and nowhere else
  bool download = true;        // false: only what is on this machine
  std::uint64_t seed = 1;      // of splits for sets that come without a test part
  double test_fraction = 0.2;  // of such splits
  std::int64_t image_size = 0; // image folders: resize to a square; 0 = all must be alike
  int channels = 3;            // image folders: 1 or 3
  Progress* progress = nullptr;
};

// Reads a data set: a catalogue name ("mnist"), a generated one ("generated:blobs"), or the path of a
// folder (class-per-folder images, IDX or CIFAR files) or a .csv file. A name is looked for in
// options.folder, $TREINO_DATA/<name>, the cache, the system's folder, and then downloaded.
// Throws Error naming file, place and remedy.
Dataset load(const std::string& name_or_path, const LoadOptions& options = {});

// One set of the catalogue, as `treino data list` shows it.
struct Entry {
  std::string name, title, licence, citation;
  std::int64_t train = 0, test = 0;
  int classes = 0;
  std::string folder;  // where its files are now; empty when they are not on this machine
};
std::vector<Entry> list();

// The folder where a set's files are; empty when they are not on this machine.
std::string path(const std::string& name);
// Downloads a set's files into the cache (unless they are there) and returns their folder.
std::string get(const std::string& name, const LoadOptions& options = {});
// One line a file: its name and "ok", "missing" or "differs". Throws Error::mistake for an unknown set.
struct Verdict {
  std::string file;
  std::string state;
};
std::vector<Verdict> verify(const std::string& name);

// Hex SHA-256 over the decoded set: training samples, training labels, test samples, test labels;
// samples as they are in memory (8-bit NHWC, or f32), labels as one byte each (four when there are
// more than 256 classes).
std::string digest(const Dataset& dataset);

// A picture file (PNG or JPEG) as u8 [height, width, channels]; channels 0 = as the file has (1 or 3).
HostTensor read_image(const std::string& path, int channels = 0);
// Bilinear resize of u8 [h, w, c].
HostTensor resize_image(const HostTensor& image, std::int64_t height, std::int64_t width);

// A sheet of the first samples of each class, `columns` a class, as u8 [h, w, 3], and writing PNG.
HostTensor sample_sheet(const Dataset& dataset, int columns = 10);
void write_png(const std::string& path, const HostTensor& image);

}  // namespace treino::data
