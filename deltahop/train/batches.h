// SPDX-License-Identifier: Apache-2.0
// Examples batch by batch. Training batches are shuffled, augmented and made by a second thread while the
// first one trains; they depend on (seed, epoch) alone.
//   const auto batches = training_batches(data, {.size = 64, .seed = 1, .epoch = 3});
//   for (Examples batch; batches->next(batch);) ...
#pragma once

#include <memory>
#include <vector>

#include "deltahop/train/dataset.h"

namespace deltahop {

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // False at the end. Throws what making the batch threw.
  virtual bool next(Examples& batch) = 0;
  virtual int64_t count() const = 0;  // of batches
};

struct BatchOptions {
  int64_t size = 64;  // examples; the last batch may be smaller
  uint64_t seed = 0;
  int64_t epoch = 0;
  std::vector<double> snr_dB = {};  // for the noise that is mixed in; empty: as the section says
};

// One epoch. Sequences come in batches of similar lengths, cut to the longest of the batch, `lengths` true.
// `data` must outlive the source.
std::unique_ptr<BatchSource> training_batches(const Dataset& data, const BatchOptions& options);
// In order, nothing added; sequences cut to the longest of the batch.
std::unique_ptr<BatchSource> plain_batches(const Examples& examples, int64_t size);

// Which examples each batch of an epoch holds.
std::vector<std::vector<int64_t>> batch_plan(const Examples& examples, const BatchOptions& options);

// The validation examples with noise at these ratios, drawn by the seed: what a stage of SnrCurriculum is
// judged by. Unchanged where no noise is mixed in.
Examples noisy_validation(const Dataset& data, const std::vector<double>& snr_dB, uint64_t seed);

}  // namespace deltahop
