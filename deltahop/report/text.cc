// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/text.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/report/metrics.h"
#include "deltahop/report/number_text.h"
#include "deltahop/report/utf8.h"

namespace deltahop {
namespace {

std::string heading(std::string_view text, const TextOptions& options) {
  return options.colour ? fmt::format("\n\x1b[1;36m{}\x1b[0m\n", text) : fmt::format("\n{}\n", text);
}

std::string unknown(const TextOptions& options) { return options.unicode ? "\xC2\xB7" : "-"; }

// A column of the layer table: dropped where no layer has a value.
struct Column {
  std::string header;
  char align = '>';
  std::function<std::optional<std::string>(const LayerRow&)> value;
  std::string total = {};
};

TextTable table_of(const std::vector<LayerRow>& layers, const std::vector<Column>& columns,
                   const TextOptions& options) {
  TextTable table;
  table.rows.resize(layers.size());
  bool has_total = false;
  for (const Column& column : columns) {
    std::vector<std::optional<std::string>> values;
    for (const LayerRow& layer : layers) values.push_back(column.value(layer));
    if (std::none_of(values.begin(), values.end(), [](const auto& value) { return value.has_value(); }))
      continue;
    table.headers.push_back(column.header);
    table.align += column.align;
    for (size_t i = 0; i < values.size(); ++i) table.rows[i].push_back(values[i].value_or(unknown(options)));
    table.footer.push_back(column.total);
    has_total = has_total || !column.total.empty();
  }
  if (!has_total) table.footer.clear();
  return table;
}

using Texts = std::optional<std::string>;
Texts text_or_none(const std::string& text) { return text.empty() ? Texts() : Texts(text); }

// Any layer column by its key, through a formatter.
std::function<Texts(const LayerRow&)> number_column(const Report& report, std::string_view key,
                                                    std::string (*format)(double)) {
  for (const LayerColumn& column : layer_columns()) {
    if (column.key != key) continue;
    const auto value = column.value;
    return [&report, value, format](const LayerRow& layer) -> Texts {
      const Cell cell = value(layer, report);
      const double* number = std::get_if<double>(&cell);
      return number != nullptr ? Texts(format(*number)) : Texts();
    };
  }
  check_failed("layer column", __FILE__, __LINE__);
}

std::string total_text(const Report& report, std::string_view name, std::string (*format)(double)) {
  const std::optional<double> value = metric(report, name);
  return value ? format(*value) : "";
}

std::vector<Column> common_columns(const Report& report) {
  return {{"layer", '~', [](const LayerRow& layer) { return Texts(layer.name); }, "total"},
          {"kind", '<', [](const LayerRow& layer) { return text_or_none(layer.kind); }},
          {"on", '<', [](const LayerRow& layer) { return text_or_none(layer.placement); }},
          {"MACs", '>',
           [](const LayerRow& layer) { return layer.macs == 0 ? Texts() : count_text(double(layer.macs)); },
           total_text(report, "macs", count_text)}};
}

std::function<Texts(const LayerRow&)> exact_count(std::optional<int64_t> LayerRow::*member) {
  return [member](const LayerRow& layer) -> Texts {
    return layer.*member ? Texts(fmt::format("{}", *(layer.*member))) : Texts();
  };
}

Column saturated_column(const Report& report) {
  return {"saturated", '>', exact_count(&LayerRow::saturated), total_text(report, "saturated", plain_text)};
}

std::string work_table(const Report& report, const TextOptions& options) {
  std::vector<Column> columns = common_columns(report);
  columns.push_back({"nz MACs", '>', number_column(report, "nonzero_macs", count_text),
                     total_text(report, "nonzero_macs", count_text)});
  columns.push_back(
      {"weights", '>',
       [](const LayerRow& layer) { return layer.weights == 0 ? Texts() : count_text(double(layer.weights)); },
       total_text(report, "weights", count_text)});
  columns.push_back({"nz weights", '>', number_column(report, "nonzero_weights", count_text),
                     total_text(report, "nonzero_weights", count_text)});
  const auto density = [&options](const std::optional<Statistics>& value) -> Texts {
    if (!value) return std::nullopt;
    const std::string spread =
        value->spread > 0 ? fmt::format(" {}{:.1f}", options.unicode ? "\xC2\xB1" : "+-", 100 * value->spread)
                          : "";
    return percent_text(1.0 - value->mean) + spread;
  };
  columns.push_back({"zeros in", '>', [=](const LayerRow& layer) { return density(layer.input_density); }});
  columns.push_back({"zeros out", '>', [=](const LayerRow& layer) { return density(layer.output_density); }});
  return to_text(table_of(report.layers, columns, options), options);
}

std::string simulation_table(const Report& report, const TextOptions& options) {
  std::vector<Column> columns = common_columns(report);
  columns.push_back({"zeros in", '>', [](const LayerRow& layer) {
                       return layer.input_density ? Texts(percent_text(1.0 - layer.input_density->mean))
                                                  : Texts();
                     }});
  columns.push_back({"cycles", '>', number_column(report, "latency_cycles", count_text),
                     total_text(report, "latency_cycles", count_text)});
  columns.push_back({"busy", '>', number_column(report, "utilisation_fraction", percent_text),
                     total_text(report, "utilisation_fraction", percent_text)});
  columns.push_back({"DRAM", '>',
                     [&report](const LayerRow& layer) -> Texts {
                       if (!layer.stats) return std::nullopt;
                       const Traffic moved = layer.stats->at(MemoryLevel::dram);
                       return bits_text(
                           per_input(static_cast<double>((moved.read + moved.written).number()), report));
                     },
                     total_text(report, "dram_bits", bits_text)});
  columns.push_back({"core", '>', number_column(report, "core_energy_pJ", energy_text),
                     total_text(report, "core_energy_pJ", energy_text)});
  columns.push_back({"+ DRAM", '>', number_column(report, "energy_pJ", energy_text),
                     total_text(report, "energy_pJ", energy_text)});
  columns.push_back({"SNR dB", '>', number_column(report, "signal_to_noise_dB", decibel_text)});
  if (metric(report, "saturated").value_or(0) > 0) columns.push_back(saturated_column(report));
  columns.push_back(
      {"differ", '>', exact_count(&LayerRow::mismatches), total_text(report, "mismatches", plain_text)});
  const TextTable whole = table_of(report.layers, columns, options);
  if (options.width <= 0 || natural_width(whole, options) <= options.width) return to_text(whole, options);
  // Names and numbers come first: the kind stays only where there is room for it.
  columns.erase(columns.begin() + 1);
  return to_text(table_of(report.layers, columns, options), options);
}

// What the integer network's formats are, and what they cost.
std::string formats_table(const Report& report, const TextOptions& options) {
  const bool known = std::any_of(report.layers.begin(), report.layers.end(),
                                 [](const LayerRow& layer) { return !layer.output_format.empty(); });
  if (!known) return "";
  const std::vector<Column> columns = {
      {"layer", '~', [](const LayerRow& layer) { return Texts(layer.name); }, "total"},
      {"input", '<', [](const LayerRow& layer) { return text_or_none(layer.input_format); }},
      {"weights", '<', [](const LayerRow& layer) { return text_or_none(layer.weight_format); }},
      {"output", '<', [](const LayerRow& layer) { return text_or_none(layer.output_format); }},
      {"SNR dB", '>', number_column(report, "signal_to_noise_dB", decibel_text)},
      saturated_column(report)};
  return heading("Number formats a layer; saturated results of all inputs", options) +
         to_text(table_of(report.layers, columns, options), options);
}

// The sizes of one kind of tensor in every encoding.
std::string size_table(const Report& report, std::optional<EncodedSizes> LayerRow::*which,
                       std::string_view what, const TextOptions& options) {
  const auto part = [which](auto member) {
    return [which, member](const LayerRow& layer) -> Texts {
      if (!(layer.*which)) return std::nullopt;
      const std::optional<double> bits = (*(layer.*which)).*member;
      return bits ? Texts(bits_text(*bits)) : Texts();
    };
  };
  const bool known = std::any_of(report.layers.begin(), report.layers.end(),
                                 [which](const LayerRow& layer) { return (layer.*which).has_value(); });
  if (!known) return "";
  const std::vector<Column> columns = {
      {"layer", '~', [](const LayerRow& layer) { return Texts(layer.name); }},
      {"dense", '>', part(&EncodedSizes::dense_bits)},
      {"sparsity map", '>', part(&EncodedSizes::sparsity_map_bits)},
      {"run length", '>', part(&EncodedSizes::run_length_bits)},
      {"CSC", '>', part(&EncodedSizes::csc_bits)},
      {"entropy bound", '>', part(&EncodedSizes::entropy_bits)}};
  return heading(fmt::format("Size of {} a layer, mean per input", what), options) +
         to_text(table_of(report.layers, columns, options), options);
}

std::string headline(const Report& report, const TextOptions& options) {
  const std::string title = printable(report.title, options.unicode);
  std::string text = options.colour ? fmt::format("\x1b[1m{}\x1b[0m\n", title) : title + "\n";
  for (const auto& [label, value] : headline_figures(report)) {
    text += fmt::format("  {:<22}{}\n", label, printable(value, options.unicode));
  }
  return text;
}

std::string energy_table(const Report& report, const TextOptions& options) {
  const Totals totals = totals_of(report);
  if (!totals.energy) return "";
  TextTable table{{"where", "of what", "energy", "share"}, "<<>>", {}, {}};
  const double all = totals.energy->total_pJ();
  const auto add = [&](const std::string& where, const std::vector<EnergyShare>& shares) {
    for (const EnergyShare& share : shares) {
      table.rows.push_back({where, title_of(share.name), energy_text(per_input(share.energy_pJ, report)),
                            percent_text(all > 0 ? share.energy_pJ / all : 0.0)});
    }
  };
  add("level", energy_by_level(*totals.energy));
  add("data", energy_by_data_kind(*totals.energy));
  const bool has_core = totals.energy->has_core;
  TextTable costs{{"DRAM cost", "pJ/bit", "DRAM", "core + DRAM", "source"}, "<>>><", {}, {}};
  for (const DramEnergy& cost : totals.energy->dram_costs) {
    costs.rows.push_back({cost.title, fmt::format("{:g}", cost.cost_pJ_per_bit),
                          energy_text(per_input(cost.energy_pJ, report)),
                          has_core ? energy_text(per_input(cost.energy_pJ + totals.energy->core_pJ(), report))
                                   : unknown(options),
                          cost.source});
  }
  return heading(has_core ? "Energy per input" : "Energy of DRAM per input", options) +
         to_text(table, options) + heading("The same with DRAM at every listed cost", options) +
         to_text(costs, options);
}

std::string lines_text(std::string_view title, const std::vector<std::string>& lines,
                       const TextOptions& options) {
  if (lines.empty()) return "";
  std::string text = heading(title, options);
  for (const std::string& line : lines) {
    text += wrapped(printable(line, options.unicode), options.width,
                    options.unicode ? "  \xE2\x80\xA2 " : "  * ");
  }
  return text;
}

}  // namespace

std::string published_text(const std::vector<PublishedFigure>& figures, const TextOptions& options) {
  if (figures.empty()) return "";
  TextTable table{{"figure", "ours", "published", "tolerance", "verdict", "source"}, "<>>><<", {}, {}};
  for (const PublishedFigure& figure : figures) {
    const std::string tolerance =
        figure.tolerance_fraction > 0 ? fmt::format("{:g} %", 100 * figure.tolerance_fraction) : "exact";
    table.rows.push_back({figure.name, with_unit(figure.ours, figure.unit),
                          with_unit(figure.theirs, figure.unit), tolerance, figure.verdict, figure.source});
  }
  return to_text(table, options);
}

std::string to_text(const Comparison& comparison, const TextOptions& options) {
  TextTable table{{"metric"}, "<", {}, {}};
  for (const std::string& label : comparison.labels) {
    table.headers.push_back(label);
    table.align += '>';
  }
  for (const ComparisonRow& row : comparison.rows) {
    std::vector<std::string> cells = {row.title};
    for (size_t i = 0; i < row.values.size(); ++i) cells.push_back(cell_text(row, i, options.unicode));
    table.rows.push_back(std::move(cells));
  }
  return to_text(table, options);
}

std::string to_text(const Report& report, const TextOptions& options) {
  std::string text = headline(report, options);
  const bool simulated = std::any_of(report.layers.begin(), report.layers.end(),
                                     [](const LayerRow& layer) { return layer.stats.has_value(); });
  const std::string inputs = report.inputs == 0   ? "shapes only"
                             : report.inputs == 1 ? "one input"
                                                  : fmt::format("mean of {} inputs", report.inputs);
  if (!report.layers.empty()) {
    text += heading(fmt::format("Layers, {}", inputs), options);
    text += simulated ? simulation_table(report, options) : work_table(report, options);
  }
  if (!simulated) {
    text += formats_table(report, options);
    text += size_table(report, &LayerRow::input_size, "the input feature map", options);
    text += size_table(report, &LayerRow::weight_size, "the weights", options);
  }
  text += energy_table(report, options);
  if (!report.published.empty())
    text += heading("Published figures beside ours", options) + published_text(report.published, options);
  text += lines_text("Notes", report.notes, options);
  text += lines_text("What the model does not know", report.uncertainties, options);
  return text;
}

}  // namespace deltahop
