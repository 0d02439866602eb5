// SPDX-License-Identifier: Apache-2.0
// The arithmetic on cost tables: which point is taken, how it is scaled, and how that is said.
#include "deltahop/hardware/technology.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

std::string cited(const CostPoint& point) {
  std::string text = fmt::format("[{}]", point.citation);
  if (!point.note.empty()) text += " " + point.note;
  if (point.is_weak) text += " (orientation)";
  return text;
}

// The point nearest in width; widths are few, so the ratio decides.
template <class Point>
const Point& nearest(const std::vector<Point>& points, int64_t bits) {
  const auto distance = [bits](const Point& point) {
    return std::abs(std::log(static_cast<double>(point.bits) / static_cast<double>(bits)));
  };
  return *std::min_element(points.begin(), points.end(),
                           [&](const Point& a, const Point& b) { return distance(a) < distance(b); });
}

std::string kib(Bits capacity) { return fmt::format("{:.4g} KiB", bytes_of(capacity) / 1024.0); }

Cost scaled_operation(const Technology& process, const std::vector<CostPoint>& points, int bits, int power) {
  DELTAHOP_CHECK(!points.empty() && bits >= 1);
  const CostPoint& point = nearest(points, bits);
  const double ratio = static_cast<double>(bits) / static_cast<double>(point.bits);
  Cost cost{point.energy_pJ * std::pow(ratio, power) * process.energy_scale, cited(point)};
  if (point.bits != bits) {
    cost.source +=
        fmt::format("; {} bit from {} bit, {}", bits, point.bits, power == 2 ? "squared" : "linear");
  }
  if (!process.scale_note.empty()) cost.source += "; " + process.scale_note;
  return cost;
}

}  // namespace

std::optional<Cost> Technology::multiply_accumulate(int bits) const {
  if (multiply_accumulates.empty()) return std::nullopt;
  return scaled_operation(*this, multiply_accumulates, bits, 2);
}

Cost Technology::multiply(int bits) const { return scaled_operation(*this, multipliers, bits, 2); }
Cost Technology::add(int bits) const { return scaled_operation(*this, adders, bits, 1); }

Cost Technology::register_bit() const {
  DELTAHOP_CHECK(!registers.empty());
  const CostPoint& point = registers.front();
  Cost cost{point.energy_pJ / static_cast<double>(point.bits) * energy_scale, cited(point)};
  if (!scale_note.empty()) cost.source += "; " + scale_note;
  return cost;
}

std::optional<Cost> Technology::transfer_bit() const {
  if (transfers.empty()) return std::nullopt;
  const CostPoint& point = transfers.front();
  Cost cost{point.energy_pJ / static_cast<double>(point.bits) * energy_scale, cited(point)};
  if (!scale_note.empty()) cost.source += "; " + scale_note;
  return cost;
}

Cost Technology::memory_bit(Bits capacity) const {
  DELTAHOP_CHECK(!memories.empty() && capacity > Bits(0));
  const double size = static_cast<double>(capacity.number());
  const auto per_bit = [](const CostPoint& point) {
    return point.energy_pJ / static_cast<double>(point.bits);
  };
  const auto extent = [](const CostPoint& point) { return static_cast<double>(point.capacity.number()); };
  // Points are sorted by capacity when read.
  const auto above = std::find_if(memories.begin(), memories.end(),
                                  [&](const CostPoint& point) { return point.capacity >= capacity; });
  Cost cost;
  if (above != memories.end() && above->capacity == capacity) {
    cost = {per_bit(*above), cited(*above)};
  } else if (above == memories.begin() || above == memories.end()) {
    const CostPoint& end = above == memories.begin() ? memories.front() : memories.back();
    cost = {per_bit(end) * std::sqrt(size / extent(end)),
            fmt::format("{}; {} from {}, square root of the capacity", cited(end), kib(capacity),
                        kib(end.capacity))};
  } else {
    const CostPoint& below = *(above - 1);
    const double exponent =
        std::log(per_bit(*above) / per_bit(below)) / std::log(extent(*above) / extent(below));
    cost = {per_bit(below) * std::pow(size / extent(below), exponent),
            fmt::format("{}; {} between {} and {}, power {:.2f} of the capacity", cited(below), kib(capacity),
                        kib(below.capacity), kib(above->capacity), exponent)};
  }
  cost.energy_pJ *= energy_scale;
  if (!scale_note.empty()) cost.source += "; " + scale_note;
  return cost;
}

std::optional<double> Technology::area_um2(std::string_view what, int64_t bits) const {
  std::vector<AreaPoint> points;
  std::copy_if(areas.begin(), areas.end(), std::back_inserter(points),
               [&](const AreaPoint& point) { return point.name == what; });
  if (points.empty() || bits < 1) return std::nullopt;
  const AreaPoint& point = nearest(points, bits);
  const double ratio = static_cast<double>(bits) / static_cast<double>(point.bits);
  return point.area_um2 * (what == "multiplier" ? ratio * ratio : ratio) * area_scale;
}

}  // namespace deltahop
