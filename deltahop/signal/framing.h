// SPDX-License-Identifier: Apache-2.0
// Overlapping frames out of a stream of samples, however the stream is cut into pieces.
//   Framer framer({.length = 400, .hop = 160});
//   framer.push(samples);
//   while (framer.next(frame)) ...
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace deltahop {

enum class Padding : uint8_t {
  none,     // the first frame starts at sample 0; only whole frames
  past,     // length - hop zeros come first: a frame for every hop samples, none of it in the future
  centered  // frame t is centred at sample t * hop: length / 2 zeros at both ends
};
const std::vector<std::string>& padding_names();

struct FrameOptions {
  int64_t length = 400;  // samples
  int64_t hop = 160;
  Padding padding = Padding::none;
};

// How long a recording is to be for this many frames: where more of it comes, it is cut there before anything
// else is computed, so that nothing behind the last frame has a say in normalisation or deltas.
int64_t samples_of_frames(const FrameOptions& options, int64_t frames);

class Framer {
 public:
  // Throws Error (place: "frame") unless 1 <= length <= 2^20 and 1 <= hop <= 2^20.
  explicit Framer(const FrameOptions& options);

  void push(std::span<const float> samples);
  void finish();  // no more samples come: centred frames get their zeros
  void reset();
  // Copies the next frame if it is complete. frame: [length].
  bool next(std::span<float> frame);

 private:
  void append_zeros(int64_t count);

  FrameOptions options_;
  std::vector<float> pending_;
  size_t start_ = 0;  // of the next frame in pending_; beyond its end where hop > length
};

}  // namespace deltahop
