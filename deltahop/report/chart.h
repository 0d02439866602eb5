// SPDX-License-Identifier: Apache-2.0
// A chart as plain data: drawn by the page's script and, as a table behind it, readable without.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deltahop/report/report.h"

namespace deltahop {

// How numbers of a chart are written.
enum class ChartUnit { count, fraction, cycles, bits, picojoules, decibels, ratio };

struct ChartSeries {
  std::string name;
  int colour = 0;  // index into the page's palette
  std::vector<std::optional<double>> values;
  // The range over inputs, drawn as a thin line over each bar; empty for none.
  std::vector<std::optional<double>> lowest = {}, highest = {};
};

// A point of the roofline.
struct RooflinePoint {
  std::string name;
  double ops_per_byte = 0.0;
  double ops_per_second = 0.0;
};

struct Chart {
  enum class Kind { bars, stacked_bars, horizontal_stacked_bars, horizontal_logarithmic_bars, points };
  std::string id;
  std::string title;
  std::string caption;  // what to see, in a sentence
  std::string y_title;
  Kind kind = Kind::bars;
  ChartUnit unit = ChartUnit::count;
  std::vector<std::string> labels;
  std::vector<ChartSeries> series;
  std::string label_header = "layer";
};

struct RooflineChart {
  double peak_ops_per_second = 0.0;
  double dram_bytes_per_second = 0.0;
  std::vector<RooflinePoint> points;
};

// Points with names in two dimensions, and lines (a roof, a front).
struct ScatterChart {
  struct Point {
    std::string name;
    double x = 0.0, y = 0.0;
  };
  struct Series {
    std::string name;
    int colour = 0;
    bool is_line = false;
    std::vector<Point> points;
  };
  std::string id, title, caption;
  // Units: "number" as it is, "" with a prefix, "Op/s" and the like with prefix and unit.
  std::string x_title, x_unit, y_title, y_unit;
  bool whole_decades = false;  // the axis along x ends where the lines end
  std::vector<Series> series;
};

// Those that the report has data for, in the order of the page.
std::vector<Chart> sparsity_charts(const Report& report);
std::vector<Chart> time_charts(const Report& report);
std::vector<Chart> traffic_charts(const Report& report);
std::vector<Chart> energy_charts(const Report& report);
std::vector<Chart> encoding_charts(const Report& report);
std::vector<Chart> error_charts(const Report& report);
std::optional<RooflineChart> roofline_chart(const Report& report);

std::string chart_number(double value, ChartUnit unit);
// For the page's script; safe inside a <script> element.
std::string charts_json(const std::vector<Chart>& charts, const std::optional<RooflineChart>& roofline,
                        const std::vector<ScatterChart>& scatters = {});

}  // namespace deltahop
