// SPDX-License-Identifier: Apache-2.0
// Charts as JSON for the page's script.
#include <cmath>

#include <nlohmann/json.hpp>

#include "deltahop/report/chart.h"

namespace deltahop {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(ChartUnit unit) {
  static constexpr std::string_view kNames[] = {"count",      "fraction", "cycles", "bits",
                                                "picojoules", "decibels", "ratio"};
  return kNames[static_cast<size_t>(unit)];
}

std::string_view name_of(Chart::Kind kind) {
  static constexpr std::string_view kNames[] = {"bars", "stacked", "horizontal", "logarithmic", "points"};
  return kNames[static_cast<size_t>(kind)];
}

Json number_or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json json_of(const Chart& chart) {
  Json json = {{"id", chart.id},
               {"kind", name_of(chart.kind)},
               {"unit", name_of(chart.unit)},
               {"yTitle", chart.y_title},
               {"labels", chart.labels}};
  json["series"] = Json::array();
  for (const ChartSeries& series : chart.series) {
    const auto list = [](const std::vector<std::optional<double>>& values) {
      Json numbers = Json::array();
      for (const std::optional<double>& value : values) numbers.push_back(number_or_null(value));
      return numbers;
    };
    json["series"].push_back(
        {{"name", series.name}, {"colour", series.colour}, {"values", list(series.values)}});
    if (series.lowest.empty()) continue;
    json["series"].back()["lowest"] = list(series.lowest);
    json["series"].back()["highest"] = list(series.highest);
  }
  return json;
}

Json json_of(const ScatterChart& chart) {
  Json json = {{"id", chart.id},          {"xTitle", chart.x_title}, {"xUnit", chart.x_unit},
               {"yTitle", chart.y_title}, {"yUnit", chart.y_unit},   {"decades", chart.whole_decades}};
  json["series"] = Json::array();
  for (const ScatterChart::Series& series : chart.series) {
    Json points = Json::array();
    for (const ScatterChart::Point& point : series.points) {
      if (std::isfinite(point.x) && std::isfinite(point.y))
        points.push_back({{"name", point.name}, {"x", point.x}, {"y", point.y}});
    }
    json["series"].push_back({{"name", series.name},
                              {"colour", series.colour},
                              {"line", series.is_line},
                              {"points", std::move(points)}});
  }
  return json;
}

}  // namespace

std::string charts_json(const std::vector<Chart>& charts, const std::optional<RooflineChart>& roofline,
                        const std::vector<ScatterChart>& scatters) {
  Json json = Json::object();
  json["charts"] = Json::array();
  for (const Chart& chart : charts) json["charts"].push_back(json_of(chart));
  if (roofline) {
    Json points = Json::array();
    for (const RooflinePoint& point : roofline->points) {
      points.push_back({{"name", point.name}, {"x", point.ops_per_byte}, {"y", point.ops_per_second}});
    }
    json["roofline"] = {{"peak", roofline->peak_ops_per_second},
                        {"bandwidth", roofline->dram_bytes_per_second},
                        {"points", std::move(points)}};
  }
  for (const ScatterChart& chart : scatters) json["scatters"].push_back(json_of(chart));
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  // "<" only stands in strings there: as an escape it can neither end the script element nor open a comment.
  std::string safe;
  for (const char letter : text) {
    if (letter == '<') {
      safe += "\\u003c";
    } else {
      safe += letter;
    }
  }
  return safe;
}

}  // namespace deltahop
