// SPDX-License-Identifier: Apache-2.0
// The steps of the sparse engine one after the other, and what stands between its convolutions.
#include <algorithm>
#include <chrono>

#include "deltahop/run/sparse_engine.h"

namespace deltahop {

template <class T>
void SparseEngine<T>::average(const Pooling& pooling, const CodeRounder* rounder, const Dense* in,
                              const MapSize& size, ValueId output) {
  const MapSize out_size = size_of(output);
  if constexpr (kIsInteger) {
    if (pool_average(in, size, pooling, out_size, *rounder, new_dense(output).data())) return;
  }
  sums_.resize(static_cast<size_t>(out_size.size()));
  pool_sums(in, size, pooling, out_size, sums_.data());
  const std::span<Dense> values = new_dense(output);
  if constexpr (kIsInteger) {
    rounder->round(sums_, values.data());
  } else {
    const float factor = 1.0f / static_cast<float>(pooling.rows * pooling.columns);
    for (size_t i = 0; i < values.size(); ++i) values[i] = sums_[i] * factor;
  }
}

template <class T>
void SparseEngine<T>::concatenate(const SparseStep& step, GeneralCode& general) {
  const MapSize size = size_of(step.output);
  std::vector<std::pair<const Dense*, int64_t>> parts;
  for (const ValueId id : step.inputs) parts.emplace_back(dense_of(general, id), size_of(id).channels);
  Dense* to = new_dense(step.output).data();
  for (int64_t pixel = 0; pixel < size.rows * size.columns; ++pixel) {
    for (auto& [from, channels] : parts) {
      to = std::copy_n(from, channels, to);
      from += channels;
    }
  }
}

template <class T>
void SparseEngine<T>::run_step(size_t at, GeneralCode& general) {
  const SparseStep& step = steps_[at];
  const CodeRounder* const rounder = rounders_[at] ? &*rounders_[at] : nullptr;
  switch (step.kind) {
    case SparseStep::Kind::convolution:
      return convolve(at, general);
    case SparseStep::Kind::add: {
      const Dense* const a = dense_of(general, step.inputs[0]);
      const Dense* const b = dense_of(general, step.inputs[1]);
      return add(step, rounder, a, b, new_dense(step.output));
    }
    case SparseStep::Kind::concat:
      if (!step.done_by_inputs) concatenate(step, general);
      return;
    case SparseStep::Kind::max_pool: {
      const Dense* const in = dense_of(general, step.inputs[0]);
      return pool_maximum(in, size_of(step.inputs[0]), *step.pooling, size_of(step.output),
                          new_dense(step.output).data(), size_of(step.output).channels, workers_);
    }
    case SparseStep::Kind::average_pool:
      return average(*step.pooling, rounder, dense_of(general, step.inputs[0]), size_of(step.inputs[0]),
                     step.output);
    case SparseStep::Kind::move: {
      const Dense* const in = dense_of(general, step.inputs[0]);
      const std::span<Dense> out = new_dense(step.output);
      return step.moves.run(in, out.data(), static_cast<int64_t>(out.size()));
    }
    case SparseStep::Kind::general:
      break;
  }
  for (const size_t n : (*stages_)[step.stages[0]].nodes) {
    for (const ValueId id : network_->nodes()[n].inputs) {
      const bool is_inner =
          id != kNoValue && !general.values().has(id) && !slot(id).has_map && !slot(id).has_dense;
      if (!is_inner) provide(general, id);
    }
  }
  general.run_stage(step.stages[0]);
}

template <class T>
void SparseEngine<T>::run_steps(GeneralCode& general) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  workers_.wake_for(usual_seconds_);
  for (Slot& each : slots_) each.has_map = each.has_dense = false;
  for (size_t at = 0; at < steps_.size(); ++at) {
    run_step(at, general);
    if (steps_[at].kind == SparseStep::Kind::general) continue;  // released there
    for (const size_t stage : steps_[at].stages) {
      for (const size_t n : (*stages_)[stage].nodes) general.values().release(network_->nodes()[n]);
    }
  }
  for (const ValueId id : network_->outputs()) provide(general, id);
  other_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  usual_seconds_ = std::min(usual_seconds_, other_seconds);
  for (const SparseLayer& layer : layers) other_seconds -= layer.seconds;
}

template void SparseEngine<uint8_t>::average(const Pooling&, const CodeRounder*, const int8_t*,
                                             const MapSize&, ValueId);
template void SparseEngine<float>::average(const Pooling&, const CodeRounder*, const float*, const MapSize&,
                                           ValueId);
template void SparseEngine<uint8_t>::concatenate(const SparseStep&, GeneralCode&);
template void SparseEngine<float>::concatenate(const SparseStep&, GeneralCode&);
template void SparseEngine<uint8_t>::run_step(size_t, GeneralCode&);
template void SparseEngine<float>::run_step(size_t, GeneralCode&);
template void SparseEngine<uint8_t>::run_steps(GeneralCode&);
template void SparseEngine<float>::run_steps(GeneralCode&);

}  // namespace deltahop
