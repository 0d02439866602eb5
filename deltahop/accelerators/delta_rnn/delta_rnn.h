// SPDX-License-Identifier: Apache-2.0
// DeltaRNN [Gao2018]: a delta GRU with all weights on the chip; each non-zero delta is broadcast to three
// gates' MACs at once. README.md describes it and says what the sources leave open.
#pragma once

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/accelerators/delta_rnn/delta_rnn_config.h"

namespace deltahop::delta_rnn {

// Of one layer; sums over steps.
struct LayerEvents {
  int64_t steps = 0, columns = 0;
  int64_t compute_cycles = 0;   // a column is being multiplied
  int64_t encoding_cycles = 0;  // the MACs wait for the encoder
  int64_t activation_cycles = 0;
  friend bool operator==(const LayerEvents&, const LayerEvents&) = default;
};
// One step in which the elements at these positions of the scan (inputs, then units) are sent.
void schedule_step(const DeltaRnnConfig& chip, const IntegerDeltaGruLayer& layer,
                   std::span<const int32_t> positions, LayerEvents& events);

class DeltaRnn final : public Accelerator {
 public:
  explicit DeltaRnn(DeltaRnnConfig config) : config_(std::move(config)) {}

  const Architecture& architecture() const override { return config_.architecture; }
  Arithmetic arithmetic() const override;
  Support supports(const FusedWorkload& workload) const override;
  std::string mapping_text(const FusedWorkload& workload) const override;
  std::optional<DeltaGruFormats> recurrent_formats() const override { return config_.formats; }
  Support supports_recurrent(RecurrentLayers layers) const override;
  using Accelerator::simulate_steps;
  RecurrentCounts simulate_steps(std::span<const LayerTrace> layers,
                                 std::vector<DramRequest>* requests) const override;
  Stats simulate(const LayerTrace& trace) const override;
  Tensor compute(const LayerTrace& trace) const override;
  std::vector<std::string> uncertainties() const override;
  std::string resolved_configuration() const override { return config_.resolved; }

  const DeltaRnnConfig& config() const { return config_; }

 private:
  std::string refusal_of(RecurrentLayers layers) const;  // "" where the chip takes them
  DeltaRnnConfig config_;
};

}  // namespace deltahop::delta_rnn
