// SPDX-License-Identifier: Apache-2.0
// The sections of tables.
#include "deltahop/report/html_sections.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/report/html_parts.h"
#include "deltahop/report/metrics.h"
#include "deltahop/report/number_text.h"

namespace deltahop {
namespace {

constexpr std::string_view kUnknown = "\xC2\xB7";

// Names of layers are long; a column of a table may say less than the whole kind.
std::string placement_text(const LayerRow& layer) {
  if (layer.placement.empty()) return std::string(kUnknown);
  return layer.reason.empty() ? layer.placement : layer.placement + ": " + layer.reason;
}

struct LayerField {
  std::string header;
  std::string (*format)(double);
  std::string key;
};

// A column for every number that any layer has.
void add_fields(HtmlTable& table, const Report& report, const std::vector<LayerField>& fields) {
  const std::vector<LayerColumn> columns = layer_columns();
  for (const LayerField& field : fields) {
    const auto column = std::find_if(columns.begin(), columns.end(),
                                     [&](const LayerColumn& each) { return each.key == field.key; });
    DELTAHOP_CHECK(column != columns.end());
    std::vector<std::string> cells;
    bool known = false;
    for (const LayerRow& layer : report.layers) {
      const Cell cell = column->value(layer, report);
      const double* number = std::get_if<double>(&cell);
      known = known || number != nullptr;
      cells.push_back(number != nullptr ? field.format(*number) : std::string(kUnknown));
    }
    if (!known) continue;
    table.headers.push_back(field.header);
    table.align += '>';
    for (size_t i = 0; i < cells.size(); ++i) table.rows[i].push_back(cells[i]);
  }
}

std::string zeros_text(double density) { return percent_text(1.0 - density); }

}  // namespace

std::string network_introduction(const Report& report) {
  const NetworkSummary& network = report.network;
  std::string text = network.name;
  if (!network.source.empty()) text += ", from " + network.source;
  if (!network.citation.empty())
    text += network.citation[0] == '[' ? " " + network.citation : " [" + network.citation + "]";
  if (!network.input_shape.empty()) text += "; input " + network.input_shape;
  text += ".";
  if (!network.note.empty()) text += " " + network.note;
  text += report.chip ? " The bar in a box is its share of time beside the slowest layer."
                      : " The bar in a box is its share of arithmetic beside the heaviest layer.";
  return text;
}

std::string legend_html(const Report& report) {
  if (!report.chip || report.graph.nodes.empty()) return "";
  const auto used = [&](std::string_view placement) {
    return std::any_of(report.graph.nodes.begin(), report.graph.nodes.end(),
                       [&](const GraphNode& node) { return node.placement == placement; });
  };
  std::string text = "<ul class=\"legend\">";
  if (used("chip")) text += "<li><i class=\"chip\"></i>on the chip</li>";
  if (used("extension")) text += "<li><i class=\"extension\"></i>declared extension of the chip</li>";
  if (used("host")) text += "<li><i class=\"host\"></i>on the host</li>";
  return text + "</ul>";
}

std::string layers_introduction(const Report& report) {
  const Totals totals = totals_of(report);
  std::string text;
  if (report.chip && totals.macs > 0) {
    text = fmt::format(
        "{} of the MACs run on the chip",
        percent_text(static_cast<double>(totals.macs_on_chip) / static_cast<double>(totals.macs)));
    if (totals.macs_on_extension > 0)
      text += fmt::format(
          ", {} on declared extensions",
          percent_text(static_cast<double>(totals.macs_on_extension) / static_cast<double>(totals.macs)));
    text += fmt::format(
        ", {} on the host; cycles and energy are those of the chip.",
        percent_text(static_cast<double>(totals.macs_on_host) / static_cast<double>(totals.macs)));
  }
  return text;
}

std::string layers_html(const Report& report) {
  if (report.layers.empty()) return "";
  HtmlTable table{{"layer", "kind"}, "<<", {}, {}};
  for (const LayerRow& layer : report.layers) table.rows.push_back({layer.name, layer.kind});
  add_fields(table, report,
             {{"MACs", count_text, "macs"},
              {"non-zero MACs", count_text, "nonzero_macs"},
              {"MACs done", count_text, "macs_done"},
              {"weights", count_text, "weights"},
              {"non-zero weights", count_text, "nonzero_weights"},
              {"zeros in", zeros_text, "input_density_mean_fraction"},
              {"spread", percent_text, "input_density_spread_fraction"},
              {"zeros out", zeros_text, "output_density_mean_fraction"},
              {"cycles", count_text, "latency_cycles"},
              {"utilisation", percent_text, "utilisation_fraction"},
              {"efficiency", percent_text, "efficiency_fraction"},
              {"DRAM read", bits_text, "dram_read_bits"},
              {"DRAM written", bits_text, "dram_written_bits"},
              {"core energy", energy_text, "core_energy_pJ"},
              {"with DRAM", energy_text, "energy_pJ"},
              {"compared", count_text, "compared"},
              {"mismatches", count_text, "mismatches"}});
  if (report.chip) {
    table.headers.insert(table.headers.end(), {"runs on", "mapping"});
    table.align += "<<";
    for (size_t i = 0; i < table.rows.size(); ++i) {
      table.rows[i].insert(table.rows[i].end(), {placement_text(report.layers[i]), report.layers[i].mapping});
    }
  }
  return to_html(table, "Layers, mean per input");
}

std::string energy_introduction(const Report& report) {
  const Totals totals = totals_of(report);
  if (!totals.energy || totals.energy->not_modelled.empty()) return "";
  std::string text = "Counts times published unit costs. Not modelled: ";
  for (size_t i = 0; i < totals.energy->not_modelled.size(); ++i)
    text += (i == 0 ? "" : "; ") + totals.energy->not_modelled[i];
  return text + ".";
}

std::string energy_html(const Report& report) {
  const Totals totals = totals_of(report);
  if (!totals.energy) return "";
  HtmlTable table{
      {"where", "what", "operation", "count", "unit cost", "energy", "source"}, "<<<>>><", {}, {}};
  for (const auto* entries : {&totals.energy->core, &totals.energy->dram}) {
    for (const EnergyEntry& entry : *entries) {
      table.rows.push_back({title_of(entry.level), title_of(entry.data_kind), title_of(entry.operation),
                            count_text(per_input(entry.count, report)) + " " + entry.unit,
                            fmt::format("{:.4g} pJ", entry.unit_cost_pJ),
                            energy_text(per_input(entry.energy_pJ, report)), entry.source});
    }
  }
  table.footer = {totals.energy->has_core ? "total" : "total of DRAM",       "", "", "", "",
                  energy_text(per_input(totals.energy->total_pJ(), report)), ""};
  return details_html("Every entry: count \xC3\x97 unit cost, with its source",
                      to_html(table, "Energy per input: what was counted, what one costs, and who says so"));
}

std::string formats_html(const Report& report) {
  const bool known = std::any_of(report.layers.begin(), report.layers.end(), [](const LayerRow& layer) {
    return !layer.output_format.empty() || layer.error.has_value();
  });
  if (!known) return "";
  HtmlTable table{{"layer", "input", "weights", "output"}, "<<<<", {}, {}};
  const auto or_unknown = [](const std::string& text) { return text.empty() ? std::string(kUnknown) : text; };
  for (const LayerRow& layer : report.layers) {
    table.rows.push_back({layer.name, or_unknown(layer.input_format), or_unknown(layer.weight_format),
                          or_unknown(layer.output_format)});
  }
  const auto plain = [](double value) { return fmt::format("{:.3g}", value); };
  add_fields(table, report,
             {{"largest error", plain, "largest_error"},
              {"RMS error", plain, "root_mean_square_error"},
              {"SNR dB", decibel_text, "signal_to_noise_dB"},
              {"saturated", count_text, "saturated"}});
  return details_html("Number formats and errors of every layer",
                      to_html(table, "Qm.n: m bits before the point, sign included, n behind it"));
}

std::string published_html(const std::vector<PublishedFigure>& figures) {
  if (figures.empty()) return "";
  std::string rows;
  for (const PublishedFigure& figure : figures) {
    const bool agrees = figure.verdict == "agrees", differs = figure.verdict == "differs";
    const std::string tolerance = figure.tolerance_fraction > 0
                                      ? fmt::format("\xC2\xB1{:g} %", 100 * figure.tolerance_fraction)
                                      : "exact";
    rows += fmt::format(
        "<tr><th>{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><span "
        "class=\"verdict {}\">{}</span>"
        "</td><td>{}</td><td class=\"wrap\">{}</td></tr>\n",
        escaped(figure.name), escaped(with_unit(figure.ours, figure.unit)),
        escaped(with_unit(figure.theirs, figure.unit)), tolerance,
        agrees    ? "good"
        : differs ? "bad"
                  : "",
        escaped(figure.verdict), escaped(figure.source), escaped(figure.note));
  }
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Published "
         "figures\"><table><thead><tr><th>figure</th>"
         "<th class=\"n\">ours</th><th class=\"n\">published</th><th "
         "class=\"n\">tolerance</th><th>verdict</th><th>source</th>"
         "<th>note</th></tr></thead><tbody>" +
         rows + "</tbody></table></div>\n";
}

std::string notes_html(const Report& report) {
  const auto list = [](const std::vector<std::string>& lines, std::string_view title) {
    if (lines.empty()) return std::string();
    std::string text = title.empty() ? "" : fmt::format("<h3>{}</h3>", title);
    text += "<ul class=\"notes\">";
    for (const std::string& line : lines) text += "<li>" + escaped(line) + "</li>";
    return text + "</ul>";
  };
  return list(report.notes, "") + list(report.uncertainties, "What the model does not know");
}

std::string provenance_html(const Provenance& provenance) {
  HtmlTable table{{"what", "value"}, "<<", {}, {}};
  table.rows = {{"command", provenance.command_line},
                {"version", provenance.version},
                {"compiler", provenance.compiler},
                {"date", provenance.date},
                {"seed", fmt::format("{}", provenance.seed)},
                {"threads", fmt::format("{}", provenance.threads)},
                {"input", provenance.input}};
  std::erase_if(table.rows, [](const std::vector<std::string>& row) { return row[1].empty(); });
  std::string text = to_html(table, "Run");
  for (const auto& [name, content] : provenance.configurations) {
    text += details_html(name, "<pre>" + escaped_lines(content) + "</pre>");
  }
  return details_html("Command, versions, seed and full configuration", text);
}

std::string escaped_lines(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    result += escaped(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

}  // namespace deltahop
