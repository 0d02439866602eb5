// SPDX-License-Identifier: Apache-2.0
// Connectionist temporal classification [Graves2006]: labels without alignment. The loss, two decoders and
// error rates. A path gives one class a frame; repeated classes are merged, then blanks (class 0) are taken
// out.
#pragma once

#include <span>
#include <vector>

#include "deltahop/train/torch.h"

namespace deltahop {

constexpr int64_t kBlank = 0;
using LabelSequence = std::vector<int64_t>;

// The mean over the batch of -log p(labels) / number of labels. logits [B, T, C], lengths [B] (undefined: all
// T), labels [B, L] of classes from 1, padded with anything behind label_lengths [B]. A sequence too short
// for its labels counts 0.
torch::Tensor mean_ctc_loss(const torch::Tensor& logits, const torch::Tensor& lengths,
                            const torch::Tensor& labels, const torch::Tensor& label_lengths);

// The labels of the most probable path. scores [T, C]: logits or logarithms of probabilities.
LabelSequence greedy_labels(const torch::Tensor& scores);

struct CtcHypothesis {
  LabelSequence labels;
  double log_probability = 0;
};
// The most probable label sequences, best first, by a search that keeps the `beam` best prefixes after every
// frame, each with all its paths. With a beam that nothing falls out of, the probabilities are exact.
std::vector<CtcHypothesis> beam_labels(const torch::Tensor& scores, size_t beam);

// The least number of insertions, deletions and replacements that turn one into the other.
int64_t edit_distance(std::span<const int64_t> a, std::span<const int64_t> b);
int64_t edit_distance(std::span<const LabelSequence> a, std::span<const LabelSequence> b);  // of words

struct ErrorRate {
  int64_t errors = 0, wanted = 0;  // edits; labels (or words) that were wanted
  double fraction() const {
    return wanted > 0 ? static_cast<double>(errors) / static_cast<double>(wanted) : 0;
  }
};
// Over all sequences together.
ErrorRate label_error_rate(const std::vector<LabelSequence>& found, const std::vector<LabelSequence>& wanted);
// Words are what stands between separators.
ErrorRate word_error_rate(const std::vector<LabelSequence>& found, const std::vector<LabelSequence>& wanted,
                          int64_t separator);

}  // namespace deltahop
