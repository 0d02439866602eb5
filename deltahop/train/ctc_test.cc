// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/ctc.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "deltahop/train/gradient_check_testing.h"

namespace deltahop {
namespace {

// What a path says: repeated classes merged, blanks out.
LabelSequence collapsed(const LabelSequence& path) {
  LabelSequence labels;
  int64_t before = kBlank;
  for (const int64_t label : path) {
    if (label != kBlank && label != before) labels.push_back(label);
    before = label;
  }
  return labels;
}

// The probability of every label sequence, over all paths one by one.
std::map<LabelSequence, double> all_paths(const torch::Tensor& logits) {
  const torch::Tensor p = logits.softmax(1).contiguous();
  const int64_t frames = p.size(0), classes = p.size(1);
  std::map<LabelSequence, double> sums;
  LabelSequence path(static_cast<size_t>(frames), 0);
  for (bool more = true; more;) {
    double probability = 1;
    for (int64_t t = 0; t < frames; ++t)
      probability *= p.data_ptr<double>()[t * classes + path[static_cast<size_t>(t)]];
    sums[collapsed(path)] += probability;
    more = false;
    for (int64_t& label : path) {
      if (++label < classes) {
        more = true;
        break;
      }
      label = 0;
    }
  }
  return sums;
}

TEST(Ctc, TheLossIsTheLogarithmOfAllPathsOfTheLabels) {
  torch::manual_seed(61);
  const torch::Tensor logits = torch::randn({1, 5, 4}, torch::kFloat64);
  const auto paths = all_paths(logits[0]);
  for (const LabelSequence& labels : {LabelSequence{2}, LabelSequence{1, 1}, LabelSequence{3, 1, 2}}) {
    const torch::Tensor wanted = torch::tensor(labels, torch::kInt64).unsqueeze(0);
    const torch::Tensor count = torch::tensor({static_cast<int64_t>(labels.size())}, torch::kInt64);
    EXPECT_NEAR(mean_ctc_loss(logits, {}, wanted, count).item<double>(),
                -std::log(paths.at(labels)) / static_cast<double>(labels.size()), 1e-12);
  }
}

TEST(Ctc, FramesBehindTheEndDoNotCount) {
  torch::manual_seed(62);
  const torch::Tensor logits = torch::randn({2, 6, 4}, torch::kFloat64);
  const torch::Tensor labels = torch::tensor({1, 2}, torch::kInt64).unsqueeze(0);
  const torch::Tensor count = torch::tensor({2}, torch::kInt64);
  EXPECT_DOUBLE_EQ(
      mean_ctc_loss(logits.narrow(0, 0, 1), torch::tensor({4}, torch::kInt64), labels, count).item<double>(),
      mean_ctc_loss(logits.narrow(0, 0, 1).narrow(1, 0, 4), {}, labels, count).item<double>());
}

TEST(Ctc, TheGradientOfTheLossIsItsDifference) {
  torch::manual_seed(63);
  const torch::Tensor labels = torch::tensor({1, 1, 3, 2}, torch::kInt64).view({2, 2});
  const torch::Tensor counts = torch::tensor({2, 2}, torch::kInt64),
                      lengths = torch::tensor({6, 5}, torch::kInt64);
  const auto cost = [&](const std::vector<torch::Tensor>& x) {
    return mean_ctc_loss(x[0], lengths, labels, counts);
  };
  EXPECT_LT(gradient_error(cost, {torch::randn({2, 6, 4}, torch::kFloat64)}), 1e-7);
}

TEST(Ctc, GreedyMergesRepeatsAndTakesBlanksOut) {
  const LabelSequence path = {0, 1, 1, 0, 1, 2, 2, 0, 0, 3};
  torch::Tensor scores = torch::zeros({10, 4});
  for (size_t t = 0; t < path.size(); ++t) scores[static_cast<int64_t>(t)][path[t]] = 1;
  EXPECT_EQ(greedy_labels(scores), (LabelSequence{1, 1, 2, 3}));
}

TEST(Ctc, AWideBeamFindsTheProbabilityOfEveryLabelSequence) {
  torch::manual_seed(64);
  for (int repeat = 0; repeat < 5; ++repeat) {
    const torch::Tensor logits = torch::randn({5, 3}, torch::kFloat64) * 2;
    const auto paths = all_paths(logits);
    const std::vector<CtcHypothesis> found = beam_labels(logits, 100000);
    double sum = 0;
    for (const CtcHypothesis& each : found) {
      EXPECT_NEAR(std::exp(each.log_probability), paths.at(each.labels), 1e-12);
      sum += std::exp(each.log_probability);
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    const auto best = std::max_element(paths.begin(), paths.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    EXPECT_EQ(found.front().labels, best->first);
  }
}

TEST(Ctc, TheBeamFindsLabelsThatTheBestPathMisses) {
  // Hand-worked: two frames, blank 0.6 and label 1 0.4 in each. The best path is blank, blank (0.36); the
  // labels {1} have 0.4 * 0.4 + 2 * 0.4 * 0.6 = 0.64.
  const torch::Tensor scores = torch::log(torch::tensor({0.6, 0.4, 0.6, 0.4}, torch::kFloat64).view({2, 2}));
  EXPECT_EQ(greedy_labels(scores), LabelSequence{});
  const CtcHypothesis best = beam_labels(scores, 4).front();
  EXPECT_EQ(best.labels, LabelSequence{1});
  EXPECT_NEAR(std::exp(best.log_probability), 0.64, 1e-12);
}

TEST(Ctc, ANarrowBeamKeepsSoMany) {
  torch::manual_seed(65);
  EXPECT_EQ(beam_labels(torch::randn({8, 5}, torch::kFloat64), 3).size(), 3u);
}

TEST(Ctc, EditDistancesAreThoseWorkedByHand) {
  const auto distance = [](const LabelSequence& a, const LabelSequence& b) { return edit_distance(a, b); };
  EXPECT_EQ(distance({}, {1, 2}), 2);
  EXPECT_EQ(distance({1, 2, 3}, {1, 3}), 1);
  EXPECT_EQ(distance({11, 9, 20, 20, 5, 14}, {19, 9, 20, 20, 9, 14, 7}), 3);  // kitten, sitting
}

TEST(Ctc, ErrorRatesAreEditsOverWhatWasWanted) {
  const std::vector<LabelSequence> wanted = {{1, 2, 9, 3, 9, 4}, {5}}, found = {{1, 2, 9, 4, 4}, {5}};
  const ErrorRate labels =
      label_error_rate(found, wanted);  // 3 and 9 go; 4 comes twice: one replaced, one taken out
  EXPECT_EQ(labels.errors, 2);
  EXPECT_EQ(labels.wanted, 7);
  const ErrorRate words = word_error_rate(found, wanted, 9);  // {1 2} {3} {4} against {1 2} {4 4}; {5}
  EXPECT_EQ(words.errors, 2);
  EXPECT_EQ(words.wanted, 4);
  EXPECT_DOUBLE_EQ(words.fraction(), 0.5);
}

}  // namespace
}  // namespace deltahop
