// SPDX-License-Identifier: Apache-2.0
// A report that is no layer-by-layer simulation: key figures, tables and charts of any command, as plain data
// with its writers. Numbers keep their full precision for JSON and CSV and are rounded for people.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "deltahop/report/chart.h"
#include "deltahop/report/report.h"
#include "deltahop/report/text.h"

namespace deltahop {

// How a number is written for people.
// rounded: four digits, no unit.
enum class NumberStyle : uint8_t { plain, rounded, count, percent, bytes, seconds, decibels, ratio };
std::string styled(double value, NumberStyle style);

using FindingsCell = std::variant<std::monostate, std::string, double>;  // monostate: not known

struct FindingsColumn {
  std::string key;     // of JSON and CSV, with its unit: "read_bytes"
  std::string header;  // for people
  NumberStyle style = NumberStyle::plain;
  bool is_name = false;     // left-aligned; where room is short its front is cut
  bool only_files = false;  // not shown to people: JSON and CSV only
};

struct FindingsTable {
  std::string id, title, introduction;
  std::vector<FindingsColumn> columns;
  std::vector<std::vector<FindingsCell>> rows;
};

struct KeyFigure {
  std::string key;    // of JSON, with its unit
  std::string label;  // for people
  std::optional<double> value;
  NumberStyle style = NumberStyle::plain;
  std::string remark;  // behind the value: what it stands against
};

// A drawing of our own for the page: an SVG element, taken as it is.
struct FindingsPicture {
  std::string title, svg;
};

struct Findings {
  std::string title;    // "kws.onnx step by step"
  std::string command;  // "run"
  std::string lead;     // what came out, in a sentence or two
  Provenance provenance;
  std::vector<KeyFigure> figures;
  std::vector<FindingsTable> tables;  // CSV holds the first one
  std::vector<Chart> charts;
  std::string pictures_title;  // of the section
  std::vector<FindingsPicture> pictures;
  std::vector<std::string> notes;
  std::vector<ScatterChart> scatters = {};
};

std::string to_text(const Findings& findings, const TextOptions& options);
// Schema "deltahop-findings/1": `figures`, and each table under its id as a list of objects.
std::string to_json(const Findings& findings);
std::string to_csv(const Findings& findings);
std::string to_html(const Findings& findings);

}  // namespace deltahop
