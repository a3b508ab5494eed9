// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "treino/data/dataset.h"

namespace treino::data {

// Told about long work, so that a command line can draw it. Calls come from one thread.
class Progress {
 public:
  virtual ~Progress() = default;
  // `total` is 0 when the server does not say; bytes count what an earlier try had fetched.
  virtual void downloading(const std::string& file, std::int64_t bytes, std::int64_t total) = 0;
  virtual void note(const std::string& line) = 0;
};

// How pictures come to one size.
struct Geometry {
  enum Fit : std::uint8_t {
    as_is,   // they must all be alike
    resize,  // stretched
    crop,    // scaled until they cover the size, then the middle is cut out
    pad,     // scaled until they fit into the size, black around
  };
  Fit fit = as_is;
  std::int64_t height = 0, width = 0;
};

// How long a server may keep us waiting before the next address is tried.
struct Patience {
  int connect_seconds = 8;
  int stall_seconds = 20;  // with less than 1,000 bytes a second
};

// Whether samples stay in their file: only where they are more than half the memory there is,
// always, or never.
enum class Stream : std::uint8_t { when_large, always, never };

struct LoadOptions {
  std::string folder;          // --data DIR: look here and nowhere else
  bool download = true;        // false: only what is on this machine
  std::uint64_t seed = 1;      // of splits for sets that come without a test part
  double test_fraction = 0.2;  // of such splits, from each class
  Geometry geometry;           // of pictures; as_is: the catalogue's, else they must be alike
  int channels = 0;            // of pictures: 1, 3, or 0 = 1 where all are gray, else 3
  std::string label;    // a table's label column by name; empty: "label", "class" or the last
  bool strict = false;  // a broken picture is an error; else it is left out and listed
  bool index = true;    // keep large decoded sets in the cache and read them from there
  std::string mirror;   // downloads: tried first, as <mirror>/<set>/<file>; else $TREINO_MIRROR
  Stream stream = Stream::when_large;  // sets of one .safetensors file
  Patience patience;
  Progress* progress = nullptr;
};

// Reads a data set: a catalogue name ("mnist", "cifar100:coarse"), a generated one
// ("generated:blobs"), or the path of a folder (class-per-folder images, IDX or CIFAR files, .npy
// arrays) or of a file (.csv, .tsv, .npz, .safetensors). A name is looked for in options.folder,
// $TREINO_DATA/<name>, the cache, the system's folder, and then downloaded.
// Throws Error naming file, place and remedy.
Dataset load(const std::string& name_or_path, const LoadOptions& options = {});

enum class Kind : std::uint8_t { images, table, text, questions };
std::string_view to_string(Kind kind);

// One set of the catalogue, as `treino data list` shows it.
struct Entry {
  std::string name, title, licence, citation;
  Kind kind = Kind::images;
  std::string sample;  // "28 x 28 x 1"
  std::int64_t train = 0, test = 0;
  int classes = 0;
  std::int64_t bytes = 0;              // to fetch
  std::vector<std::string> addresses;  // official first
  std::string recipe;                  // that trains it; empty when none does yet
  std::string variant;                 // other labels: "coarse"
  std::string folder;                  // where its files are; empty when not on this machine
};
std::vector<Entry> list();

// The folder where a set's files are; empty when they are not on this machine.
std::string path(const std::string& name);
// $XDG_CACHE_HOME/treino, else ~/.cache/treino.
std::string cache_root();

// Downloads a set's files into the cache, unless they are on this machine already (then nothing is
// asked of the network), and returns their folder. `refresh`: fetches them anew.
std::string get(const std::string& name, const LoadOptions& options = {}, bool refresh = false);
// Deletes a set's files from the cache (nowhere else); returns the bytes freed.
std::int64_t remove(const std::string& name);

// One line a file: its name and "ok", "missing" or "differs". Throws Error::mistake for an unknown
// set.
struct Verdict {
  std::string file;
  std::string state;
};
std::vector<Verdict> verify(const std::string& name, const std::string& folder = "");

// Hex SHA-256 over the decoded set: training samples, training labels, test samples, test labels;
// samples as they are in memory (8-bit NHWC, or f32; texts one after the other, each ended by a
// zero byte), labels as one byte each (four when there are more than 256 classes).
std::string digest(const Dataset& dataset);

// A picture file (PNG or JPEG) as u8 [height, width, channels], turned as its EXIF data say;
// channels 0 = as the file has (1 or 3).
HostTensor read_image(const std::string& path, int channels = 0);
// Of u8 [h, w, c]: bilinear, averaging over the pixels that fall into one when it shrinks.
HostTensor resize_image(const HostTensor& image, std::int64_t height, std::int64_t width);
HostTensor fit_image(const HostTensor& image, const Geometry& geometry);

// A sheet of the first samples of each class, `columns` a class, as u8 [h, w, 3], and writing PNG.
HostTensor sample_sheet(const Dataset& dataset, int columns = 10);
void write_png(const std::string& path, const HostTensor& image);

// What a set holds, in lines for people: samples a class, sizes, mean and deviation of each channel
// or column, what was left out.
std::vector<std::string> describe(const Dataset& dataset);
// The first `count` training samples of a table or of texts as lines for people, cut to `width`.
std::vector<std::string> sample_rows(const Dataset& dataset, std::int64_t count = 10,
                                     std::size_t width = 100);

}  // namespace treino::data
