// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/framing.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

const std::vector<std::string>& padding_names() {
  static const std::vector<std::string> names = {"none", "past", "centered"};
  return names;
}

int64_t samples_of_frames(const FrameOptions& options, int64_t frames) {
  const int64_t last = (frames - 1) * options.hop + options.length;  // its end, zeros in front included
  switch (options.padding) {
    case Padding::past:
      return last - std::max<int64_t>(options.length - options.hop, 0);
    case Padding::centered:  // as much as gives no frame more
      return last - 2 * (options.length / 2) + options.hop - 1;
    case Padding::none:
      break;
  }
  return last;
}

Framer::Framer(const FrameOptions& options) : options_(options) {
  constexpr int64_t kMost = int64_t{1} << 20;
  for (const int64_t size : {options.length, options.hop}) {
    if (size < 1 || size > kMost)
      throw Error("frame", fmt::format("length {} and hop {} samples", options.length, options.hop),
                  fmt::format("both must lie between 1 and {}", kMost));
  }
  reset();
}

void Framer::append_zeros(int64_t count) {
  pending_.resize(pending_.size() + static_cast<size_t>(std::max<int64_t>(count, 0)));
}

void Framer::reset() {
  pending_.clear();
  start_ = 0;
  if (options_.padding == Padding::past) append_zeros(options_.length - options_.hop);
  if (options_.padding == Padding::centered) append_zeros(options_.length / 2);
}

void Framer::push(std::span<const float> samples) {
  if (start_ > 0) {
    const size_t used = std::min(start_, pending_.size());
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(used));
    start_ -= used;
  }
  pending_.insert(pending_.end(), samples.begin(), samples.end());
}

void Framer::finish() {
  if (options_.padding == Padding::centered) append_zeros(options_.length / 2);
}

bool Framer::next(std::span<float> frame) {
  const auto length = static_cast<size_t>(options_.length);
  DELTAHOP_CHECK(frame.size() == length);
  if (start_ + length > pending_.size()) return false;
  std::copy_n(pending_.begin() + static_cast<std::ptrdiff_t>(start_), length, frame.begin());
  start_ += static_cast<size_t>(options_.hop);
  return true;
}

}  // namespace deltahop
