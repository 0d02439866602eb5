// SPDX-License-Identifier: Apache-2.0
// Measured break-evens as tables and charts.
#pragma once

#include <string>
#include <vector>

#include "deltahop/report/findings.h"
#include "deltahop/run/sparse_network.h"

namespace deltahop {

struct MeasuredLayer {
  SparseLayer layer;
  BreakEvenCurve curve;
};

// "3x3/1 256->256, 28x28"
std::string shape_text(const ConvolutionShape& shape);
// The share as people read it; "never" and "always" at its ends.
std::string break_even_text(double share);

FindingsTable break_even_table(const std::vector<MeasuredLayer>& layers);
// Time of the sparse path as a multiple of the dense one against the share of zeros, a line a layer: integers
// and floats apart, at most eight each.
std::vector<Chart> break_even_charts(const std::vector<MeasuredLayer>& layers);

}  // namespace deltahop
