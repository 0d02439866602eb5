// SPDX-License-Identifier: Apache-2.0
// Places a network's nodes in columns by their distance from the input [Sugiyama1981], and folds long rows of
// columns into bands like lines of text.
#pragma once

#include <vector>

#include "deltahop/report/report.h"

namespace deltahop {

struct Point {
  double x = 0.0, y = 0.0;
};

struct GraphLayout {
  double width = 0.0, height = 0.0;
  std::vector<Point> nodes;               // top left corners, one a node
  std::vector<std::vector<Point>> edges;  // one polyline an edge, corner points to be rounded
};

struct LayoutSizes {
  double node_width = 120, node_height = 46;
  double column_gap = 24, row_gap = 12, band_gap = 30;
  double lane = 12;  // height of a passing edge
  int columns_in_band = 7;
};

GraphLayout layout_of(const NetworkGraph& graph, const LayoutSizes& sizes);

}  // namespace deltahop
