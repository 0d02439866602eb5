// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/plan.h"

#include <fmt/format.h>

#include "deltahop/accelerators/layer_plan.h"
#include "deltahop/base/error.h"

namespace deltahop::nullhop {
namespace {

bool is_two_by_two(const Pooling& pooling) {
  Pooling wanted;
  wanted.kind = pooling.kind;
  return pooling == wanted;
}

// Why the chip cannot run this at all, or "".
std::string refusal(const NullhopConfig& chip, const FusedWorkload& fused) {
  const Workload& workload = fused.workload;
  const ConvolutionShape& shape = workload.shape;
  if (workload.kind == WorkloadKind::fully_connected) return "fully connected layers run on the host";
  if (workload.kind != WorkloadKind::convolution) return "only convolutions run on the chip";
  if (workload.time_steps != 1 || shape.batch != 1) return "the chip takes one image at a time";
  if (workload.operand_bits > chip.word_bits)
    return fmt::format("operands of {} bits", workload.operand_bits);
  if (shape.dilation_rows != 1 || shape.dilation_columns != 1) return "dilated kernel";
  if (shape.stride_rows != 1 || shape.stride_columns != 1) {
    if (!chip.extensions.stride)
      return fmt::format("stride {}", std::max(shape.stride_rows, shape.stride_columns));
  }
  const int64_t largest = std::max(shape.kernel_rows, shape.kernel_columns);
  if (largest > chip.kernel_limit && !chip.extensions.large_kernels)
    return fmt::format("kernel above {0}x{0}", chip.kernel_limit);
  if (shape.kernel_rows != shape.kernel_columns && !chip.extensions.rectangular_kernels)
    return "kernel is not square";
  if (shape.groups != 1 && !chip.extensions.groups) return fmt::format("{} groups", shape.groups);
  return "";
}

// The extensions that the layer needs, in words.
std::string extensions_used(const NullhopConfig& chip, const FusedWorkload& fused, bool outputs_padded) {
  const ConvolutionShape& shape = fused.workload.shape;
  std::string used;
  const auto add = [&](bool needed, std::string_view what) {
    if (needed) used += fmt::format("{}{}", used.empty() ? "" : ", ", what);
  };
  add(shape.stride_rows != 1 || shape.stride_columns != 1, "stride");
  add(std::max(shape.kernel_rows, shape.kernel_columns) > chip.kernel_limit, "large_kernels");
  add(shape.kernel_rows != shape.kernel_columns, "rectangular_kernels");
  add(shape.groups != 1, "groups");
  add(outputs_padded, "few_output_channels");
  const bool average =
      fused.pooling && fused.pooling->kind == Pooling::Kind::average && is_two_by_two(*fused.pooling);
  add(average && chip.extensions.average_pooling, "average_pooling");
  return used;
}

Planned on_host(std::string reason) { return {{Placement::host, std::move(reason), ""}, std::nullopt}; }

}  // namespace

Planned plan_layer(const NullhopConfig& chip, const FusedWorkload& fused) {
  const ConvolutionShape& shape = fused.workload.shape;
  std::string reason = refusal(chip, fused);
  if (!reason.empty()) return on_host(std::move(reason));
  LayerPlan plan;
  plan.groups = shape.groups;
  plan.relu = fused.relu;
  plan.sweep = Sweep::of(shape, chip.stripe_rows);
  // A stripe must fit however dense its image is.
  const int64_t rows = std::min(plan.sweep.rows_read(), shape.in_rows);
  const int64_t row_pixels = shape.in_channels_per_group() * shape.in_columns;
  if (rows * ((row_pixels + 15) / 16 * 16 + row_pixels * chip.word_bits) > chip.input_capacity.number()) {
    return on_host(fmt::format("{} rows of the image may exceed the input memory", rows));
  }
  bool padded = false;
  const auto mapping = map_channels(chip, shape.in_channels_per_group(), shape.out_channels_per_group(),
                                    shape.kernel_rows * shape.kernel_columns, &reason, &padded);
  if (!mapping) return on_host(std::move(reason));
  plan.mapping = *mapping;
  Support support{Placement::chip, extensions_used(chip, fused, padded), ""};
  if (!support.reason.empty()) support.placement = Placement::extension;
  if (fused.pooling) {
    const bool average = fused.pooling->kind == Pooling::Kind::average;
    const bool fits = is_two_by_two(*fused.pooling) && (!average || chip.extensions.average_pooling);
    (fits ? plan.chip_pooling : plan.host_pooling) = fused.pooling;
    if (!fits) support.host_part = pooling_text(*fused.pooling);
  }
  return {std::move(support), plan};
}

LayerPlan plan_of(const NullhopConfig& chip, const LayerTrace& trace) {
  if (!trace.workload || trace.input == nullptr) {
    throw Error(trace.name, "does not multiply by weights, so there is nothing for the chip",
                "run it on the host");
  }
  const Planned planned = plan_layer(chip, *trace.workload);
  if (!planned.plan)
    throw Error(trace.name, "does not run on the chip: " + planned.support.reason, "run it on the host");
  const ConvolutionShape& shape = trace.workload->workload.shape;
  const auto outputs = shape.out_channels * planned.plan->stored_rows() * planned.plan->stored_columns();
  check_operands(trace, shape, planned.plan->host_pooling ? std::nullopt : std::optional(outputs));
  return *planned.plan;
}

GroupView group_view(const LayerPlan& plan, const LayerTrace& trace, int64_t group) {
  const auto part = [&](auto all) {
    return all.subspan(static_cast<size_t>(group) * (all.size() / static_cast<size_t>(plan.groups)),
                       all.size() / static_cast<size_t>(plan.groups));
  };
  GroupView view;
  view.input = part(trace.input->values<int16_t>());
  if (trace.weights != nullptr) view.weights = part(trace.weights->values<int16_t>());
  if (trace.bias != nullptr) view.bias = part(trace.bias->values<int64_t>());
  return view;
}

}  // namespace deltahop::nullhop
