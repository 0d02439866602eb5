// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/graph_layout.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace deltahop {
namespace {

constexpr int kSweeps = 6;
// Beyond this many passing points edges are drawn straight instead: the picture is crowded anyway.
constexpr size_t kMostPassing = 6000;

// A node or, where node < 0, the place where a long edge passes a column.
struct Slot {
  int node = -1;
  int column = 0;
  std::vector<int> before, after;  // slots in the neighbouring columns
  double order = 0.0;
  Point corner;
};

struct Columns {
  std::vector<Slot> slots;
  std::vector<std::vector<int>> columns;
  std::vector<std::vector<int>> chains;  // of an edge: its slots from end to end
};

std::vector<int> column_of_nodes(const NetworkGraph& graph) {
  std::vector<int> column(graph.nodes.size(), 0);
  // Edges lead forward in node order, so one pass in the order of their ends suffices.
  std::vector<GraphEdge> edges = graph.edges;
  std::stable_sort(edges.begin(), edges.end(),
                   [](const GraphEdge& a, const GraphEdge& b) { return a.from < b.from; });
  for (const GraphEdge& edge : edges) {
    column[static_cast<size_t>(edge.to)] =
        std::max(column[static_cast<size_t>(edge.to)], column[static_cast<size_t>(edge.from)] + 1);
  }
  return column;
}

Columns columns_of(const NetworkGraph& graph) {
  Columns result;
  const std::vector<int> column = column_of_nodes(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    result.slots.push_back({static_cast<int>(i), column[i], {}, {}, 0.0, {}});
  size_t passing = 0;
  for (const GraphEdge& edge : graph.edges) {
    passing += static_cast<size_t>(column[static_cast<size_t>(edge.to)] -
                                   column[static_cast<size_t>(edge.from)] - 1);
  }
  for (const GraphEdge& edge : graph.edges) {
    std::vector<int> chain = {edge.from};
    for (int c = column[static_cast<size_t>(edge.from)] + 1;
         passing <= kMostPassing && c < column[static_cast<size_t>(edge.to)]; ++c) {
      chain.push_back(static_cast<int>(result.slots.size()));
      result.slots.push_back({-1, c, {}, {}, 0.0, {}});
    }
    chain.push_back(edge.to);
    for (size_t i = 0; i + 1 < chain.size(); ++i) {
      result.slots[static_cast<size_t>(chain[i])].after.push_back(chain[i + 1]);
      result.slots[static_cast<size_t>(chain[i + 1])].before.push_back(chain[i]);
    }
    result.chains.push_back(std::move(chain));
  }
  const int count =
      result.slots.empty()
          ? 0
          : 1 + std::max_element(result.slots.begin(), result.slots.end(), [](const Slot& a, const Slot& b) {
                  return a.column < b.column;
                })->column;
  result.columns.resize(static_cast<size_t>(count));
  for (size_t i = 0; i < result.slots.size(); ++i) {
    result.columns[static_cast<size_t>(result.slots[i].column)].push_back(static_cast<int>(i));
  }
  return result;
}

// Sorts each column by the mean place of its neighbours, forwards and backwards in turn: few crossings.
void untangle(Columns& graph) {
  const auto number = [&graph]() {
    for (const auto& column : graph.columns) {
      // Around zero, so that columns of different length are compared by their middles.
      for (size_t i = 0; i < column.size(); ++i) {
        graph.slots[static_cast<size_t>(column[i])].order =
            static_cast<double>(i) - (static_cast<double>(column.size()) - 1) / 2;
      }
    }
  };
  number();
  const auto sort_column = [&](std::vector<int>& column, std::vector<int> Slot::*neighbours) {
    std::map<int, double> wish;
    for (const int slot : column) {
      const std::vector<int>& others = graph.slots[static_cast<size_t>(slot)].*neighbours;
      double sum = 0.0;
      for (const int other : others) sum += graph.slots[static_cast<size_t>(other)].order;
      wish[slot] = others.empty() ? graph.slots[static_cast<size_t>(slot)].order
                                  : sum / static_cast<double>(others.size());
    }
    std::stable_sort(column.begin(), column.end(), [&](int a, int b) { return wish[a] < wish[b]; });
    number();
  };
  if (graph.slots.size() > 4 * kMostPassing) return;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    if (sweep % 2 == 0) {
      for (auto& column : graph.columns) sort_column(column, &Slot::before);
    } else {
      for (auto column = graph.columns.rbegin(); column != graph.columns.rend(); ++column)
        sort_column(*column, &Slot::after);
    }
  }
}

// Corners of all slots; returns the layout's size and, for every band, the y of the free strip below it.
std::vector<double> place(Columns& graph, const LayoutSizes& sizes, GraphLayout& layout) {
  const auto height_of = [&](const Slot& slot) { return slot.node >= 0 ? sizes.node_height : sizes.lane; };
  const size_t in_band = static_cast<size_t>(sizes.columns_in_band);
  const double step = sizes.node_width + sizes.column_gap;
  std::vector<double> strips;
  double top = sizes.column_gap / 2;
  for (size_t first = 0; first < graph.columns.size(); first += in_band) {
    const size_t last = std::min(first + in_band, graph.columns.size());
    double tallest = 0.0;
    std::vector<double> heights;
    for (size_t c = first; c < last; ++c) {
      double height = -sizes.row_gap;
      for (const int slot : graph.columns[c])
        height += height_of(graph.slots[static_cast<size_t>(slot)]) + sizes.row_gap;
      heights.push_back(height);
      tallest = std::max(tallest, height);
    }
    for (size_t c = first; c < last; ++c) {
      double y = top + (tallest - heights[c - first]) / 2;
      for (const int index : graph.columns[c]) {
        Slot& slot = graph.slots[static_cast<size_t>(index)];
        slot.corner = {sizes.column_gap + static_cast<double>(c - first) * step, y};
        y += height_of(slot) + sizes.row_gap;
      }
    }
    layout.width = std::max(layout.width, sizes.column_gap + static_cast<double>(last - first) * step);
    top += tallest + sizes.band_gap;
    strips.push_back(top - sizes.band_gap / 2);
  }
  layout.height = top - sizes.band_gap + sizes.column_gap / 2;
  return strips;
}

std::vector<Point> route(const std::vector<int>& chain, const Columns& graph, const LayoutSizes& sizes,
                         const std::vector<double>& strips, double width) {
  const auto middle = [&](const Slot& slot) {
    return slot.corner.y + (slot.node >= 0 ? sizes.node_height : sizes.lane) / 2;
  };
  std::vector<Point> line;
  for (size_t i = 0; i < chain.size(); ++i) {
    const Slot& slot = graph.slots[static_cast<size_t>(chain[i])];
    const double y = middle(slot);
    if (i != 0) {
      const Slot& last = graph.slots[static_cast<size_t>(chain[i - 1])];
      const size_t band = static_cast<size_t>(last.column / sizes.columns_in_band);
      if (slot.column / sizes.columns_in_band != last.column / sizes.columns_in_band) {
        // Over the edge of the page: down in the right margin, back in the strip between the bands, in on the
        // left.
        const double right = width - sizes.column_gap / 3, left = sizes.column_gap / 3;
        line.push_back({right, middle(last)});
        line.push_back({right, strips[band]});
        line.push_back({left, strips[band]});
        line.push_back({left, y});
      }
      line.push_back({slot.corner.x, y});
    }
    if (i + 1 != chain.size()) line.push_back({slot.corner.x + sizes.node_width, y});
  }
  return line;
}

}  // namespace

GraphLayout layout_of(const NetworkGraph& graph, const LayoutSizes& sizes) {
  GraphLayout layout;
  if (graph.nodes.empty()) return layout;
  Columns columns = columns_of(graph);
  untangle(columns);
  const std::vector<double> strips = place(columns, sizes, layout);
  for (size_t i = 0; i < graph.nodes.size(); ++i) layout.nodes.push_back(columns.slots[i].corner);
  for (const std::vector<int>& chain : columns.chains) {
    layout.edges.push_back(route(chain, columns, sizes, strips, layout.width));
  }
  return layout;
}

}  // namespace deltahop
