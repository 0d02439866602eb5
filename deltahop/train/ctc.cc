// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/ctc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_sum(double a, double b) {
  const double larger = std::max(a, b);
  return larger == kNever ? kNever : larger + std::log1p(std::exp(std::min(a, b) - larger));
}

// Logarithms of the probabilities of the paths of one prefix, by how they end.
struct Ends {
  double in_blank = kNever, in_label = kNever;
  double together() const { return log_sum(in_blank, in_label); }
};
using Prefixes = std::map<LabelSequence, Ends>;

// All prefixes after one more frame.
Prefixes extended(const Prefixes& prefixes, const double* frame, int64_t classes) {
  Prefixes next;
  for (const auto& [labels, ends] : prefixes) {
    Ends& same = next[labels];
    same.in_blank = log_sum(same.in_blank, ends.together() + frame[kBlank]);
    if (!labels.empty()) same.in_label = log_sum(same.in_label, ends.in_label + frame[labels.back()]);
    for (int64_t label = 0; label < classes; ++label) {
      if (label == kBlank) continue;
      // The same label again is a new one only behind a blank.
      const bool repeats = !labels.empty() && labels.back() == label;
      const double before = repeats ? ends.in_blank : ends.together();
      if (before == kNever) continue;
      LabelSequence longer = labels;
      longer.push_back(label);
      Ends& grown = next[std::move(longer)];
      grown.in_label = log_sum(grown.in_label, before + frame[label]);
    }
  }
  return next;
}

std::vector<CtcHypothesis> ranked(const Prefixes& prefixes) {
  std::vector<CtcHypothesis> all;
  for (const auto& [labels, ends] : prefixes) all.push_back({labels, ends.together()});
  std::stable_sort(all.begin(), all.end(), [](const CtcHypothesis& a, const CtcHypothesis& b) {
    return a.log_probability > b.log_probability;
  });
  return all;
}

template <class T>
int64_t distance(std::span<const T> a, std::span<const T> b) {
  std::vector<int64_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::vector<LabelSequence> words_of(const LabelSequence& labels, int64_t separator) {
  std::vector<LabelSequence> words;
  LabelSequence word;
  for (const int64_t label : labels) {
    if (label != separator) {
      word.push_back(label);
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

}  // namespace

torch::Tensor mean_ctc_loss(const torch::Tensor& logits, const torch::Tensor& lengths,
                            const torch::Tensor& labels, const torch::Tensor& label_lengths) {
  const torch::Tensor frames =
      lengths.defined() ? lengths : torch::full({logits.size(0)}, logits.size(1), torch::kInt64);
  return torch::ctc_loss(logits.log_softmax(2).transpose(0, 1), labels, frames, label_lengths, kBlank,
                         at::Reduction::Mean, /*zero_infinity=*/true);
}

LabelSequence greedy_labels(const torch::Tensor& scores) {
  const torch::Tensor best = scores.argmax(1);
  LabelSequence labels;
  int64_t before = kBlank;
  for (int64_t t = 0; t < best.numel(); ++t) {
    const int64_t label = best[t].item<int64_t>();
    if (label != kBlank && label != before) labels.push_back(label);
    before = label;
  }
  return labels;
}

std::vector<CtcHypothesis> beam_labels(const torch::Tensor& scores, size_t beam) {
  DELTAHOP_CHECK(scores.dim() == 2 && beam > 0);
  const torch::Tensor frames = scores.detach().to(torch::kFloat64).log_softmax(1).contiguous();
  Prefixes prefixes;
  prefixes[{}].in_blank = 0;
  for (int64_t t = 0; t < frames.size(0); ++t) {
    prefixes = extended(prefixes, frames.data_ptr<double>() + t * frames.size(1), frames.size(1));
    if (prefixes.size() <= beam) continue;
    Prefixes kept;
    const std::vector<CtcHypothesis> best = ranked(prefixes);
    for (size_t k = 0; k < beam; ++k) kept[best[k].labels] = prefixes[best[k].labels];
    prefixes = std::move(kept);
  }
  return ranked(prefixes);
}

int64_t edit_distance(std::span<const int64_t> a, std::span<const int64_t> b) { return distance(a, b); }
int64_t edit_distance(std::span<const LabelSequence> a, std::span<const LabelSequence> b) {
  return distance(a, b);
}

ErrorRate label_error_rate(const std::vector<LabelSequence>& found,
                           const std::vector<LabelSequence>& wanted) {
  DELTAHOP_CHECK(found.size() == wanted.size());
  ErrorRate rate;
  for (size_t k = 0; k < found.size(); ++k) {
    rate.errors += distance<int64_t>(found[k], wanted[k]);
    rate.wanted += std::ssize(wanted[k]);
  }
  return rate;
}

ErrorRate word_error_rate(const std::vector<LabelSequence>& found, const std::vector<LabelSequence>& wanted,
                          int64_t separator) {
  DELTAHOP_CHECK(found.size() == wanted.size());
  ErrorRate rate;
  for (size_t k = 0; k < found.size(); ++k) {
    const std::vector<LabelSequence> ours = words_of(found[k], separator),
                                     theirs = words_of(wanted[k], separator);
    rate.errors += distance<LabelSequence>(ours, theirs);
    rate.wanted += std::ssize(theirs);
  }
  return rate;
}

}  // namespace deltahop
