// SPDX-License-Identifier: Apache-2.0
// The picture of the network as SVG.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/report/graph_layout.h"
#include "deltahop/report/html_parts.h"
#include "deltahop/report/metrics.h"
#include "deltahop/report/number_text.h"
#include "deltahop/report/utf8.h"

namespace deltahop {
namespace {

constexpr size_t kMostNodes = 1500;
constexpr int kNameColumns = 15;

std::string shape_class(const GraphNode& node) {
  if (node.placement == "chip" || node.placement == "extension" || node.placement == "host")
    return node.placement;
  return node.row < 0 ? "end" : "plain";
}

// Where the front of a name says nothing new ("inception_3a/..."), its end is what tells layers apart.
std::string short_name(const std::string& name) {
  const std::string clean = printable(name);
  if (display_width(clean) <= kNameColumns) return clean;
  const size_t slash = clean.find_last_of('/');
  if (slash != std::string::npos && slash + 1 < clean.size())
    return shortened(clean.substr(slash + 1), kNameColumns);
  return shortened(clean, kNameColumns);
}

// A smooth line through corner points: horizontal tangents between columns, rounded corners elsewhere.
std::string path_of(const std::vector<Point>& line) {
  std::string path = fmt::format("M{:.1f} {:.1f}", line[0].x, line[0].y);
  for (size_t i = 1; i < line.size(); ++i) {
    const Point &a = line[i - 1], &b = line[i];
    if (std::abs(a.y - b.y) < 0.5 || std::abs(a.x - b.x) < 0.5) {
      path += fmt::format("L{:.1f} {:.1f}", b.x, b.y);
    } else {
      const double middle = (a.x + b.x) / 2;
      path += fmt::format("C{0:.1f} {1:.1f} {0:.1f} {2:.1f} {3:.1f} {2:.1f}", middle, a.y, b.y, b.x);
    }
  }
  return path;
}

// What pointing at a node says, line by line.
std::vector<std::string> hint_of(const GraphNode& node, const Report& report) {
  if (node.row < 0) return {node.name, node.kind};
  const LayerRow& layer = report.layers[static_cast<size_t>(node.row)];
  std::vector<std::string> lines = {node.name, layer.kind.empty() ? node.kind : layer.kind};
  if (!layer.placement.empty()) {
    lines.push_back(
        fmt::format("on the {}{}{}", layer.placement, layer.reason.empty() ? "" : ": ", layer.reason));
  }
  if (layer.macs > 0) lines.push_back(count_text(static_cast<double>(layer.macs)) + " MACs");
  if (layer.input_density) lines.push_back(percent_text(1 - layer.input_density->mean) + " zeros in");
  if (layer.stats) {
    const double cycles = per_input(static_cast<double>(layer.stats->cycles().number()), report);
    lines.push_back(count_text(cycles) + " cycles");
  }
  return lines;
}

// The weight of a layer in the picture: its share of time, or of arithmetic where there is no time.
double weight_of(const GraphNode& node, const Report& report) {
  if (node.row < 0) return 0.0;
  const LayerRow& layer = report.layers[static_cast<size_t>(node.row)];
  const bool timed = report.chip.has_value();
  return timed ? (layer.stats ? static_cast<double>(layer.stats->cycles().number()) : 0.0)
               : static_cast<double>(layer.macs);
}

std::string node_svg(const GraphNode& node, const Report& report, Point corner, const LayoutSizes& sizes,
                     double heaviest) {
  std::string hint;
  for (const std::string& line : hint_of(node, report))
    hint.append(hint.empty() ? "" : "&#10;").append(escaped(line));
  const double bar = heaviest > 0 ? weight_of(node, report) / heaviest * (sizes.node_width - 16) : 0.0;
  std::string text = fmt::format(
      "<g class=\"node {}\" transform=\"translate({:.1f} {:.1f})\"><title>{}</title>"
      "<rect width=\"{:.0f}\" height=\"{:.0f}\" rx=\"8\"/><text x=\"8\" y=\"18\" class=\"name\">{}</text>"
      "<text x=\"8\" y=\"32\" class=\"kind\">{}</text>",
      shape_class(node), corner.x, corner.y, hint, sizes.node_width, sizes.node_height,
      escaped(short_name(node.name)), escaped(shortened(printable(node.kind), kNameColumns + 3)));
  if (bar >= 0.5)
    text += fmt::format("<rect class=\"bar\" x=\"8\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"3\" rx=\"1.5\"/>",
                        sizes.node_height - 8, bar);
  return text + "</g>\n";
}

}  // namespace

std::string network_svg(const Report& report) {
  const NetworkGraph& graph = report.graph;
  if (graph.nodes.empty()) return "";
  if (graph.nodes.size() > kMostNodes) {
    return fmt::format(
        "<p class=\"lead\">{} nodes are too many for a picture; the table of layers holds them all.</p>",
        graph.nodes.size());
  }
  const LayoutSizes sizes;
  const GraphLayout layout = layout_of(graph, sizes);
  double heaviest = 0.0;
  for (const GraphNode& node : graph.nodes) heaviest = std::max(heaviest, weight_of(node, report));
  std::string text = fmt::format(
      "<div class=\"scroll picture\" tabindex=\"0\" role=\"region\" aria-label=\"Picture of the "
      "network\"><svg viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" aria-label=\"The network as a graph of "
      "{2} nodes; the table of "
      "layers holds the same in words.\">\n",
      layout.width, layout.height, graph.nodes.size());
  for (const std::vector<Point>& line : layout.edges)
    text += fmt::format("<path class=\"edge\" d=\"{}\"/>\n", path_of(line));
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    text += node_svg(graph.nodes[i], report, layout.nodes[i], sizes, heaviest);
  return text + "</svg></div>\n";
}

}  // namespace deltahop
