// SPDX-License-Identifier: Apache-2.0
// What `run` reports of a network on pictures: answers, zeros, products, the path of each layer, times.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deltahop/cli/sparse_run.h"
#include "deltahop/report/findings.h"
#include "deltahop/run/session_statistics.h"

namespace deltahop {

constexpr size_t kShownAnswers = 20;

// All inputs by one way.
struct PictureWay {
  std::vector<LayerSum> layers;
  LatencyRecorder latency;
  double other_s = 0;  // outside of the layers, a sum
  int64_t right = 0;
  std::vector<std::vector<float>> outputs;  // one an output of the network; empty where nobody needs them
};

struct PictureAnswer {
  std::string name;
  int64_t answer = 0;
  double score = 0;
  std::optional<int64_t> label;
};

struct PictureRunResult {
  PictureWay chosen;
  std::optional<PictureWay> dense,
      exact;  // in full at the same precision; in float where that is another one
  int64_t inputs = 0, labelled = 0;
  int64_t dense_macs = 0;              // of one input
  bool gives_scores = false;           // the first output is one value a class
  std::vector<PictureAnswer> answers;  // of the first inputs
};

// Without title, provenance and notes of the caller.
Findings picture_findings(const PictureRunResult& result, bool in_integers);

}  // namespace deltahop
