// SPDX-License-Identifier: Apache-2.0
// What every chip model answers. A chip is one folder in accelerators/ that defines describe_<folder>().
//   const auto chip = make_accelerator("nullhop", {});
//   Stats stats = chip->simulate(trace);       Tensor output = chip->compute(trace);
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/base/embedded.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/network/integer_delta_gru.h"
#include "deltahop/network/integer_model.h"
#include "deltahop/network/trace.h"
#include "deltahop/network/workload.h"
#include "deltahop/simulate/dram_channel.h"
#include "deltahop/simulate/stats.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

// Where a stage runs. extension: on the chip, by an ability that the published chip lacks and that the
// configuration grants by name.
enum class Placement { chip, extension, host };
std::string_view name_of(Placement placement);

struct Support {
  Placement placement = Placement::host;
  std::string reason;  // why host, or which extension; empty for chip
  // What the host does after the chip where the chip takes only part of the stage ("3x3/2 max pooling");
  // empty for none. compute() includes it, so that its result is the whole stage's; simulate() counts the
  // chip's part.
  std::string host_part;
};

using RecurrentLayers = std::span<const std::shared_ptr<const IntegerDeltaGruLayer>>;

struct RecurrentCounts {
  std::vector<Stats> layers;       // sums over time steps
  std::vector<std::string> notes;  // of the whole run: what a memory model found
};

class Accelerator {
 public:
  virtual ~Accelerator() = default;
  // The chip as plain data: multipliers, clock, memories, process. Energy, roofline and reports need nothing
  // else.
  virtual const Architecture& architecture() const = 0;
  virtual Arithmetic arithmetic() const = 0;
  virtual Support supports(const FusedWorkload& workload) const = 0;
  // How the workload is mapped, in one line for people ("2 MACs a channel, 8 passes").
  virtual std::string mapping_text(const FusedWorkload& workload) const = 0;
  // The numbers of that mapping by name ("passes"), for published figures and reports; empty where there are
  // none.
  virtual std::vector<std::pair<std::string, double>> mapping_figures(const FusedWorkload&) const {
    return {};
  }
  // Counts for one supported stage. Throws Error where it is not supported.
  virtual Stats simulate(const LayerTrace& trace) const = 0;
  // The chip's own output, in its dataflow and arithmetic: must equal *trace.output, or trace.recurrent's
  // outputs.
  virtual Tensor compute(const LayerTrace& trace) const = 0;

  // Chips for recurrent networks. The number formats that they compute in; absent: the chip has no recurrent
  // layers.
  virtual std::optional<DeltaGruFormats> recurrent_formats() const { return std::nullopt; }
  // Whether it runs these layers, one behind the other in every time step; host with the reason otherwise.
  virtual Support supports_recurrent(RecurrentLayers) const {
    return {Placement::host, "not a recurrent chip", ""};
  }
  // What a user should know of these layers on this chip, a line each: padding, sums that may wrap.
  virtual std::vector<std::string> warnings(RecurrentLayers) const { return {}; }
  // Counts of all time steps of supported layers, whose traces have `recurrent`; `requests`, where given,
  // takes what the chip asks its DRAM for, burst by burst. Throws Error where a layer is not supported, or
  // the chip has no DRAM to record.
  virtual RecurrentCounts simulate_steps(std::span<const LayerTrace> layers,
                                         std::vector<DramRequest>* requests) const;
  RecurrentCounts simulate_steps(std::span<const LayerTrace> layers) const {
    return simulate_steps(layers, nullptr);
  }

  // What a real board is loaded with for these layers: files by name. Throws Error where the chip has no such
  // form, or the layers do not fit.
  virtual std::vector<std::pair<std::string, std::string>> board_files(RecurrentLayers layers,
                                                                       std::string_view name) const;

  // What the sources leave open and how much it may matter, a line each, for every report.
  virtual std::vector<std::string> uncertainties() const { return {}; }
  // The configuration in force, as YAML: provenance.
  virtual std::string resolved_configuration() const = 0;
};

struct AcceleratorKind {
  std::string name;                   // folder name
  std::string summary;                // one line for `deltahop list chips`
  std::string page;                   // Markdown, for `deltahop explain`
  std::vector<std::string> variants;  // YAML files that ship, first is the default: "nullhop.yaml", ...
  // From a configuration that has been read strictly to its end. Throws Error.
  std::unique_ptr<Accelerator> (*make)(Config config);
};

std::vector<AcceleratorKind> accelerator_kinds();  // generated
std::vector<EmbeddedFile>
embedded_accelerators();  // generated: the chips' YAML files and pages, "nullhop/nullhop.yaml"
// The text of one of them; throws Error where there is none.
std::string embedded_accelerator_file(std::string_view path);

// `name` is a chip ("nullhop"), a variant ("nullhop_zynq") or a path to a YAML file with `chip: nullhop`;
// `settings` are key=value overrides. Throws Error.
std::unique_ptr<Accelerator> make_accelerator(std::string_view name,
                                              const std::vector<std::string>& settings);

}  // namespace deltahop
