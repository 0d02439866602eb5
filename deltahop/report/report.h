// SPDX-License-Identifier: Apache-2.0
// Everything a command found out, as plain data: writers (json.h, csv.h, text.h, html.h) turn it into text,
// and nothing here prints. What was not computed stays absent; no writer ever shows a guess.
//   Counts that depend on data (Stats, energies, nonzero_macs, mismatches, saturated) are SUMS over `inputs`
//   inputs, so
// that they stay exact; writers divide and print means per input. Counts of shape (macs, weights) are those
// of one input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "deltahop/base/units.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/simulate/energy.h"
#include "deltahop/simulate/stats.h"

namespace deltahop {

struct Provenance {
  std::string command_line;
  std::string version;  // of deltahop
  std::string compiler;
  std::string date;  // as the caller gives it: the library reads no clock
  uint64_t seed = 0;
  int threads = 1;
  std::string input;  // description of the data: "folder of 100 pictures, labelled"
  // Name and full text of every resolved configuration: chip, technology, preprocessing, number formats.
  std::vector<std::pair<std::string, std::string>> configurations;
};

struct NetworkSummary {
  std::string name;
  std::string source;  // path or "zoo: vgg16"
  std::string citation;
  std::string input_shape;
  int64_t macs = 0;  // dense, one input
  int64_t weights = 0;
  std::optional<double> published_macs, published_weights;
  std::string published_source;  // place of the two in the literature
  std::string note;              // "AlexNet without grouping", ...
};

// Of a value over the inputs of a run. One input: spread 0, lowest = highest.
struct Statistics {
  double mean = 0.0;
  double spread = 0.0;  // standard deviation of the population
  double lowest = 0.0, highest = 0.0;
};
Statistics statistics_of(const std::vector<double>& values);

// Size of one tensor in each encoding, mean over inputs.
struct EncodedSizes {
  double dense_bits = 0.0;
  std::optional<double> sparsity_map_bits, run_length_bits, csc_bits, entropy_bits;
};

// Of the integer result against the float one, over all inputs.
struct NumericError {
  double largest = 0.0;
  double root_mean_square = 0.0;
  std::optional<double> signal_to_noise_dB;  // absent where there is no error or no signal
};

// A stage of the network: a layer with what follows it in one pass.
struct LayerRow {
  std::string name;
  std::string kind;       // for people: "conv 3x3/1 64->128, 112x112, ReLU, max pool 2x2"
  std::string placement;  // "chip", "extension", "host"; "" where no chip is involved
  std::string reason;     // why host, or which extension
  std::string mapping;    // "2 MACs a channel, 8 passes"
  std::string input_shape, output_shape;
  std::string input_format, weight_format, output_format;  // "Q8.8"; "" for float or none

  int64_t macs = 0;  // dense, padding included
  int64_t weights = 0;
  std::optional<int64_t> nonzero_weights;
  std::optional<int64_t> nonzero_macs;  // both operands non-zero and inside the map; sum over inputs
  std::optional<Statistics> input_density, output_density;  // fraction of non-zero values
  std::optional<EncodedSizes> input_size, output_size, weight_size;

  std::optional<Stats> stats;             // sum over inputs; absent for the host
  std::optional<EnergyBreakdown> energy;  // sum over inputs
  std::optional<NumericError> error;
  std::optional<int64_t> saturated;  // results that did not fit; sum over inputs
  std::optional<int64_t> compared,
      mismatches;  // values compared with the chip's own output; sums over inputs
};

// The picture of the network. Nodes in topological order.
struct GraphNode {
  std::string name;
  std::string kind;       // short: "Conv 3x3", "Add"
  std::string placement;  // as LayerRow
  int row = -1;           // index into Report::layers, -1 for inputs and outputs
};
struct GraphEdge {
  int from = 0, to = 0;  // indices into nodes
};
struct NetworkGraph {
  std::vector<GraphNode> nodes;
  std::vector<GraphEdge> edges;
};

struct Accuracy {
  int64_t labelled = 0;  // inputs that had a label
  std::optional<double> float_top1_fraction, float_top5_fraction;
  std::optional<double> integer_top1_fraction, integer_top5_fraction;
  std::optional<double> agreement_fraction;  // float and integer give the same class, over all inputs
};

struct PublishedFigure {
  std::string name;
  double ours = 0.0, theirs = 0.0;
  std::string unit;
  double tolerance_fraction = 0.0;  // relative; 0: exact
  std::string source;               // citation and place
  std::string verdict;              // "agrees", "differs", or why it is not judged ("orientation only")
  std::string note;
};
// "agrees" or "differs" by the tolerance.
std::string verdict_of(double ours, double theirs, double tolerance_fraction);

struct Report {
  std::string title;    // "VGG-16 on NullHop, 28 nm"
  std::string command;  // "profile", "simulate", ...
  Provenance provenance;
  NetworkSummary network;
  NetworkGraph graph;
  std::optional<Architecture> chip;
  int64_t inputs = 0;  // that the sums run over
  std::vector<LayerRow> layers;
  std::optional<Accuracy> accuracy;
  std::vector<PublishedFigure> published;
  std::vector<std::string> notes;          // for the reader: what was verified, what is an extension
  std::vector<std::string> uncertainties;  // what the model does not know, and how much it may matter
};

// Sums over the layers; each is absent where no layer has it, the non-zero counts also where one lacks them.
struct Totals {
  int64_t macs = 0, weights = 0;
  int64_t macs_on_chip = 0, macs_on_extension = 0, macs_on_host = 0;
  std::optional<int64_t> nonzero_weights, nonzero_macs;
  std::optional<Stats> stats;
  std::optional<EnergyBreakdown> energy;
  std::optional<int64_t> saturated, compared, mismatches;
  std::optional<Seconds> latency;  // one input, chip layers one after another; needs chip and stats
  std::optional<double> inputs_per_second;
  std::optional<double>
      effective_ops_per_second;  // 2 x dense MACs of the chip's layers: skipped ones count as done
  std::optional<double> utilisation_fraction;  // macs_done / (multipliers x cycles), all phases
  std::optional<double>
      efficiency_fraction;  // dense MACs / (multipliers x cycles): above 1 thanks to skipping
  std::optional<Watts> core_power, power_with_dram;
  std::optional<double> core_ops_per_joule, ops_per_joule_with_dram;  // effective, default DRAM cost
};
Totals totals_of(const Report& report);

}  // namespace deltahop
