// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/resample.h"

#include <samplerate.h>

#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr size_t kBlock = 256;  // samples; what a live stream waits for

}  // namespace

struct Resampler::State {
  State() {
    int fault = 0;
    state = src_new(SRC_SINC_BEST_QUALITY, 1, &fault);
    if (state == nullptr)
      throw Error("sample rate", fmt::format("cannot be changed: {}", src_strerror(fault)));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { src_delete(state); }
  SRC_STATE* state = nullptr;
};

Resampler::Resampler(int64_t from_Hz, int64_t to_Hz) {
  if (from_Hz < 1 || to_Hz < 1 || from_Hz / to_Hz >= 256 || to_Hz / from_Hz >= 256)
    throw Error("sample rate", fmt::format("cannot turn {} Hz into {} Hz", from_Hz, to_Hz),
                "both must be positive and differ by less than a factor of 256");
  ratio_ = static_cast<double>(to_Hz) / static_cast<double>(from_Hz);
  if (from_Hz != to_Hz) state_ = std::make_unique<State>();
  produced_.resize(static_cast<size_t>(std::ceil(kBlock * ratio_)) + 1);
}
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;
Resampler::~Resampler() = default;

void Resampler::process(std::span<const float> block, bool last, std::vector<float>& out) {
  SRC_DATA data = {};
  data.data_in = block.data();
  data.input_frames = static_cast<long>(block.size());
  data.data_out = produced_.data();
  data.output_frames = static_cast<long>(produced_.size());
  data.src_ratio = ratio_;
  data.end_of_input = last ? 1 : 0;
  do {
    const int fault = src_process(state_->state, &data);
    if (fault != 0) throw Error("sample rate", fmt::format("cannot be changed: {}", src_strerror(fault)));
    out.insert(out.end(), produced_.begin(), produced_.begin() + data.output_frames_gen);
    data.data_in += data.input_frames_used;
    data.input_frames -= data.input_frames_used;
  } while (data.input_frames > 0 || data.output_frames_gen > 0);
}

void Resampler::push(std::span<const float> samples, std::vector<float>& out) {
  if (!state_) {
    out.insert(out.end(), samples.begin(), samples.end());
    return;
  }
  pending_.insert(pending_.end(), samples.begin(), samples.end());
  size_t used = 0;
  for (; pending_.size() - used >= kBlock; used += kBlock)
    process(std::span(pending_).subspan(used, kBlock), false, out);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(used));
}

void Resampler::finish(std::vector<float>& out) {
  if (!state_) return;
  process(pending_, true, out);
  pending_.clear();
  src_reset(state_->state);
}

std::vector<float> resampled(std::span<const float> samples, int64_t from_Hz, int64_t to_Hz) {
  Resampler resampler(from_Hz, to_Hz);
  std::vector<float> out;
  resampler.push(samples, out);
  resampler.finish(out);
  return out;
}

}  // namespace deltahop
