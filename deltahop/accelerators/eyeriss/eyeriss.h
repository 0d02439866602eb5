// SPDX-License-Identifier: Apache-2.0
// Eyeriss [Chen2017]: 168 elements that each slide a row of weights along a row of inputs (row stationary),
// a buffer of 108 KiB, run-length coded maps off chip, zeros that cost time but little energy. README.md
// describes it and says what the sources leave open.
#pragma once

#include <map>
#include <mutex>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/accelerators/eyeriss/plan.h"

namespace deltahop::eyeriss {

class Eyeriss final : public Accelerator {
 public:
  explicit Eyeriss(EyerissConfig config) : config_(std::move(config)) {}

  const Architecture& architecture() const override { return config_.architecture; }
  Arithmetic arithmetic() const override;
  Support supports(const FusedWorkload& workload) const override;
  std::string mapping_text(const FusedWorkload& workload) const override;
  // m n e p q r t, "active_elements", "passes" (of the batch), "buffer_input_KiB", "buffer_sum_KiB". Empty
  // on the host.
  std::vector<std::pair<std::string, double>> mapping_figures(const FusedWorkload& workload) const override;
  // A trace of one picture counts as its share of a batch of pictures like it (`batch`); a trace of several
  // is a batch of its own. Works without weights and without output: the size of an unknown output is then
  // estimated (unknown_output_density).
  Stats simulate(const LayerTrace& trace) const override;
  Tensor compute(const LayerTrace& trace) const override;
  std::vector<std::string> uncertainties() const override;
  std::string resolved_configuration() const override { return config_.resolved; }

  const EyerissConfig& config() const { return config_; }

 private:
  LayerPlan plan_of(const LayerTrace& trace) const;
  const Planned& planned(const FusedWorkload& workload) const;

  EyerissConfig config_;
  // Choosing a mapping takes up to a second and every picture asks again: remembered by shape and fusion.
  mutable std::mutex remembering_;
  mutable std::map<std::string, Planned> remembered_;
};

}  // namespace deltahop::eyeriss
