// SPDX-License-Identifier: Apache-2.0
// A finished model evaluated by the trainer itself: LibTorch in double, every value rounded as the model's
// metadata says. All numbers are codes times powers of two, exact in double, so accuracy and counts are those
// of the integer executor
// (`deltahop run --integers`), which is another program.
//   const ExactEvaluation result = evaluate_exactly(load_network("trained.onnx"), data.test);
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/network.h"
#include "deltahop/train/dataset.h"
#include "deltahop/train/event.h"

namespace deltahop {

struct ExactEvaluation {
  struct Zeros {
    int64_t zeros = 0, values = 0;
    friend bool operator==(const Zeros&, const Zeros&) = default;
  };
  struct Columns {
    int64_t sent_x = 0, sent_h = 0;  // columns sent, over all steps
    int64_t steps = 0, inputs = 0, hidden = 0;
    friend bool operator==(const Columns&, const Columns&) = default;
  };
  int64_t examples = 0, right = 0;
  int64_t executed_macs = 0, macs = 0;    // over all examples, zero activations skipped; and all
  std::map<std::string, Zeros> stages;    // by the stage's first node: its result; empty for networks of GRUs
  std::map<std::string, Columns> layers;  // by GRU
  std::vector<int64_t> predictions;       // the largest output, the first of equal ones

  double accuracy() const {
    return static_cast<double>(right) / static_cast<double>(std::max<int64_t>(1, examples));
  }
  double read_weights_fraction() const;  // of the GRUs' weights, against reading all in every step
  // The same as the trainer's events name it: counts and accuracy, "exact_...".
  Metrics metrics() const;
  // As TrainingHooks::metrics() names them, and "accuracy".
  Metrics shares() const;
};

// Formats, thresholds: from the metadata; `thresholds`, where given, in place of the model's own. A model of
// pictures must carry formats. Throws Error where the arithmetic wraps or a layer cannot be evaluated.
ExactEvaluation evaluate_exactly(const Network& model, const Examples& examples,
                                 const ThresholdTable* thresholds = nullptr);

// Whether the file itself says by which integers it is computed: then those are what it is tested by.
bool carries_formats(const Network& model);

// Whether evaluate_exactly() can: formats in the metadata, or GRUs, plain ones only.
bool is_integer_model(const Network& model);

}  // namespace deltahop
