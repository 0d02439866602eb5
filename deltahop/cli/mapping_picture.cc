// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/mapping_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace deltahop {
namespace {

constexpr double kWidth = 760, kLine = 18, kBarLeft = 430, kBarWidth = 300;
constexpr double kCell = 10;  // an element; smaller where the array is large
// Weights, inputs, outputs: as the charts have them.
constexpr std::array<std::string_view, kOperands> kColours = {"#0b62a4", "#d1660a", "#2a8a3e"};

std::string text_at(double x, double y, std::string_view text, std::string_view style = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"currentColor\" {}>{}</text>\n", x, y, style,
                     text);
}

std::string box(double x, double y, double width, double height, std::string_view style) {
  return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}/>\n", x, y, width,
                     height, style);
}

constexpr std::string_view kFrame = R"(rx="4" fill="none" stroke="currentColor" stroke-opacity="0.4")";

int64_t chunks_of(int64_t tile, int64_t step) { return (tile + step - 1) / step; }

// The loops of one level as lines, and what they leave of every dimension.
struct Nest {
  std::vector<std::string> temporal, rows, columns;
  int64_t used_rows = 1, used_columns = 1;
};

Nest nest_of(const LevelLoops& level, DimensionSizes& left) {
  Nest nest;
  for (const Loop& loop : level.loops) {
    int64_t& size = left[index_of(loop.dimension)];
    const int64_t chunks = chunks_of(size, loop.step);
    const std::string spread = fmt::format("{} in {}", letter_of(loop.dimension), chunks);
    const int64_t before = size;
    size = std::min(size, loop.step);
    if (chunks == 1) continue;
    switch (loop.kind) {
      case LoopKind::temporal:
        nest.temporal.push_back(
            fmt::format("for {} in 0..{} step {}", letter_of(loop.dimension), before, loop.step));
        break;
      case LoopKind::spatial_row:
        nest.rows.push_back(spread), nest.used_rows *= chunks;
        break;
      default:
        nest.columns.push_back(spread), nest.used_columns *= chunks;
    }
  }
  return nest;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " \xC3\x97 ") + word;
  return text.empty() ? "nothing" : text;
}

class Picture {
 public:
  Picture(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping)
      : problem_(problem), hierarchy_(as_used(hierarchy, mapping)), mapping_(mapping) {}

  std::string draw() {
    DimensionSizes left = problem_.bounds;
    for (size_t level = 0; level < hierarchy_.levels.size(); ++level) {
      const Nest nest = nest_of(mapping_.levels[level], left);
      draw_storage(level, nest.temporal);
      if (level + 1 == hierarchy_.array_level) draw_array(nest);
    }
    draw_rest(left);
    return fmt::format(
        "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"100%\" style=\"max-width:{0:.0f}px\" role=\"img\" "
        "font-family=\"ui-monospace, monospace\" font-size=\"12\">\n{2}</svg>\n",
        kWidth, y_ + 8, body_);
  }

 private:
  void draw_storage(size_t level, const std::vector<std::string>& loops) {
    const StorageLevel& storage = hierarchy_.levels[level];
    const double height = 30 + kLine * static_cast<double>(std::max<size_t>(loops.size(), 2));
    body_ += box(4, y_ + 4, kWidth - 8, height, kFrame);
    body_ += text_at(14, y_ + 22, storage.name, "font-weight=\"bold\"");
    for (size_t i = 0; i < loops.size(); ++i)
      body_ +=
          text_at(24 + 10 * static_cast<double>(i), y_ + 22 + kLine * static_cast<double>(i + 1), loops[i]);
    if (level > 0) draw_tiles(level);
    y_ += height + 10;
  }

  // How much of the storage the largest tiles take.
  void draw_tiles(size_t level) {
    const StorageLevel& storage = hierarchy_.levels[level];
    const DimensionSizes tile = tile_of(problem_, mapping_, level);
    double capacity = static_cast<double>(storage.capacity);
    if (storage.capacity < 0) {
      capacity = 0;
      for (const int64_t own : storage.operand_capacity)
        capacity += static_cast<double>(std::max<int64_t>(own, 0));
    }
    double x = kBarLeft;
    std::string words;
    for (const Operand operand : kAllOperands) {
      if (!storage.keeps[index_of(operand)]) continue;
      const int64_t elements = problem_.elements(operand, tile);
      const double width = kBarWidth * static_cast<double>(elements) / std::max(capacity, 1.0);
      body_ += box(x, y_ + 12, width, 12, fmt::format("fill=\"{}\"", kColours[index_of(operand)]));
      words += fmt::format("<tspan fill=\"{}\">{} {}</tspan>  ", kColours[index_of(operand)],
                           name_of(operand), elements);
      x += width;
    }
    body_ += box(kBarLeft, y_ + 12, kBarWidth, 12, kFrame);
    body_ += text_at(kBarLeft, y_ + 40, words);
    body_ += text_at(kBarLeft, y_ + 40 + kLine,
                     fmt::format("of {:.0f} words{}", capacity,
                                 mapping_.levels[level].slides ? "; the window slides" : ""));
  }

  void draw_array(const Nest& nest) {
    const double cell =
        std::min(kCell, 160.0 / static_cast<double>(std::max(hierarchy_.rows, hierarchy_.columns)));
    const double width = cell * static_cast<double>(hierarchy_.columns);
    const double height = cell * static_cast<double>(hierarchy_.rows);
    const double box_height = std::max(height + 24, 84.0);
    body_ += box(4, y_ + 4, kWidth - 8, box_height, kFrame);
    body_ += text_at(14, y_ + 22, "array", "font-weight=\"bold\"");
    body_ += text_at(24, y_ + 22 + kLine,
                     fmt::format("rows: {}; {} of {}", joined(nest.rows), nest.used_rows, hierarchy_.rows));
    body_ += text_at(
        24, y_ + 22 + 2 * kLine,
        fmt::format("columns: {}; {} of {}", joined(nest.columns), nest.used_columns, hierarchy_.columns));
    body_ += box(kBarLeft, y_ + 14, cell * static_cast<double>(nest.used_columns),
                 cell * static_cast<double>(nest.used_rows), "fill=\"#8a4fa3\" fill-opacity=\"0.75\"");
    std::string lines;
    for (int64_t row = 0; row <= hierarchy_.rows && hierarchy_.rows <= 64; ++row)
      lines +=
          fmt::format("M{:.1f} {:.1f}h{:.1f}", kBarLeft, y_ + 14 + cell * static_cast<double>(row), width);
    for (int64_t column = 0; column <= hierarchy_.columns && hierarchy_.columns <= 64; ++column)
      lines += fmt::format("M{:.1f} {:.1f}v{:.1f}", kBarLeft + cell * static_cast<double>(column), y_ + 14,
                           height);
    body_ +=
        fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.3\"/>\n", lines);
    body_ += box(kBarLeft, y_ + 14, width, height, kFrame);
    y_ += box_height + 10;
  }

  // What an element walks one by one.
  void draw_rest(const DimensionSizes& left) {
    std::vector<std::string> rest;
    for (const Dimension dimension : kAllDimensions) {
      if (left[index_of(dimension)] > 1)
        rest.push_back(fmt::format("{} in {}", letter_of(dimension), left[index_of(dimension)]));
    }
    body_ += text_at(14, y_ + 18, rest.empty() ? "one multiplication" : "one by one: " + joined(rest));
    y_ += 24;
  }

  const Problem& problem_;
  const Hierarchy hierarchy_;
  const Mapping& mapping_;
  double y_ = 0;
  std::string body_;
};

}  // namespace

std::string mapping_svg(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping) {
  return Picture(problem, hierarchy, mapping).draw();
}

}  // namespace deltahop
