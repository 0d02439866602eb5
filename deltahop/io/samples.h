// SPDX-License-Identifier: Apache-2.0
// Inputs for networks: pictures and arrays with their labels, opened by path, loaded one by one. How pixels
// become numbers is declared, never guessed.
//   const auto samples = open_samples("pictures/", {.labels = "samples.csv"});
//   Sample sample = samples->load(0);              // decoded pixels
//   Tensor input = prepared(sample, preprocessing, {1, 3, 224, 224});
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct Sample {
  std::string name;  // file name or index
  Tensor values;     // uint8 [H, W, C] for pictures (C is 1 or 3, RGB); arrays as stored
  bool is_picture = false;
  std::optional<int64_t> label;
};

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual int64_t size() const = 0;
  virtual Sample load(int64_t index) const = 0;  // throws Error naming the file
  virtual std::string description() const = 0;   // "folder of 100 pictures, labelled", for reports
};

struct SampleOptions {
  std::string
      labels;  // CSV with columns file and class_index (or file,label), IDX or NPY labels; "" finds none
  int64_t limit = -1;  // at most this many; -1: all
};

// A PNG or JPEG; a folder of them (sorted by name); a text list of paths, each optionally followed by a
// label; IDX (plain or gzip); CIFAR binary; a `.jpegs` container with its `.csv`; NPY; NPZ (x_test/y_test or
// inputs/labels).
std::unique_ptr<SampleSource> open_samples(const std::filesystem::path& path,
                                           const SampleOptions& options = {});

struct Preprocessing {
  int64_t resize_short_side = 0;  // 0: none
  std::optional<Shape> resize;    // exact [rows, columns]
  bool center_crop = false;       // to the network's input size
  std::string channels = "rgb";   // "rgb", "bgr", "gray"
  std::string layout = "nchw";    // "nchw", "nhwc"
  std::vector<double> mean;       // subtracted, in pixel units (0..255), one or one a channel
  std::vector<double> scale;      // multiplied after the mean, one or one a channel; empty: 1
};

// Reads keys resize_short_side, resize, crop (center), channels, layout, mean, scale (numbers or fractions,
// '1/255'). Faults are noted in `config`: the caller asks config.finish().
Preprocessing read_preprocessing(const Config& config);
// The same from YAML text, as a network carries it in its metadata under "preprocessing"; throws Error on
// faults.
Preprocessing parse_preprocessing(std::string_view text, std::string_view name);
std::string to_text(const Preprocessing& preprocessing);

// The network's input, float32, of `shape` ([1, C, H, W] or [1, H, W, C] as the layout says, or flat).
// Pictures are resized bilinearly with antialiasing (see resize.h), the long side rounded to the
// nearest pixel; cropped at the centre, of an odd rest the smaller half at the top and on the left; grey ones
// copied to three channels where three are asked for, colours made grey by ITU-R 601 for channels: gray.
// Arrays are taken as stored: their shape must be the network's but for dimensions of 1. Throws Error where
// the picture is of another size and no resize or crop is declared.
Tensor prepared(const Sample& sample, const Preprocessing& preprocessing, const Shape& shape);

}  // namespace deltahop
