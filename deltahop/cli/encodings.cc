// SPDX-License-Identifier: Apache-2.0
// deltahop encodings: how many bits each code for sparse values needs at each density, beside Shannon's
// bound.
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/random.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/report/findings.h"
#include "deltahop/tensor/encodings/csc.h"
#include "deltahop/tensor/encodings/encoding.h"
#include "deltahop/tensor/encodings/run_length.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop {
namespace {

constexpr int64_t kRows = 64;  // of the matrix that CSC sees: channels of a map

struct EncodingsOptions {
  std::vector<double> densities = {0.01,  0.02, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.225, 0.25,
                                   0.275, 0.3,  0.4,  0.5,   0.6, 0.7,   0.75, 0.8,   0.9, 1.0};
  int64_t values = 1 << 20;
  uint64_t seed = 1;
  ReportOptions report;
};

// Independently zero or uniform over the other codes of 16 bits.
Tensor random_map(const EncodingsOptions& options, double density) {
  Random random(options.seed);
  Tensor map = Tensor::zeros(DataType::int16, {options.values});
  for (int16_t& value : map.values<int16_t>()) {
    if (!random.chance(density)) continue;
    const int64_t code = random.integer(1, 65535);
    value = static_cast<int16_t>(code - (code > 32767 ? 65536 : 0));
  }
  return map;
}

struct Row {
  double density = 0, entropy = 0, run_length = 0, sparsity_map = 0, csc = 0;  // bits a value
};

Row measured(const EncodingsOptions& options, double density) {
  const Tensor map = random_map(options, density);
  const auto values = map.values<int16_t>();
  const int64_t nonzeros = count_nonzero(map);
  const double count = static_cast<double>(options.values);
  const auto each = [&](Bits bits) { return static_cast<double>(bits.number()) / count; };
  Row row;
  row.density = static_cast<double>(nonzeros) / count;
  row.entropy = each(entropy_bound_bits(options.values, nonzeros));
  row.run_length = each(run_length_bits(values));
  row.sparsity_map = each(sparsity_map_bits({kRows, 1, options.values / kRows}, nonzeros));
  row.csc = each(csc_bits(values, kRows, options.values / kRows));
  return row;
}

Findings encodings_findings(const EncodingsOptions& options) {
  Findings findings;
  findings.title = "Codes for sparse values";
  findings.command = "encodings";
  findings.tables.push_back(
      {"densities",
       "Bits a value",
       "16-bit values, zero independently of each other, else uniform. Plain: 16 bits. Bound: Shannon's, for "
       "positions and values.",
       {{"density_fraction", "density", NumberStyle::percent},
        {"bound_bits", "bound", NumberStyle::rounded},
        {"run_length_bits", "run length", NumberStyle::rounded},
        {"run_length_over_bound", "over bound", NumberStyle::ratio},
        {"sparsity_map_bits", "sparsity map", NumberStyle::rounded},
        {"sparsity_map_over_bound", "over bound", NumberStyle::ratio},
        {"csc_bits", "CSC", NumberStyle::rounded},
        {"csc_over_bound", "over bound", NumberStyle::ratio}},
       {}});
  Chart chart{"over-bound",
              "Size over Shannon's bound",
              "1 is the least that any code of single values needs on average.",
              "size over bound",
              Chart::Kind::points,
              ChartUnit::ratio,
              {},
              {{"run length", 0, {}}, {"sparsity map", 1, {}}, {"CSC", 2, {}}},
              "density"};
  std::optional<double> low, high;
  for (const double density : options.densities) {
    const Row row = measured(options, density);
    if (!(row.entropy > 0)) continue;
    const double run = row.run_length / row.entropy, map = row.sparsity_map / row.entropy,
                 csc = row.csc / row.entropy;
    findings.tables[0].rows.push_back(
        {row.density, row.entropy, row.run_length, run, row.sparsity_map, map, row.csc, csc});
    chart.labels.push_back(fmt::format("{:.1f} %", 100 * density));
    const double ratios[] = {run, map, csc};
    for (size_t i = 0; i < 3; ++i) chart.series[i].values.emplace_back(ratios[i]);
    if (density < 0.0999 || density > 0.2251) continue;
    low = std::min(low.value_or(run), run);
    high = std::max(high.value_or(run), run);
  }
  findings.charts.push_back(std::move(chart));
  if (low) {
    findings.notes.push_back(fmt::format(
        "between densities of 10 % and 22.5 % the run-length code is {:.1f} % to {:.1f} % above the "
        "bound",
        100 * (*low - 1), 100 * (*high - 1)));
  }
  findings.notes.push_back(fmt::format("{} values of each density, seed {}; CSC in columns of {}",
                                       options.values, options.seed, kRows));
  return findings;
}

}  // namespace

void add_encodings(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "encodings", "Sizes of the codes for sparse values (run length, sparsity map, CSC) beside their bound");
  auto options = std::make_shared<EncodingsOptions>();
  command->add_option("--density", options->densities, "Fractions of values that are not zero: 0.1 0.2")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--values", options->values, "Values drawn at each density")
      ->check(CLI::Range(64, 1 << 26))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Seed of the values")->capture_default_str();
  options->report.add_to(*command);
  command->footer("Example:\n  deltahop encodings --density 0.1 0.15 0.2 --html encodings.html");
  command->callback([options, &surroundings] {
    options->values -= options->values % kRows;
    Findings findings = encodings_findings(*options);
    findings.provenance = provenance_of(surroundings);
    findings.provenance.seed = options->seed;
    const TextOptions style = style_of(surroundings.console);
    emit({.name = "encodings",
          .csv_name = "densities",
          .html = [&] { return to_html(findings); },
          .json = [&] { return to_json(findings); },
          .csv = [&] { return to_csv(findings); },
          .text = [&] { return to_text(findings, style); }},
         options->report, surroundings.console);
  });
}

}  // namespace deltahop
