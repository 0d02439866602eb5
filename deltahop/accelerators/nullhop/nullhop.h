// SPDX-License-Identifier: Apache-2.0
// NullHop [Aimar2019]: a convolutional accelerator that streams feature maps as sparsity maps and spends no
// cycle on a zero pixel. README.md describes it and says what the sources leave open.
#pragma once

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/accelerators/nullhop/nullhop_config.h"

namespace deltahop::nullhop {

class Nullhop final : public Accelerator {
 public:
  explicit Nullhop(NullhopConfig config) : config_(std::move(config)) {}

  const Architecture& architecture() const override { return config_.architecture; }
  Arithmetic arithmetic() const override;
  Support supports(const FusedWorkload& workload) const override;
  std::string mapping_text(const FusedWorkload& workload) const override;
  // The mapping's numbers, and what follows from the shape alone: "passes", "macs_per_channel",
  // "outputs_per_pass", "padded_in_channels", "contiguous_kernels", "sparsity_map_words" (of the input).
  // Empty on the host.
  std::vector<std::pair<std::string, double>> mapping_figures(const FusedWorkload& workload) const override;
  // Works without weights and without output: the size of an unknown output is then estimated
  // (unknown_output_density).
  Stats simulate(const LayerTrace& trace) const override;
  Tensor compute(const LayerTrace& trace) const override;
  std::vector<std::string> uncertainties() const override;
  std::string resolved_configuration() const override { return config_.resolved; }

  const NullhopConfig& config() const { return config_; }

 private:
  NullhopConfig config_;
};

}  // namespace deltahop::nullhop
