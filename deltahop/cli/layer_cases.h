// SPDX-License-Identifier: Apache-2.0
// Layers given by shape and by how many of their values are zero: what published.yaml lists under `cases` for
// figures that were measured layer by layer. Zeros are drawn independently, seeded; weights are not needed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/config.h"
#include "deltahop/report/findings.h"

namespace deltahop {

struct LayerCase {
  std::string name;
  FusedWorkload workload;         // its batch may be above 1
  double zeros_with_padding = 0;  // of the input, padding counted among them, as papers print it
  double output_zeros = 0;
};
std::vector<LayerCase> read_layer_cases(const Config& config);  // the key `cases`; none where it is absent

// The chip on some of the cases, one after the other.
class CaseRuns {
 public:
  CaseRuns(std::string chip, std::vector<LayerCase> cases)
      : chip_(std::move(chip)), cases_(std::move(cases)) {}
  // Of all named cases together: "processing_ms" (without waiting for DRAM), "total_ms", "core_mW",
  // "buffer_MB" (inputs and sums between buffer and array, and finished outputs; 10^6 bytes), "dram_MB",
  // "gmacs", "active_elements" (mean over the time of processing); of one case also the numbers of its
  // mapping. Throws Error on an unknown case or metric.
  double figure(const std::vector<std::string>& names, const std::vector<std::string>& settings,
                const std::string& metric);
  // Every case on its own, a line each: mapping, time, traffic, energy.
  FindingsTable table();

 private:
  struct Run {
    Stats stats;
    double energy_pJ = 0;
    std::vector<std::pair<std::string, double>> mapping;
    std::string mapping_text;
  };
  const Run& run_of(const std::string& name, const std::vector<std::string>& settings);

  std::string chip_;
  std::vector<LayerCase> cases_;
  std::map<std::string, Run> runs_;
  std::map<std::string, std::unique_ptr<Accelerator>> chips_;  // by settings
};

}  // namespace deltahop
