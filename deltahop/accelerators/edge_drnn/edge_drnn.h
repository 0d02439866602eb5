// SPDX-License-Identifier: Apache-2.0
// EdgeDRNN [Gao2020]: a delta GRU whose weights stay in DRAM; a column is fetched only if its input or unit
// has changed. README.md describes it and says what the sources leave open.
#pragma once

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/accelerators/edge_drnn/edge_drnn_config.h"

namespace deltahop::edge_drnn {

class EdgeDrnn final : public Accelerator {
 public:
  explicit EdgeDrnn(EdgeDrnnConfig config) : config_(std::move(config)) {}

  const Architecture& architecture() const override { return config_.architecture; }
  Arithmetic arithmetic() const override;
  Support supports(const FusedWorkload& workload) const override;
  std::string mapping_text(const FusedWorkload& workload) const override;
  std::optional<DeltaGruFormats> recurrent_formats() const override { return config_.formats; }
  Support supports_recurrent(RecurrentLayers layers) const override;
  std::vector<std::string> warnings(RecurrentLayers layers) const override;
  // Works without weights: only thresholds, inputs and outputs of the traces are looked at.
  using Accelerator::simulate_steps;
  RecurrentCounts simulate_steps(std::span<const LayerTrace> layers,
                                 std::vector<DramRequest>* requests) const override;
  // weights.bin, weights.hex, configuration.bin, configuration.hex and a C header of that name.
  std::vector<std::pair<std::string, std::string>> board_files(RecurrentLayers layers,
                                                               std::string_view name) const override;
  // One recurrent layer as a network of its own.
  Stats simulate(const LayerTrace& trace) const override;
  Tensor compute(const LayerTrace& trace) const override;
  std::vector<std::string> uncertainties() const override;
  std::string resolved_configuration() const override { return config_.resolved; }

  const EdgeDrnnConfig& config() const { return config_; }

 private:
  EdgeDrnnConfig config_;
};

}  // namespace deltahop::edge_drnn
