// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/accelerators/eyeriss/chooser.h"
#include "deltahop/accelerators/layer_plan.h"
#include "deltahop/base/error.h"

namespace deltahop::eyeriss {
namespace {

// What only `any_size` grants, or "".
std::string beyond_limits(const Limits& limits, const ConvolutionShape& shape) {
  if (shape.in_channels_per_group() > limits.channels)
    return fmt::format("more than {} input channels", limits.channels);
  if (shape.out_channels_per_group() > limits.filters)
    return fmt::format("more than {} filters", limits.filters);
  if (std::find(limits.row_strides.begin(), limits.row_strides.end(), shape.stride_rows) ==
      limits.row_strides.end())
    return fmt::format("stride {} along the rows", shape.stride_rows);
  if (shape.stride_columns > limits.column_stride)
    return fmt::format("stride {} along the columns", shape.stride_columns);
  return "";
}

// Why the chip cannot run this at all, or "".
std::string refusal(const EyerissConfig& chip, const FusedWorkload& fused) {
  const Workload& workload = fused.workload;
  const ConvolutionShape& shape = workload.shape;
  const bool matrix = workload.kind == WorkloadKind::fully_connected;
  if (matrix && !chip.fully_connected) return "fully connected layers run on the host";
  if (!matrix && workload.kind != WorkloadKind::convolution) return "only convolutions run on the chip";
  if (workload.time_steps != 1) return "only convolutions run on the chip";
  if (workload.operand_bits > chip.word_bits)
    return fmt::format("operands of {} bits", workload.operand_bits);
  if (shape.dilation_rows != 1 || shape.dilation_columns != 1) return "dilated kernel";
  if (shape.kernel_rows > chip.limits.kernel_rows || shape.kernel_rows > chip.array.rows)
    return fmt::format("kernel of {} rows", shape.kernel_rows);
  if (shape.kernel_columns > chip.limits.kernel_columns || shape.kernel_columns > chip.array.input_words)
    return fmt::format("kernel of {} columns", shape.kernel_columns);
  const std::string beyond = beyond_limits(chip.limits, shape);
  return chip.any_size ? "" : beyond;
}

const ListedMapping* listed_mapping(const EyerissConfig& chip, const ConvolutionShape& shape,
                                    const LayerShape& layer) {
  if (!chip.listed_first) return nullptr;
  const auto found = std::find_if(chip.mappings.begin(), chip.mappings.end(), [&](const ListedMapping& each) {
    return each.in_channels == shape.in_channels && each.out_channels == shape.out_channels &&
           each.groups == shape.groups && each.kernel == shape.kernel_rows &&
           each.kernel == shape.kernel_columns && each.stride == shape.stride_rows &&
           each.stride == shape.stride_columns && each.out_rows == shape.out_rows &&
           each.out_rows == shape.out_columns && layer.pictures % each.mapping.n == 0;
  });
  return found == chip.mappings.end() ? nullptr : &*found;
}

std::string extensions_used(const EyerissConfig& chip, const FusedWorkload& fused) {
  std::string used = fused.workload.kind == WorkloadKind::convolution ? "" : "fully_connected";
  if (!beyond_limits(chip.limits, fused.workload.shape).empty())
    used += fmt::format("{}any_size", used.empty() ? "" : ", ");
  return used;
}

Planned on_host(std::string reason) { return {{Placement::host, std::move(reason), ""}, std::nullopt}; }

}  // namespace

Rates rates_of(const EyerissConfig& chip) {
  return {.input_bus = chip.input_bus,
          .filter_bus = chip.filter_bus,
          .sum_bus = chip.sum_bus,
          .link_bits = chip.link_bits_per_cycle(),
          .word_bits = chip.word_bits};
}

Planned plan_layer(const EyerissConfig& chip, const FusedWorkload& fused) {
  const ConvolutionShape& shape = fused.workload.shape;
  std::string reason = refusal(chip, fused);
  if (!reason.empty()) return on_host(std::move(reason));
  LayerPlan plan;
  plan.shape = shape;
  plan.share = shape.batch == 1 ? chip.batch : 1;
  plan.layer = layer_shape(shape, shape.batch * plan.share);
  plan.relu = fused.relu;
  if (const ListedMapping* listed = listed_mapping(chip, shape, plan.layer)) {
    plan.mapping = listed->mapping;
    plan.listed = listed->layer;
  } else {
    const std::optional<Mapping> chosen = choose_mapping(chip.array, plan.layer, rates_of(chip));
    if (!chosen) return on_host("no mapping fits the buffer");
    plan.mapping = *chosen;
  }
  Support support{Placement::chip, extensions_used(chip, fused), ""};
  if (!support.reason.empty()) support.placement = Placement::extension;
  plan.host_pooling = fused.pooling;
  if (fused.pooling) support.host_part = pooling_text(*fused.pooling);
  return {std::move(support), std::move(plan)};
}

LayerPlan checked_plan(const Planned& planned, const LayerTrace& trace) {
  if (!planned.plan)
    throw Error(trace.name, "does not run on the chip: " + planned.support.reason, "run it on the host");
  const ConvolutionShape& shape = planned.plan->shape;
  const auto outputs = shape.batch * shape.out_channels * shape.out_rows * shape.out_columns;
  check_operands(trace, shape, planned.plan->host_pooling ? std::nullopt : std::optional(outputs));
  return *planned.plan;
}

}  // namespace deltahop::eyeriss
