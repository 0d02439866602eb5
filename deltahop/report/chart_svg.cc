// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/chart_svg.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/report/html_parts.h"

namespace deltahop {
namespace {

constexpr double kWidth = 720, kHeight = 340;  // of one chart
constexpr double kLeft = 76, kRight = 700, kTop = 62, kBottom = 288;
// Told apart by people with any colour vision, on white.
constexpr std::array<std::string_view, 7> kColours = {"#0b62a4", "#d1660a", "#2a8a3e", "#8a4fa3",
                                                      "#a0681c", "#6b7280", "#b3261e"};

struct Axis {
  double low = 0, high = 1, step = 0.25;
  double place(double value) const { return kBottom - (value - low) / (high - low) * (kBottom - kTop); }
};

// Ends and steps that are 1, 2 or 5 times a power of ten. Bars stand on 0; so do lines that come near it.
Axis axis_of(const Chart& chart) {
  double low = 0;
  double high = 0;
  bool first = true;
  for (const ChartSeries& series : chart.series) {
    for (const auto& value : series.values) {
      if (!value || !std::isfinite(*value)) continue;
      low = first ? *value : std::min(low, *value);
      high = first ? *value : std::max(high, *value);
      first = false;
    }
  }
  if (chart.kind != Chart::Kind::points || (low > 0 && low < high / 2)) low = std::min(low, 0.0);
  if (high < 0 && chart.kind != Chart::Kind::points) high = 0;
  if (!(high > low)) high = low + std::max(1.0, std::abs(low) / 10);
  const double raw = (high - low) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  Axis axis;
  axis.step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (raw <= factor * power) axis.step = factor * power;
  }
  axis.low = std::floor(low / axis.step + 1e-9) * axis.step;
  axis.high = std::ceil(high / axis.step - 1e-9) * axis.step;
  return axis;
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view style,
                    std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y, anchor, style,
                     escaped(text));
}

double slot_of(const Chart& chart) {
  return (kRight - kLeft) / static_cast<double>(std::max<size_t>(chart.labels.size(), 1));
}

// Below the axis, for labels that are too long to stand side by side and hang at a slant; 0 where they fit.
double room_for_labels(const Chart& chart) {
  constexpr double kLetter = 6.5, kSlant = 0.71;
  size_t longest = 0;
  for (const std::string& label : chart.labels) longest = std::max(longest, label.size());
  const double width = kLetter * static_cast<double>(longest);
  return width <= slot_of(chart) ? 0 : std::ceil(kSlant * width);
}

double height_of(const Chart& chart) { return kHeight + room_for_labels(chart); }

std::string labels_of(const Chart& chart) {
  const double slot = slot_of(chart), room = room_for_labels(chart);
  std::string svg;
  for (size_t i = 0; i < chart.labels.size(); ++i) {
    const double x = kLeft + slot * (static_cast<double>(i) + 0.5), y = kBottom + 18;
    const std::string slant = fmt::format("fill=\"#4b5563\" transform=\"rotate(-45 {:.1f} {:.1f})\"", x, y);
    svg += text_at(x, y, room > 0 ? "end" : "middle", room > 0 ? slant : "fill=\"#4b5563\"", chart.labels[i]);
  }
  return svg +
         text_at((kLeft + kRight) / 2, kBottom + 40 + room, "middle", "fill=\"#4b5563\"", chart.label_header);
}

std::string frame_of(const Chart& chart, const Axis& axis) {
  std::string svg = text_at(20, 24, "start", "font-size=\"16\" font-weight=\"600\"", chart.title);
  const auto steps = static_cast<int>(std::lround((axis.high - axis.low) / axis.step));
  for (int i = 0; i <= steps; ++i) {
    const double value = axis.low + i * axis.step;
    const double y = axis.place(value);
    svg += fmt::format("<path d=\"M{} {:.1f}H{}\" stroke=\"#d8dce2\"/>\n", kLeft, y, kRight);
    // Steps make -1e-16 of 0.
    const double round = std::abs(value) < axis.step / 1000 ? 0.0 : value;
    svg += text_at(kLeft - 8, y + 4, "end", "fill=\"#4b5563\"", chart_number(round, chart.unit));
  }
  return svg + labels_of(chart);
}

std::string legend_of(const Chart& chart) {
  std::string svg;
  double x = kLeft;
  for (const ChartSeries& series : chart.series) {
    const std::string_view colour = kColours[static_cast<size_t>(series.colour) % kColours.size()];
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"36\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{}\"/>\n", x,
                       colour);
    svg += text_at(x + 17, 46.5, "start", "", series.name);
    x += 34 + 7 * static_cast<double>(series.name.size());
  }
  return svg;
}

std::string line_of(const ChartSeries& series, const Axis& axis, double slot) {
  const std::string_view colour = kColours[static_cast<size_t>(series.colour) % kColours.size()];
  std::string path;
  std::string dots;
  for (size_t i = 0; i < series.values.size(); ++i) {
    const auto& value = series.values[i];
    if (!value || !std::isfinite(*value)) continue;
    const double x = kLeft + slot * (static_cast<double>(i) + 0.5);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, axis.place(*value));
    dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"/>\n", x,
                        axis.place(*value), colour);
  }
  if (path.empty()) return "";
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n{}", path, colour,
                     dots);
}

std::string bars_of(const Chart& chart, size_t index, const Axis& axis, double slot) {
  const ChartSeries& series = chart.series[index];
  const double width = 0.8 * slot / static_cast<double>(chart.series.size());
  std::string svg;
  for (size_t i = 0; i < series.values.size(); ++i) {
    const auto& value = series.values[i];
    if (!value || !std::isfinite(*value)) continue;
    const double x = kLeft + slot * (static_cast<double>(i) + 0.1) + width * static_cast<double>(index);
    const double y = axis.place(std::max(*value, 0.0));
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n",
                       x, y, width, axis.place(std::min(*value, 0.0)) - y,
                       kColours[static_cast<size_t>(series.colour) % kColours.size()]);
  }
  return svg;
}

std::string chart_group(const Chart& chart, double top) {
  const Axis axis = axis_of(chart);
  const double slot = slot_of(chart);
  std::string svg =
      fmt::format("<g transform=\"translate(0 {})\">\n<desc>{}</desc>\n", top, escaped(chart.caption));
  svg += frame_of(chart, axis) + legend_of(chart);
  for (size_t i = 0; i < chart.series.size(); ++i) {
    svg += chart.kind == Chart::Kind::points ? line_of(chart.series[i], axis, slot)
                                             : bars_of(chart, i, axis, slot);
  }
  return svg + "</g>\n";
}

}  // namespace

std::string charts_svg(const std::vector<Chart>& charts) {
  double height = charts.empty() ? kHeight : 0;
  for (const Chart& chart : charts) height += height_of(chart);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"system-ui, sans-serif\" font-size=\"12.5\" fill=\"#111827\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth, height);
  double top = 0;
  for (const Chart& chart : charts) {
    svg += chart_group(chart, top);
    top += height_of(chart);
  }
  return svg + "</svg>\n";
}

}  // namespace deltahop
