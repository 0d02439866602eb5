// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/json.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "deltahop/base/error.h"
#include "deltahop/report/comparison.h"
#include "deltahop/report/json_fields.h"
#include "deltahop/report/metrics.h"

namespace deltahop {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "deltahop-report/1";
constexpr std::string_view kConventions =
    "Numbers are means per input. Exceptions: 'sums', 'saturated', 'compared' and 'mismatches' run over all "
    "'inputs'. "
    "1 MAC = 2 Op; effective throughput counts skipped operations as done; 1 B = 8 bit.";

// Integers stay integers; what JSON cannot say is null.
Json number_json(double value) {
  if (!std::isfinite(value)) return nullptr;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value == std::floor(value) && std::abs(value) < kExact) return static_cast<int64_t>(value);
  return value;
}

Json optional_json(const std::optional<double>& value) { return value ? number_json(*value) : Json(nullptr); }

class Writer {
 public:
  template <class T>
  void operator()(std::string_view key, const T& field) {
    object_[std::string(key)] = json_of(field);
  }
  template <class T>
  void or_zero(std::string_view key, const T& field) {
    (*this)(key, field);
  }
  Json take() { return std::move(object_); }

  template <class T>
  static Json json_of(const T& field) {
    if constexpr (std::is_same_v<T, double>) {
      return number_json(field);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return Json(field);
    } else if constexpr (requires { field.number(); }) {
      return json_of(field.number());
    } else if constexpr (requires { field.has_value(); }) {
      return field ? json_of(*field) : Json(nullptr);
    } else if constexpr (requires { typename T::allocator_type; }) {
      Json list = Json::array();
      for (const auto& each : field) list.push_back(json_of(each));
      return list;
    } else {
      Writer writer;
      describe(writer, field);
      return writer.take();
    }
  }

 private:
  Json object_ = Json::object();
};

class Reader {
 public:
  Reader(const Json& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object_.is_object()) throw Error(place_, "must be an object");
  }

  template <class T>
  void operator()(std::string_view key, T& field) const {
    const auto found = object_.find(std::string(key));
    if (found == object_.end()) throw Error(place_, fmt::format("the key '{}' is missing", key));
    read(*found, fmt::format("{}.{}", place_, key), field);
  }

  template <class T>
  void or_zero(std::string_view key, T& field) const {
    if (object_.contains(std::string(key))) (*this)(key, field);
  }

  template <class T>
  static void read(const Json& json, const std::string& place, T& field) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (!json.is_string()) throw Error(place, "must be text");
      field = json.get<std::string>();
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!json.is_boolean()) throw Error(place, "must be true or false");
      field = json.get<bool>();
    } else if constexpr (std::is_same_v<T, double>) {
      if (!json.is_number() && !json.is_null()) throw Error(place, "must be a number or null");
      field = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
    } else if constexpr (std::is_integral_v<T>) {
      field = integer<T>(json, place);
    } else if constexpr (requires { field.number(); }) {
      typename T::Number number{};
      read(json, place, number);
      field = T(number);
    } else if constexpr (requires { field.has_value(); }) {
      field.reset();
      if (!json.is_null()) read(json, place, field.emplace());
    } else if constexpr (requires { typename T::allocator_type; }) {
      if (!json.is_array()) throw Error(place, "must be a list");
      field.clear();
      for (const Json& each : json) {
        const std::string each_place = fmt::format("{}[{}]", place, field.size());
        read(each, each_place, field.emplace_back());
      }
    } else {
      const Reader reader(json, place);
      describe(reader, field);
    }
  }

 private:
  template <class T>
  static T integer(const Json& json, const std::string& place) {
    if (json.is_number_unsigned()) {
      const uint64_t value = json.get<uint64_t>();
      if (value <= static_cast<uint64_t>(std::numeric_limits<T>::max())) return static_cast<T>(value);
    } else if (json.is_number_integer()) {
      const int64_t value = json.get<int64_t>();
      if constexpr (std::is_signed_v<T>) {
        if (value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max())
          return static_cast<T>(value);
      }
    }
    throw Error(place, "must be a whole number in range");
  }

  const Json& object_;
  std::string place_;
};

Json totals_json(const Report& report) {
  const Totals totals = totals_of(report);
  Json json = Json::object();
  for (const TotalMetric& each : total_metrics()) {
    json[std::string(each.key)] = optional_json(each.value(report, totals));
  }
  Json costs = Json::array();
  if (totals.energy) {
    for (const DramEnergy& cost : totals.energy->dram_costs) {
      Json entry = Writer::json_of(cost);
      entry["energy_pJ"] = number_json(per_input(cost.energy_pJ, report));
      entry["energy_with_core_pJ"] =
          totals.energy->has_core ? number_json(per_input(cost.energy_pJ + totals.energy->core_pJ(), report))
                                  : Json(nullptr);
      costs.push_back(std::move(entry));
    }
  }
  json["energy_by_dram_cost"] = std::move(costs);
  return json;
}

Json layer_json(const LayerRow& layer, const Report& report) {
  Writer writer;
  describe(writer, layer);
  Json json = writer.take();
  for (const LayerColumn& column : layer_columns()) {
    if (json.contains(column.key)) continue;
    const Cell cell = column.value(layer, report);
    if (const double* number = std::get_if<double>(&cell)) {
      json[column.key] = number_json(*number);
    } else if (const std::string* text = std::get_if<std::string>(&cell)) {
      json[column.key] = *text;
    } else {
      json[column.key] = nullptr;
    }
  }
  json["sums"] = Writer::json_of(LayerSums<const LayerRow>{layer});
  return json;
}

Json report_json(const Report& report) {
  Json json = Json::object();
  json["schema"] = kSchema;
  json["conventions"] = kConventions;
  json["title"] = report.title;
  json["command"] = report.command;
  json["network"] = Writer::json_of(report.network);
  json["chip"] = Writer::json_of(report.chip);
  json["inputs"] = report.inputs;
  json["totals"] = totals_json(report);
  json["layers"] = Json::array();
  for (const LayerRow& layer : report.layers) json["layers"].push_back(layer_json(layer, report));
  json["accuracy"] = Writer::json_of(report.accuracy);
  json["published"] = Writer::json_of(report.published);
  json["notes"] = Writer::json_of(report.notes);
  json["uncertainties"] = Writer::json_of(report.uncertainties);
  json["graph"] = Writer::json_of(report.graph);
  json["provenance"] = Writer::json_of(report.provenance);
  return json;
}

// Bytes that are no UTF-8 become the replacement character: a name must never break the file.
std::string dumped(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Sums over layers must neither wrap nor go below zero, whatever the file says.
class CountCheck {
 public:
  CountCheck(int64_t highest, std::string place) : highest_(highest), place_(std::move(place)) {}

  template <class T>
  void operator()(std::string_view key, const T& field) const {
    if constexpr (std::is_same_v<T, int64_t>) {
      if (field < 0 || field > highest_)
        throw Error(place_, fmt::format("the count '{}' is out of range", key));
    } else if constexpr (requires { field.number(); }) {
      (*this)(key, field.number());
    } else if constexpr (requires { field.has_value(); }) {
      if (field) (*this)(key, *field);
    } else if constexpr (std::is_same_v<T, Stats> || std::is_same_v<T, Traffic>) {
      describe(*this, field);
    }
  }
  template <class T>
  void or_zero(std::string_view key, const T& field) const {
    (*this)(key, field);
  }

 private:
  int64_t highest_;
  std::string place_;
};

void check_counts(const Report& report, std::string_view name) {
  // Cells of traffic and phases are summed as well: leave room for them.
  const int64_t parts = 128 * (1 + static_cast<int64_t>(report.layers.size()));
  const CountCheck check(std::numeric_limits<int64_t>::max() / parts, std::string(name));
  for (const LayerRow& layer : report.layers) {
    describe(check, layer);
    describe(check, LayerSums<const LayerRow>{layer});
  }
  check("inputs", report.inputs);
  describe(check, report.network);
}

void check_graph(const Report& report, std::string_view name) {
  const int nodes = static_cast<int>(report.graph.nodes.size());
  const int layers = static_cast<int>(report.layers.size());
  for (const GraphNode& node : report.graph.nodes) {
    if (node.row < -1 || node.row >= layers)
      throw Error(name, fmt::format("the graph names layer {}", node.row));
  }
  for (const GraphEdge& edge : report.graph.edges) {
    // Topological order: an edge never leads back.
    if (edge.from < 0 || edge.to >= nodes || edge.from >= edge.to)
      throw Error(name, "the graph has an edge that leads nowhere");
  }
}

}  // namespace

std::string to_json(const Report& report) { return dumped(report_json(report)); }

Report report_from_json(std::string_view text, std::string_view name) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Error(name, "is not JSON", "a report is written by 'deltahop ... --json'");
  const std::string place(name);
  const Reader reader(json, place);
  std::string schema;
  reader("schema", schema);
  if (schema != kSchema)
    throw Error(name, fmt::format("has the schema '{}'", schema),
                fmt::format("this program reads '{}'", kSchema));
  Report report;
  reader("title", report.title);
  reader("command", report.command);
  reader("network", report.network);
  reader("chip", report.chip);
  reader("inputs", report.inputs);
  reader("layers", report.layers);
  const Json& layers = json.at("layers");
  for (size_t i = 0; i < report.layers.size(); ++i) {
    const std::string layer_place = fmt::format("{}.layers[{}]", place, i);
    if (!layers[i].contains("sums")) throw Error(layer_place, "the key 'sums' is missing");
    const Reader sums(layers[i].at("sums"), layer_place + ".sums");
    describe(sums, LayerSums<LayerRow>{report.layers[i]});
  }
  reader("accuracy", report.accuracy);
  reader("published", report.published);
  reader("notes", report.notes);
  reader("uncertainties", report.uncertainties);
  reader("graph", report.graph);
  reader("provenance", report.provenance);
  check_counts(report, name);
  check_graph(report, name);
  return report;
}

std::string to_json(const Comparison& comparison) {
  Json json = Json::object();
  json["schema"] = "deltahop-comparison/1";
  json["labels"] = comparison.labels;
  json["rows"] = Json::array();
  for (const ComparisonRow& row : comparison.rows) {
    Json entry = {{"metric", row.metric},
                  {"unit", row.unit},
                  {"title", row.title},
                  {"lower_is_better", row.lower_is_better}};
    entry["values"] = Json::array();
    for (const std::optional<double>& value : row.values) entry["values"].push_back(optional_json(value));
    json["rows"].push_back(std::move(entry));
  }
  json["reports"] = Json::array();
  for (const Report& report : comparison.reports) json["reports"].push_back(report_json(report));
  return dumped(json);
}

}  // namespace deltahop
