// SPDX-License-Identifier: Apache-2.0
// One sample rate into another by libsamplerate's best band-limited interpolation. A stream in pieces of any
// size and a whole file give the same numbers: inside, the library always gets blocks of one size.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace deltahop {

class Resampler {
 public:
  // One channel. Throws Error (place: "sample rate") unless both rates are positive and within a factor of
  // 256.
  Resampler(int64_t from_Hz, int64_t to_Hz);
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;
  ~Resampler();

  void push(std::span<const float> samples, std::vector<float>& out);  // appends
  void finish(std::vector<float>& out);                                // appends the rest, then starts anew

 private:
  struct State;
  void process(std::span<const float> block, bool last, std::vector<float>& out);

  double ratio_;
  std::unique_ptr<State> state_;  // null where the rates are equal
  std::vector<float> pending_, produced_;
};

std::vector<float> resampled(std::span<const float> samples, int64_t from_Hz, int64_t to_Hz);

}  // namespace deltahop
