// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/nullhop.h"

#include "deltahop/accelerators/nullhop/fast_path.h"
#include "deltahop/accelerators/nullhop/stored_map.h"
#include "deltahop/accelerators/nullhop/ticking.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop {
namespace nullhop {

Arithmetic Nullhop::arithmetic() const {
  return {.activation_bits = config_.word_bits,
          .weight_bits = config_.word_bits,
          .rounding = config_.rounding,
          .overflow = config_.overflow};
}

Support Nullhop::supports(const FusedWorkload& workload) const {
  return plan_layer(config_, workload).support;
}

std::string Nullhop::mapping_text(const FusedWorkload& workload) const {
  const Planned planned = plan_layer(config_, workload);
  return planned.plan ? to_text(planned.plan->mapping) : "";
}

std::vector<std::pair<std::string, double>> Nullhop::mapping_figures(const FusedWorkload& workload) const {
  const Planned planned = plan_layer(config_, workload);
  if (!planned.plan) return {};
  const ChannelMapping& mapping = planned.plan->mapping;
  const auto number = [](int64_t value) { return static_cast<double>(value); };
  return {
      {"macs_per_channel", number(mapping.macs_per_channel)},
      {"outputs_per_pass", number(mapping.outputs_per_pass)},
      {"passes", number(mapping.passes * planned.plan->groups)},
      {"padded_in_channels", number(mapping.padded_in_channels)},
      {"contiguous_kernels", number(mapping.contiguous_kernels)},
      {"sparsity_map_words", number(sparsity_map_words(planned.plan->sweep.input) * planned.plan->groups)}};
}

std::vector<std::string> Nullhop::uncertainties() const {
  return {
      "the sources leave open whether kernels load while the pass before computes: compare "
      "kernel_memory.load=serial "
      "with overlapped",
      "the sources leave open the kernel memory of the 28 nm chip (4096 words a MAC, as in its driver) and "
      "the rate of its "
      "pooling and encoding unit; 'deltahop explain nullhop' says what was chosen and why",
  };
}

Stats Nullhop::simulate(const LayerTrace& trace) const {
  if (config_.ticking) return simulate_ticking(config_, trace);
  const LayerPlan plan = plan_of(config_, trace);
  Stats stats;
  for (int64_t group = 0; group < plan.groups; ++group) {
    const GroupView view = group_view(plan, trace, group);
    const PixelCounts pixels = count_pixels(plan, view.input);
    const InputStream stream = input_stream(config_, plan.sweep, pixels.row_totals);
    const OutputCounts output = known_output(config_, plan, trace, group);
    for (int64_t pass = 0; pass < plan.mapping.passes; ++pass) {
      stats += book_pass(config_, plan, pass, fast_pass(config_, plan, pass, pixels, stream, output));
    }
  }
  return stats;
}

Tensor Nullhop::compute(const LayerTrace& trace) const {
  const LayerPlan plan = plan_of(config_, trace);
  return host_pooled(plan, compute_stored(config_, plan, trace), config_);
}

}  // namespace nullhop

std::vector<AcceleratorKind> describe_nullhop() {
  AcceleratorKind kind;
  kind.name = "nullhop";
  kind.summary = "NullHop: convolutions on compressed feature maps, zero pixels cost no cycle [Aimar2019]";
  kind.page = embedded_accelerator_file("nullhop/README.md");
  kind.variants = {"nullhop.yaml", "nullhop_zynq.yaml"};
  kind.make = [](Config config) -> std::unique_ptr<Accelerator> {
    return std::make_unique<nullhop::Nullhop>(nullhop::read_nullhop_config(config));
  };
  return {std::move(kind)};
}

}  // namespace deltahop
