// SPDX-License-Identifier: Apache-2.0
// Dynamic fixed point: a Qm.n format for every value from the ranges seen on calibration data
// [Stromatias2015].
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/base/progress.h"
#include "deltahop/network/integer_model.h"
#include "deltahop/run/executor.h"

namespace deltahop {

struct CalibrationOptions {
  Arithmetic arithmetic;
  // The share of values that the range may leave out (0: the largest magnitude seen decides).
  double clipped_fraction = 0.0;
  // One format for every activation, input and result (Q8.8), whatever the data say.
  std::optional<FixedFormat> activation_format;
  // Formats that are given, by the value's name (a constant's for weights); they go before everything else.
  std::map<std::string, FixedFormat> given_formats;
  int threads = 1;
};

// Ranges of values while pictures pass; one pass over the data, memory independent of their number.
class Calibrator {
 public:
  struct State;
  // `network` must be folded and bound.
  Calibrator(const Network& network, CalibrationOptions options);
  ~Calibrator();
  void add(const std::vector<Tensor>& inputs);
  // From a run that happens anyway: feed the listener of execute().
  void observe(ValueId value, const Tensor& tensor);
  // The formats for what was seen. A stage's values share one format, which its stored result decides;
  // weights take the whole of their range. Throws Error where nothing was seen, or a given format names no
  // value.
  IntegerModel model() const;
  // The share of a value's numbers beyond the range of this format, of all that were seen (rounded up at
  // range borders by the width of one float). 0 for values that were not seen.
  double clipped_fraction(ValueId value, FixedFormat format) const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace deltahop
