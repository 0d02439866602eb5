// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/fold_budget.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop {
namespace {

constexpr double kFoldedBytes = 0x1p26;
constexpr double kFoldedWork = 0x1p26;
constexpr double kMadeBytes = 0x1p28;  // of one value that nodes make of constants
constexpr double kGrowth = 8;          // bytes or elements for each of the network's own
constexpr int64_t kLargestValueBytes = int64_t{1} << 33;
constexpr size_t kMostDimensions = 32;

double elements_of(const std::optional<ValueInfo>& info) {
  return info && info->shape ? static_cast<double>(element_count(*info->shape)) : 0.0;
}

// An upper bound that need not be sharp: windows as large as their kernel, everywhere.
double work_of(const Layer& layer, InferInputs inputs, double output_elements) {
  double work = output_elements;
  for (const auto& input : inputs) work += elements_of(input);
  if (const auto workload = layer.workload(inputs)) work += static_cast<double>(workload->macs());
  const std::string_view name = layer.operator_name();
  if (name.find("MatMul") != std::string_view::npos && !inputs.empty() && inputs[0] && inputs[0]->shape &&
      !inputs[0]->shape->empty()) {
    work += output_elements * static_cast<double>(inputs[0]->shape->back());
  }
  if (name.find("Conv") != std::string_view::npos && inputs.size() > 1)
    work += output_elements * elements_of(inputs[1]);
  const Attributes attributes = layer.attributes();
  for (const auto& [key, value] : attributes.entries()) {
    if (const auto* kernel = std::get_if<std::vector<int64_t>>(&value);
        kernel != nullptr && key == "kernel_shape") {
      double window = output_elements;
      for (const int64_t size : *kernel) window *= static_cast<double>(size);
      work += window;
    } else if (const auto* size = std::get_if<int64_t>(&value); size != nullptr && key == "size") {
      work *= 1.0 + static_cast<double>(*size);  // LRN
    }
  }
  return work;
}

}  // namespace

FoldBudget::FoldBudget(const std::vector<Value>& values)
    : bytes_left_(kFoldedBytes), work_left_(kFoldedWork), most_made_bytes_(kMadeBytes) {
  for (const Value& value : values) {
    if (value.constant == nullptr) continue;
    const double grown_bytes = kGrowth * static_cast<double>(value.constant->bytes().size());
    bytes_left_ += grown_bytes;
    most_made_bytes_ += grown_bytes;
    work_left_ += kGrowth * static_cast<double>(value.constant->size());
  }
}

bool FoldBudget::take(const Layer& layer, InferInputs inputs, std::span<const ValueInfo> outputs) {
  double bytes = 0, elements = 0;
  for (const ValueInfo& output : outputs) {
    if (!output.shape) return false;
    const double count = static_cast<double>(element_count(*output.shape));
    elements += count;
    bytes += count * static_cast<double>(byte_width(output.type));
  }
  if (bytes > most_made_bytes_) {
    throw Error("",
                fmt::format("asks for a constant of {:.0f} MiB that the file does not hold", bytes * 0x1p-20),
                fmt::format("at most {:.0f} MiB and {} times what it does hold: {:.0f} MiB",
                            kMadeBytes * 0x1p-20, kGrowth, most_made_bytes_ * 0x1p-20));
  }
  const double work = work_of(layer, inputs, elements);
  if (bytes > bytes_left_ || work > work_left_) return false;
  bytes_left_ -= bytes;
  work_left_ -= work;
  return true;
}

void check_plausible(DataType type, const Shape& shape) {
  if (shape.size() > kMostDimensions)
    throw Error("", fmt::format("a shape of {} dimensions", shape.size()), "at most 32 are supported");
  if (element_count(shape) > kLargestValueBytes / static_cast<int64_t>(byte_width(type))) {
    throw Error("", fmt::format("a value of shape {} would not fit into memory", to_text(shape)),
                "at most 8 GiB a value");
  }
}

}  // namespace deltahop
