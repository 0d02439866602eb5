// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/edge_drnn.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/accelerators/edge_drnn/account.h"
#include "deltahop/accelerators/edge_drnn/stack.h"
#include "deltahop/accelerators/edge_drnn/ticking.h"
#include "deltahop/accelerators/edge_drnn/weight_port.h"
#include "deltahop/base/error.h"

namespace deltahop {
namespace edge_drnn {

Arithmetic EdgeDrnn::arithmetic() const {
  return {.activation_bits = config_.formats.activation.total_bits,
          .weight_bits = config_.formats.weight.total_bits,
          .rounding = Rounding::half_even,
          .overflow = Overflow::wrap};
}

Support EdgeDrnn::supports(const FusedWorkload&) const {
  return {Placement::host, "only GRU layers run on the chip", ""};
}

std::string EdgeDrnn::mapping_text(const FusedWorkload& workload) const {
  const int64_t rows = workload.workload.shape.out_channels;
  return fmt::format("{} beats of {} B a column", (rows / 3 + config_.elements - 1) / config_.elements * 3,
                     config_.beat_bytes());
}

Support EdgeDrnn::supports_recurrent(RecurrentLayers layers) const {
  const std::string reason = refusal_of(config_, layers);
  if (!reason.empty()) return {Placement::host, reason, ""};
  const bool needs_bias_path = std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    return !layer->candidate_recurrent_bias.empty();
  });
  if (needs_bias_path) return {Placement::extension, "candidate_bias", ""};
  return {Placement::chip, "", ""};
}

std::vector<std::string> EdgeDrnn::warnings(RecurrentLayers layers) const {
  return warnings_of(config_, layers);
}

RecurrentCounts EdgeDrnn::simulate_steps(std::span<const LayerTrace> layers,
                                         std::vector<DramRequest>* requests) const {
  std::vector<const RecurrentTrace*> traces;
  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> stack;
  for (const LayerTrace& layer : layers) {
    DELTAHOP_CHECK(layer.recurrent != nullptr);
    traces.push_back(layer.recurrent);
    stack.push_back(layer.recurrent->layer);
  }
  require_stack(config_, stack);
  std::optional<DramWeights> dram;
  WeightFeed feed;
  if (requests != nullptr && config_.dram.part.empty())
    throw Error(config_.architecture.name, "has no DRAM whose requests could be recorded",
                "name one: --set dram.part=ddr3l_1600_4gb_x16");
  if (!config_.dram.part.empty()) {
    dram.emplace(config_, requests);
    feed = [&](int64_t address, int64_t bytes, int64_t cycle, std::vector<int64_t>& arrivals) {
      dram->fetch(address, bytes, cycle, arrivals);
    };
  }
  const std::vector<LayerEvents> events =
      config_.ticking ? tick(config_, traces, feed, nullptr) : schedule(config_, traces, feed);
  RecurrentCounts counts;
  LayerPlace place;
  int64_t cycles = 0;
  for (size_t k = 0; k < events.size(); ++k) {
    place = place_layer(config_, *stack[k], k == 0 ? nullptr : &place);
    counts.layers.push_back(book_layer(config_, place, *stack[k], events[k], k == 0, k + 1 == events.size()));
    cycles += events[k].cycles();
  }
  if (dram) counts.notes = dram->notes(cycles);
  return counts;
}

std::vector<std::pair<std::string, std::string>> EdgeDrnn::board_files(RecurrentLayers layers,
                                                                       std::string_view name) const {
  const MemoryImage image = make_image(config_, {layers.begin(), layers.end()});
  std::vector<std::pair<std::string, std::string>> files = {
      {"weights.bin", weights_binary(image)},
      {"weights.hex", weights_text(image)},
      {"configuration.bin", configuration_binary(image)},
      {"configuration.hex", configuration_text(image)},
      {fmt::format("{}.h", plain_name(name)), c_header(image, name)}};
  // Nothing leaves that would not be read back as it was meant.
  DELTAHOP_CHECK(image_from_binary(files[0].second, files[2].second, image.beat_bytes, "binary") == image);
  DELTAHOP_CHECK(weights_from_text(files[1].second, image.beat_bytes, "text") == image.weights);
  DELTAHOP_CHECK(layers_of(image, config_).size() == layers.size());
  return files;
}

Stats EdgeDrnn::simulate(const LayerTrace& trace) const { return simulate_steps({&trace, 1}).layers.front(); }

Tensor EdgeDrnn::compute(const LayerTrace& trace) const {
  DELTAHOP_CHECK(trace.recurrent != nullptr);
  const RecurrentTrace& recurrent = *trace.recurrent;
  const IntegerDeltaGruLayer& layer = *recurrent.layer;
  const MemoryImage image = make_image(config_, {recurrent.layer});
  const LayerPlace place = place_layer(config_, layer, nullptr);
  Datapath datapath(config_, place, image.weights, layer.candidate_recurrent_bias);
  EncoderState state(place);
  Tensor outputs(DataType::int16, {recurrent.steps(), layer.hidden});
  const auto one = static_cast<int16_t>(1 << config_.formats.activation.fraction_bits);
  datapath.multiply_column({kBiasPosition, one});
  for (int64_t step = 0; step < recurrent.steps(); ++step) {
    const auto x = recurrent.inputs.values<int16_t>().subspan(static_cast<size_t>(step * layer.inputs),
                                                              static_cast<size_t>(layer.inputs));
    for (int32_t position = 0; position < place.elements(); ++position) {
      const int16_t delta = state.encode(position, x, layer);
      if (delta != 0) datapath.multiply_column({position, delta});
    }
    for (int64_t group = 0; group < place.groups; ++group) datapath.activate_group(group, state.h);
    std::copy_n(state.h.begin(), layer.hidden,
                outputs.values<int16_t>().begin() + static_cast<std::ptrdiff_t>(step * layer.hidden));
  }
  return outputs;
}

std::vector<std::string> EdgeDrnn::uncertainties() const {
  std::vector<std::string> lines = {
      fmt::format(
          "cycles follow from the released hardware description's state machines and were not measured "
          "on a board; {} cycles a layer and step stand for registers and handshakes",
          config_.pipeline_fill_cycles),
      "the processor that moves inputs and outputs, and the rest of the board, are not modelled"};
  if (!config_.dram.part.empty())
    lines.emplace_back(
        "two good DRAM controllers with the same timings differ by about 2 % on reads like these; how many "
        "columns the port asks for ahead, and what lies between it and the memory, is not documented");
  return lines;
}

}  // namespace edge_drnn

std::vector<AcceleratorKind> describe_edge_drnn() {
  AcceleratorKind kind;
  kind.name = "edge_drnn";
  kind.summary = "EdgeDRNN: delta GRUs with weights in DRAM, unchanged values cost no fetch [Gao2020]";
  kind.page = embedded_accelerator_file("edge_drnn/README.md");
  kind.variants = {"edge_drnn.yaml"};
  kind.make = [](Config config) -> std::unique_ptr<Accelerator> {
    return std::make_unique<edge_drnn::EdgeDrnn>(edge_drnn::read_edge_drnn_config(config));
  };
  return {std::move(kind)};
}

}  // namespace deltahop
