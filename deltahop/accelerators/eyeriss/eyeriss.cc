// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/eyeriss.h"

#include <fmt/format.h>

#include "deltahop/accelerators/eyeriss/account.h"
#include "deltahop/accelerators/eyeriss/dataflow.h"
#include "deltahop/accelerators/eyeriss/walking.h"
#include "deltahop/accelerators/host_pooling.h"
#include "deltahop/base/error.h"

namespace deltahop {
namespace eyeriss {
namespace {

std::string key_of(const FusedWorkload& fused) {
  const ConvolutionShape& s = fused.workload.shape;
  std::string key = fmt::format(
      "{} {} {} {}|{} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", static_cast<int>(fused.workload.kind),
      fused.workload.time_steps, fused.workload.operand_bits, fused.relu, s.batch, s.groups, s.out_channels,
      s.in_channels, s.in_rows, s.in_columns, s.out_rows, s.out_columns, s.kernel_rows, s.kernel_columns,
      s.stride_rows, s.stride_columns, s.dilation_rows * 1000 + s.dilation_columns, s.pad_top, s.pad_left);
  if (const auto& p = fused.pooling) {
    key +=
        fmt::format("|{} {} {} {} {} {} {} {} {}", static_cast<int>(p->kind), p->rows, p->columns,
                    p->stride_rows, p->stride_columns, p->pad_top, p->pad_left, p->pad_bottom, p->pad_right);
  }
  return key;
}

double kib(int64_t words, int word_bits) { return static_cast<double>(words * word_bits) / 8.0 / 1024.0; }

}  // namespace

Arithmetic Eyeriss::arithmetic() const {
  return {.activation_bits = config_.word_bits,
          .weight_bits = config_.word_bits,
          .rounding = config_.rounding,
          .overflow = config_.overflow};
}

const Planned& Eyeriss::planned(const FusedWorkload& workload) const {
  const std::string key = key_of(workload);
  const std::lock_guard lock(remembering_);
  const auto found = remembered_.find(key);
  return found != remembered_.end() ? found->second
                                    : remembered_.emplace(key, plan_layer(config_, workload)).first->second;
}

LayerPlan Eyeriss::plan_of(const LayerTrace& trace) const {
  if (!trace.workload || trace.input == nullptr) {
    throw Error(trace.name, "does not multiply by weights, so there is nothing for the chip",
                "run it on the host");
  }
  return checked_plan(planned(*trace.workload), trace);
}

Support Eyeriss::supports(const FusedWorkload& workload) const { return planned(workload).support; }

std::string Eyeriss::mapping_text(const FusedWorkload& workload) const {
  const std::optional<LayerPlan>& plan = planned(workload).plan;
  if (!plan) return "";
  const std::string source = plan->listed.empty() ? "chosen" : fmt::format("listed as {}", plan->listed);
  return fmt::format("{}: {} passes, {} elements, {}", to_text(plan->mapping),
                     passes(plan->layer, plan->mapping), active_elements(plan->layer, plan->mapping), source);
}

std::vector<std::pair<std::string, double>> Eyeriss::mapping_figures(const FusedWorkload& workload) const {
  const std::optional<LayerPlan>& plan = planned(workload).plan;
  if (!plan) return {};
  const Mapping& mapping = plan->mapping;
  const auto number = [](int64_t value) { return static_cast<double>(value); };
  return {{"m", number(mapping.m)},
          {"n", number(mapping.n)},
          {"e", number(mapping.e)},
          {"p", number(mapping.p)},
          {"q", number(mapping.q)},
          {"r", number(mapping.r)},
          {"t", number(mapping.t)},
          {"active_elements", number(active_elements(plan->layer, mapping))},
          {"passes", number(passes(plan->layer, mapping))},
          {"buffer_input_KiB", kib(input_words(plan->layer, mapping), config_.word_bits)},
          {"buffer_sum_KiB", kib(sum_words(plan->layer, mapping), config_.word_bits)}};
}

std::vector<std::string> Eyeriss::uncertainties() const {
  std::vector<std::string> lines;
  if (config_.batch > 1) {
    lines.push_back(
        fmt::format("a picture counts as its share of a batch of {} like it: the chip takes {} "
                    "times the latency for all of them; 'batch' sets another",
                    config_.batch, config_.batch));
  }
  lines.emplace_back(
      "sums are exact here; the chip keeps them in words of 16 bits, and how it cuts them is not known to "
      "us");
  lines.emplace_back(
      "the sources leave open the width of the link to DRAM and what of its time is hidden: compare "
      "link.maps=exposed with hidden; 'deltahop explain eyeriss' says what was chosen and why");
  return lines;
}

Stats Eyeriss::simulate(const LayerTrace& trace) const {
  const LayerPlan plan = plan_of(trace);
  ArrayCounts counts;
  if (config_.walking) {
    counts = walk(config_, plan, trace).counts;
  } else {
    counts = count_passes(plan.layer, plan.mapping, rates_of(config_));
    count_macs(plan, *trace.input, counts);
  }
  return book(config_, plan, counts, map_sizes(config_, plan, trace));
}

Tensor Eyeriss::compute(const LayerTrace& trace) const {
  const LayerPlan plan = plan_of(trace);
  Tensor map = config_.walking && trace.weights != nullptr ? walk(config_, plan, trace).map
                                                           : stored_map(config_, plan, trace);
  return plan.host_pooling ? host_pooled(map, *plan.host_pooling, config_.rounding) : map;
}

}  // namespace eyeriss

std::vector<AcceleratorKind> describe_eyeriss() {
  AcceleratorKind kind;
  kind.name = "eyeriss";
  kind.summary = "Eyeriss: row stationary, 12 x 14 elements, zeros cost time but little energy [Chen2017]";
  kind.page = embedded_accelerator_file("eyeriss/README.md");
  kind.variants = {"eyeriss.yaml"};
  kind.make = [](Config config) -> std::unique_ptr<Accelerator> {
    return std::make_unique<eyeriss::Eyeriss>(eyeriss::read_eyeriss_config(config));
  };
  return {std::move(kind)};
}

}  // namespace deltahop
