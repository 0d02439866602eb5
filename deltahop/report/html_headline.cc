// SPDX-License-Identifier: Apache-2.0
// The top of the page: what came out, in words, tiles and one bar.
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

double inputs_of(const Report& report) { return static_cast<double>(std::max<int64_t>(1, report.inputs)); }

std::string tile_html(std::string_view label, std::string_view value, std::string_view detail,
                      std::string_view kind = "") {
  return fmt::format("<div class=\"tile {}\"><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", kind,
                     escaped(label), escaped(value), escaped(detail));
}

std::string accuracy_tile(const Accuracy& accuracy) {
  if (accuracy.integer_top1_fraction) {
    std::string detail = "top-1, integer";
    if (accuracy.float_top1_fraction) detail += "; float " + percent_text(*accuracy.float_top1_fraction);
    return tile_html("Accuracy", percent_text(*accuracy.integer_top1_fraction), detail);
  }
  if (accuracy.float_top1_fraction)
    return tile_html("Accuracy", percent_text(*accuracy.float_top1_fraction), "top-1, float");
  if (accuracy.agreement_fraction) {
    return tile_html("Same class", percent_text(*accuracy.agreement_fraction), "float and integer agree");
  }
  return "";
}

std::string network_tiles(const Report& report, const Totals& totals) {
  const NetworkSummary& network = report.network;
  const auto beside = [&](const std::optional<double>& published, std::string_view otherwise) {
    return published ? fmt::format("published: {}, {}", count_text(*published), network.published_source)
                     : std::string(otherwise);
  };
  std::string text = tile_html("Multiply-accumulates", count_text(static_cast<double>(totals.macs)),
                               beside(network.published_macs, "dense, one input"));
  if (!totals.stats) {
    text += tile_html("Weights", count_text(static_cast<double>(totals.weights)),
                      beside(network.published_weights, "biases not counted"));
    if (totals.nonzero_macs && totals.macs > 0) {
      const double share =
          static_cast<double>(*totals.nonzero_macs) / static_cast<double>(totals.macs) / inputs_of(report);
      text += tile_html("Non-zero MACs", percent_text(share), "both operands non-zero, inside the map");
    }
    if (totals.nonzero_weights && totals.weights > 0) {
      const double share = static_cast<double>(*totals.nonzero_weights) / static_cast<double>(totals.weights);
      text += tile_html("Non-zero weights", percent_text(share),
                        count_text(static_cast<double>(*totals.nonzero_weights)));
    }
  }
  return text;
}

std::string simulation_tiles(const Report& report, const Totals& totals) {
  std::string text;
  if (totals.latency) {
    text += tile_html("Latency", to_text(*totals.latency),
                      count_text(*totals.inputs_per_second) + " inputs a second");
    text += tile_html("Throughput", value_text(*totals.effective_ops_per_second, "Op/s", ""),
                      "skipped operations count as done");
    text += tile_html("Efficiency", percent_text(*totals.efficiency_fraction),
                      percent_text(*totals.utilisation_fraction) + " of MAC slots useful");
  }
  if (totals.energy && !totals.energy->has_core) {
    text += tile_html("Energy of DRAM", energy_text(totals.energy->dram_pJ() / inputs_of(report)),
                      "that of the chip is not known");
  } else if (totals.energy) {
    text += tile_html("Energy", energy_text(totals.energy->total_pJ() / inputs_of(report)),
                      energy_text(totals.energy->core_pJ() / inputs_of(report)) + " without DRAM");
  }
  if (totals.ops_per_joule_with_dram && totals.core_ops_per_joule) {
    text += tile_html("Power efficiency", value_text(*totals.ops_per_joule_with_dram, "Op/s/W", ""),
                      value_text(*totals.core_ops_per_joule, "Op/s/W", "") + " without DRAM");
  }
  if (totals.mismatches) {
    const bool good = *totals.mismatches == 0;
    text += tile_html(
        "Verified", good ? "bit for bit" : fmt::format("{} differ", *totals.mismatches),
        fmt::format("{} values compared", count_text(static_cast<double>(totals.compared.value_or(0)))),
        good ? "good" : "bad");
  }
  return text;
}

std::string work_part(std::string_view kind, std::string_view label, double part, double whole) {
  if (part <= 0) return "";
  return fmt::format("<span class=\"{}\" style=\"flex-grow:{:.4f}\" title=\"{}: {} ({})\"></span>", kind,
                     1000 * part / whole, escaped(label), count_text(part), percent_text(part / whole));
}

std::string work_label(std::string_view kind, std::string_view label, double part, double whole) {
  if (part <= 0) return "";
  return fmt::format("<li><i class=\"{}\"></i>{} <b>{}</b> <span>{}</span></li>", kind, escaped(label),
                     percent_text(part / whole), count_text(part));
}

}  // namespace

std::string kicker_of(const Report& report) {
  std::string text = "deltahop " + report.command;
  if (!report.provenance.input.empty()) text += " \xC2\xB7 " + report.provenance.input;
  if (!report.provenance.date.empty()) text += " \xC2\xB7 " + report.provenance.date;
  return text;
}

std::string lead_html(const Report& report) {
  const Totals totals = totals_of(report);
  std::vector<std::string> sentences;
  if (totals.stats && totals.stats->dense_macs() > 0) {
    const double dense = static_cast<double>(totals.stats->dense_macs());
    const double skipped = 1.0 - static_cast<double>(totals.stats->macs_done) / dense;
    std::string text =
        fmt::format("{} of the multiplications on the chip were skipped", percent_text(skipped));
    if (totals.latency) text += fmt::format("; an input takes {}", to_text(*totals.latency));
    if (totals.energy)
      text += fmt::format(" and {} {} DRAM", energy_text(totals.energy->total_pJ() / inputs_of(report)),
                          totals.energy->has_core ? "with" : "of");
    sentences.push_back(text + ".");
  } else if (totals.nonzero_macs && totals.macs > 0) {
    const double share =
        static_cast<double>(*totals.nonzero_macs) / static_cast<double>(totals.macs) / inputs_of(report);
    sentences.push_back(fmt::format("{} of {} multiplications have a zero operand and need not be done.",
                                    percent_text(1.0 - share), count_text(static_cast<double>(totals.macs))));
  }
  if (report.inputs > 1) sentences.push_back(fmt::format("Numbers are means of {} inputs.", report.inputs));
  if (sentences.empty()) return "";
  std::string text = "<p class=\"hero-lead\">";
  for (size_t i = 0; i < sentences.size(); ++i) text.append(i == 0 ? "" : " ").append(escaped(sentences[i]));
  return text + "</p>";
}

std::string tiles_html(const Report& report) {
  if (report.layers.empty()) return "";
  const Totals totals = totals_of(report);
  std::string text = simulation_tiles(report, totals) + network_tiles(report, totals);
  if (report.accuracy) text += accuracy_tile(*report.accuracy);
  return "<dl class=\"tiles\">\n" + text + "</dl>\n";
}

std::string work_html(const Report& report) {
  const Totals totals = totals_of(report);
  if (!totals.stats) return "";
  const double inputs = inputs_of(report);
  const double done = static_cast<double>(totals.stats->macs_done) / inputs;
  const double zero = static_cast<double>(totals.stats->macs_skipped_zero_input) / inputs;
  const double padding = static_cast<double>(totals.stats->macs_skipped_padding) / inputs;
  const double host = static_cast<double>(totals.macs_on_host);
  const double whole = done + zero + padding + host;
  if (!(whole > 0)) return "";
  struct Part {
    std::string_view kind, label;
    double count;
  };
  const std::vector<Part> parts = {{"done", "done", done},
                                   {"zero", "skipped: the input is zero", zero},
                                   {"padding", "skipped: padding", padding},
                                   {"host", "on the host", host}};
  std::string bar, labels;
  for (const Part& part : parts) {
    bar += work_part(part.kind, part.label, part.count, whole);
    labels += work_label(part.kind, part.label, part.count, whole);
  }
  return fmt::format("<div class=\"work\" aria-hidden=\"true\">{}</div><ul class=\"work-labels\">{}</ul>",
                     bar, labels);
}

}  // namespace deltahop
