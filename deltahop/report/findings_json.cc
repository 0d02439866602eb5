// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <nlohmann/json.hpp>

#include "deltahop/report/findings.h"

namespace deltahop {
namespace {

using Json = nlohmann::ordered_json;

// Integers stay integers; what JSON cannot say is null.
Json number_json(double value) {
  if (!std::isfinite(value)) return nullptr;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value == std::floor(value) && std::abs(value) < kExact) return static_cast<int64_t>(value);
  return value;
}

Json cell_json(const FindingsCell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) return number_json(*number);
  return nullptr;
}

Json provenance_json(const Provenance& provenance) {
  Json json = {{"command_line", provenance.command_line},
               {"version", provenance.version},
               {"compiler", provenance.compiler},
               {"date", provenance.date},
               {"seed", provenance.seed},
               {"threads", provenance.threads},
               {"input", provenance.input}};
  json["configurations"] = Json::array();
  for (const auto& [name, text] : provenance.configurations)
    json["configurations"].push_back({{"name", name}, {"text", text}});
  return json;
}

}  // namespace

std::string to_json(const Findings& findings) {
  Json json = {{"schema", "deltahop-findings/1"},
               {"command", findings.command},
               {"title", findings.title},
               {"lead", findings.lead}};
  json["figures"] = Json::object();
  for (const KeyFigure& figure : findings.figures)
    json["figures"][figure.key] = figure.value ? number_json(*figure.value) : Json(nullptr);
  for (const FindingsTable& table : findings.tables) {
    Json rows = Json::array();
    for (const auto& row : table.rows) {
      Json object = Json::object();
      for (size_t i = 0; i < row.size(); ++i) object[table.columns[i].key] = cell_json(row[i]);
      rows.push_back(std::move(object));
    }
    json[table.id] = std::move(rows);
  }
  json["notes"] = findings.notes;
  json["provenance"] = provenance_json(findings.provenance);
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace deltahop
