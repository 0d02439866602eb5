// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/sample_report_test.h"

#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

struct Convolution {
  std::string name;
  int64_t in, out, kernel, size;
  bool pooled = false;
};

Architecture sample_chip() {
  return {.name = "NullHop, 28 nm",
          .citation = "Aimar2019",
          .multipliers = 128,
          .clock = Hertz(500e6),
          .core_area = SquareMillimetres(6.3),
          .dram_bits_per_cycle = Bits(64),
          .word_bits = 16,
          .technology = "28nm_scaled",
          .accumulator_bits = 32,
          .memories = {
              {.name = "input_buffer", .capacity = Bits(512 * 8192), .word = Bits(64)},
              {.name = "kernel_memory", .capacity = Bits(8 * 8192), .word = Bits(16), .instances = 128}}};
}

EncodedSizes sizes_of(double values, double density) {
  const double entropy = density <= 0 || density >= 1
                             ? 0.0
                             : -density * std::log2(density) - (1 - density) * std::log2(1 - density);
  return {values * 16, values * (1 + 16 * density), values * density * 64.0 / 3, values * density * 20,
          values * (entropy + 11 * density)};
}

Stats stats_of(const Convolution& layer, double density, int64_t inputs, Random& random) {
  Stats stats;
  const int64_t dense = inputs * layer.out * layer.in * layer.kernel * layer.kernel * layer.size * layer.size;
  stats.macs_skipped_padding = dense / 50;
  stats.macs_done = static_cast<int64_t>(static_cast<double>(dense) * density * 0.98);
  stats.macs_skipped_zero_input = dense - stats.macs_done - stats.macs_skipped_padding;
  const int64_t compute =
      static_cast<int64_t>(static_cast<double>(stats.macs_done) / 128 * random.uniform(1.02, 1.3)) + 1;
  stats.mac_slots_idle = compute * 128 - stats.macs_done;
  const int64_t weights = layer.out * layer.in * layer.kernel * layer.kernel;
  const int64_t pixels = layer.in * layer.size * layer.size;
  stats.cycles_by_phase = {Cycles(compute), Cycles(inputs * weights / 4), Cycles(inputs * pixels / 40),
                           Cycles(inputs * 200), Cycles(inputs * 64)};
  const auto bits = [&](double count) { return Bits(static_cast<int64_t>(count) * inputs); };
  stats.at(MemoryLevel::dram, DataKind::weight).read = bits(static_cast<double>(weights) * 16);
  stats.at(MemoryLevel::dram, DataKind::bias).read = bits(static_cast<double>(layer.out) * 16);
  stats.at(MemoryLevel::dram, DataKind::input).read = bits(static_cast<double>(pixels) * (1 + 16 * density));
  stats.at(MemoryLevel::dram, DataKind::output).written = bits(
      static_cast<double>(layer.out * layer.size * layer.size) * (1 + 16 * density) / (layer.pooled ? 4 : 1));
  stats.at(MemoryLevel::input_buffer, DataKind::input).written =
      stats.at(MemoryLevel::dram, DataKind::input).read;
  stats.at(MemoryLevel::input_buffer, DataKind::input).read =
      stats.at(MemoryLevel::dram, DataKind::input).read * 2;
  stats.at(MemoryLevel::kernel_memory, DataKind::weight).written =
      stats.at(MemoryLevel::dram, DataKind::weight).read;
  stats.at(MemoryLevel::kernel_memory, DataKind::weight).read = Bits(stats.macs_done * 16);
  stats.at(MemoryLevel::partial_sum_registers, DataKind::partial_sum) = {Bits(stats.macs_done * 32),
                                                                         Bits(stats.macs_done * 32)};
  return stats;
}

LayerRow row_of(const Convolution& layer, double density, int64_t inputs, Random& random) {
  LayerRow row;
  row.name = layer.name;
  row.kind = fmt::format("conv {0}x{0}/1 {1}->{2}, {3}x{3}{4}", layer.kernel, layer.in, layer.out, layer.size,
                         layer.pooled ? ", ReLU, max pool 2x2" : ", ReLU");
  row.placement = "chip";
  row.mapping = fmt::format("{} MACs a channel, {} passes", layer.out < 128 ? 2 : 1, (layer.out + 127) / 128);
  row.input_shape = fmt::format("1x{0}x{1}x{1}", layer.in, layer.size);
  const int64_t out_size = layer.pooled ? layer.size / 2 : layer.size;
  row.output_shape = fmt::format("1x{0}x{1}x{1}", layer.out, out_size);
  row.input_format = "Q8.8";
  row.weight_format = "Q2.14";
  row.output_format = "Q7.9";
  row.weights = layer.out * layer.in * layer.kernel * layer.kernel;
  row.macs = row.weights * layer.size * layer.size;
  row.nonzero_weights = row.weights - row.weights / 200;
  row.stats = stats_of(layer, density, inputs, random);
  row.nonzero_macs = row.stats->macs_done - row.stats->macs_done / 200;
  row.input_density = Statistics{density, density * 0.07, density * 0.85, std::min(1.0, density * 1.15)};
  row.output_density = Statistics{density * 0.9, density * 0.06, density * 0.8, std::min(1.0, density * 1.1)};
  row.input_size = sizes_of(static_cast<double>(layer.in * layer.size * layer.size), density);
  row.output_size = sizes_of(static_cast<double>(layer.out * out_size * out_size), density * 0.9);
  row.weight_size = sizes_of(static_cast<double>(row.weights), 0.995);
  row.energy = energy_of(*row.stats, sample_chip(), load_technology("28nm_scaled"));
  row.error =
      NumericError{random.uniform(0.001, 0.05), random.uniform(0.0001, 0.002), random.uniform(35, 75)};
  row.saturated = random.integer(0, 12);
  row.compared = inputs * layer.out * out_size * out_size;
  row.mismatches = 0;
  return row;
}

LayerRow host_row(const std::string& name, int64_t in, int64_t out) {
  LayerRow row;
  row.name = name;
  row.kind = fmt::format("fully connected {}->{}", in, out);
  row.placement = "host";
  row.reason = "fully connected layers run on the host";
  row.macs = row.weights = in * out;
  row.nonzero_weights = row.weights;
  row.nonzero_macs = row.macs * 3 / 10;
  row.input_density = Statistics{0.3, 0.02, 0.2, 0.4};
  return row;
}

Report start(std::string title, int64_t inputs) {
  Report report;
  report.title = std::move(title);
  report.command = "simulate";
  report.inputs = inputs;
  report.chip = sample_chip();
  report.provenance = {"deltahop simulate net.onnx --on nullhop --input pictures/",
                       "0.1.0",
                       "g++ 12.2.0",
                       "2026-01-02T03:04:05Z",
                       42,
                       2,
                       "folder of 4 pictures, labelled",
                       {{"chip: nullhop.yaml", "macs: 128\nclock: 500 MHz\n"},
                        {"technology: 28nm_scaled.yaml", load_technology("28nm_scaled").resolved}}};
  report.notes = {"Sample of made-up numbers.",
                  "Every chip layer was computed in the chip's own dataflow and compared."};
  report.uncertainties = {
      "Whether kernel loading overlaps with computing is not stated in the sources; serial is assumed."};
  return report;
}

void finish(Report& report) {
  for (const LayerRow& layer : report.layers) {
    report.network.macs += layer.macs;
    report.network.weights += layer.weights;
  }
  report.accuracy = Accuracy{4, 0.75, 1.0, 0.75, 1.0, 1.0};
  report.published = {{"efficiency", 3.61, 3.68, "x", 0.03, "[Aimar2019] abstract", "agrees", ""},
                      {"throughput", 430.0, 471.0, "GOp/s", 0.03, "[Aimar2019] abstract", "differs",
                       "serial kernel loading"}};
}

// Connects node `to` behind every node of `from`.
void connect(NetworkGraph& graph, const std::vector<int>& from, int to) {
  for (const int node : from) graph.edges.push_back({node, to});
}

int add_node(Report& report, LayerRow row, std::string kind, const std::vector<int>& from) {
  const int node = static_cast<int>(report.graph.nodes.size());
  report.graph.nodes.push_back(
      {row.name, std::move(kind), row.placement, static_cast<int>(report.layers.size())});
  report.layers.push_back(std::move(row));
  connect(report.graph, from, node);
  return node;
}

}  // namespace

Report straight_sample_report(int64_t inputs) {
  Random random(3);
  Report report = start("VGG-16 on NullHop, 28 nm", inputs);
  report.network = {"vgg16", "zoo: vgg16", "Simonyan2015", "1x3x224x224",        0,
                    0,       15.5e9,       138e6,          "[Sze2017] table II", ""};
  const std::vector<Convolution> layers = {
      {"conv1_1", 3, 64, 3, 224},          {"conv1_2", 64, 64, 3, 224, true}, {"conv2_1", 64, 128, 3, 112},
      {"conv2_2", 128, 128, 3, 112, true}, {"conv3_1", 128, 256, 3, 56},      {"conv3_2", 256, 256, 3, 56},
      {"conv3_3", 256, 256, 3, 56, true},  {"conv4_1", 256, 512, 3, 28},      {"conv4_2", 512, 512, 3, 28},
      {"conv4_3", 512, 512, 3, 28, true},  {"conv5_1", 512, 512, 3, 14},      {"conv5_2", 512, 512, 3, 14},
      {"conv5_3", 512, 512, 3, 14, true}};
  report.graph.nodes.push_back({"input", "1x3x224x224", "", -1});
  int last = 0;
  double density = 0.99;
  for (const Convolution& layer : layers) {
    last = add_node(report, row_of(layer, density, inputs, random), "Conv 3x3", {last});
    density = random.uniform(0.15, 0.55);
  }
  last = add_node(report, host_row("fc6", 25088, 4096), "Gemm", {last});
  last = add_node(report, host_row("fc7", 4096, 4096), "Gemm", {last});
  last = add_node(report, host_row("fc8", 4096, 1000), "Gemm", {last});
  report.graph.nodes.push_back({"scores", "1x1000", "", -1});
  connect(report.graph, {last}, last + 1);
  finish(report);
  return report;
}

Report branchy_sample_report(int modules) {
  Random random(5);
  Report report = start("GoogLeNet-like on NullHop, 28 nm", 1);
  report.network = {"branchy", "branchy.onnx", "", "1x3x224x224", 0, 0, {}, {}, "", ""};
  report.graph.nodes.push_back({"input", "1x3x224x224", "", -1});
  int last = add_node(report, row_of({"stem_conv1", 3, 64, 7, 112, true}, 0.98, 1, random), "Conv 7x7", {0});
  last = add_node(report, row_of({"stem_conv2", 64, 192, 3, 56, true}, 0.5, 1, random), "Conv 3x3", {last});
  for (int module = 0; module < modules; ++module) {
    const int64_t size = module < 3 ? 28 : module < 7 ? 14 : 7;
    const auto convolution = [&](std::string_view what, int64_t in, int64_t out, int64_t kernel, int from) {
      const Convolution layer{fmt::format("inception_{}/{}", module, what), in, out, kernel, size};
      return add_node(report, row_of(layer, random.uniform(0.2, 0.7), 1, random),
                      fmt::format("Conv {0}x{0}", kernel), {from});
    };
    const int one = convolution("1x1", 256, 64, 1, last);
    const int three = convolution("3x3", 96, 128, 3, convolution("3x3_reduce", 256, 96, 1, last));
    const int five = convolution("5x5", 16, 32, 5, convolution("5x5_reduce", 256, 16, 1, last));
    report.layers[report.layers.size() - 1].placement = "extension";
    report.layers[report.layers.size() - 1].reason = "pool: average";
    report.graph.nodes.back().placement = "extension";
    LayerRow join;
    join.name = fmt::format("inception_{}/concat", module);
    join.kind = "Concat";
    join.placement = "host";
    join.reason = "joins branches";
    last = add_node(report, std::move(join), "Concat", {one, three, five});
  }
  last = add_node(report, host_row("classifier", 1024, 1000), "Gemm", {last});
  report.graph.nodes.push_back({"scores", "1x1000", "", -1});
  connect(report.graph, {last}, last + 1);
  finish(report);
  return report;
}

Report profile_sample_report() {
  Report report = straight_sample_report();
  report.title = "VGG-16";
  report.command = "profile";
  report.chip.reset();
  report.published.clear();
  for (LayerRow& layer : report.layers) {
    layer.placement.clear();
    layer.mapping.clear();
    layer.reason.clear();
    layer.stats.reset();
    layer.energy.reset();
    layer.compared.reset();
    layer.mismatches.reset();
    layer.saturated.reset();
    layer.error.reset();
  }
  for (GraphNode& node : report.graph.nodes) node.placement.clear();
  return report;
}

}  // namespace deltahop
