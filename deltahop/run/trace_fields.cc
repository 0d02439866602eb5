// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/trace_fields.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop::trace_fields {
namespace {

constexpr int64_t kLargestBound = int64_t{1} << 24;
constexpr int64_t kLargestFraction = 64;

Tensor tensor_of(const std::vector<int64_t>& values) {
  return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

// Hands out the numbers one by one, each within its bounds.
class Numbers {
 public:
  Numbers(const Tensor& tensor, size_t count, std::string_view what)
      : values_(tensor.values<int64_t>()), what_(what) {
    if (tensor.rank() != 1 || values_.size() != count) {
      throw Error("", fmt::format("'{}' holds {} numbers", what, tensor.size()),
                  fmt::format("wanted {}", count));
    }
  }
  int64_t next(int64_t low, int64_t high) {
    const int64_t value = values_[at_++];
    if (value < low || value > high) {
      throw Error("", fmt::format("number {} of '{}' is {}", at_ - 1, what_, value),
                  fmt::format("{} to {}", low, high));
    }
    return value;
  }
  int64_t bound() { return next(1, kLargestBound); }
  int64_t pad() { return next(0, kLargestBound); }
  bool flag() { return next(0, 1) != 0; }

 private:
  std::span<const int64_t> values_;
  std::string_view what_;
  size_t at_ = 0;
};

constexpr size_t kNumbers = 12;
constexpr size_t kWorkloadNumbers = 31;

FixedFormat read_format(Numbers& numbers) {
  FixedFormat format;
  format.total_bits = static_cast<int>(numbers.next(1, 16));
  format.fraction_bits = static_cast<int>(numbers.next(-kLargestFraction, kLargestFraction));
  format.is_signed = numbers.flag();
  return format;
}

void check_geometry(const ConvolutionShape& shape) {
  const auto check_axis = [](int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                             int64_t pad) {
    const int64_t extent = (kernel - 1) * dilation + 1;
    if (extent > 2 * kLargestBound || pad >= extent + in || (out - 1) * stride - pad >= in + extent) {
      throw Error("", "the windows of the workload lie outside its input");
    }
  };
  check_axis(shape.in_rows, shape.out_rows, shape.kernel_rows, shape.stride_rows, shape.dilation_rows,
             shape.pad_top);
  check_axis(shape.in_columns, shape.out_columns, shape.kernel_columns, shape.stride_columns,
             shape.dilation_columns, shape.pad_left);
  if (shape.in_channels % shape.groups != 0 || shape.out_channels % shape.groups != 0) {
    throw Error("", "the channels of the workload do not divide by its groups");
  }
}

// Positions of a window along one axis after pooling.
int64_t pooled(int64_t in, int64_t kernel, int64_t stride, int64_t pads) {
  if (kernel > in + pads) throw Error("", "the pooling window is larger than its input");
  return (in + pads - kernel) / stride + 1;
}

void check_shape(const Tensor* tensor, const Shape& wanted, std::string_view what) {
  if (tensor == nullptr) throw Error("", fmt::format("the array '{}' is missing", what));
  if (tensor->shape() != wanted) {
    throw Error("", fmt::format("'{}' has the shape {}", what, to_text(tensor->shape())),
                fmt::format("the workload wants {}", to_text(wanted)));
  }
}

void check_codes(const Tensor* tensor, FixedFormat format, std::string_view what) {
  if (tensor == nullptr) return;
  const auto codes = tensor->values<int16_t>();
  const bool fit = std::all_of(codes.begin(), codes.end(), [&](int16_t code) {
    return code >= format.lowest() && code <= format.highest();
  });
  if (!fit) throw Error("", fmt::format("'{}' holds codes beyond its format {}", what, to_text(format)));
}

}  // namespace

Tensor numbers_of(const LayerTrace& trace) {
  std::vector<int64_t> values;
  for (const FixedFormat& format : {trace.input_format, trace.weight_format, trace.output_format}) {
    values.insert(values.end(), {format.total_bits, format.fraction_bits, format.is_signed ? 1 : 0});
  }
  values.push_back(static_cast<int64_t>(trace.rounding));
  values.push_back(static_cast<int64_t>(trace.overflow));
  values.push_back(trace.on_host_in_float ? 1 : 0);
  return tensor_of(values);
}

void read_numbers(const Tensor& tensor, LayerTrace& trace) {
  Numbers numbers(tensor, kNumbers, "numbers");
  trace.input_format = read_format(numbers);
  trace.weight_format = read_format(numbers);
  trace.output_format = read_format(numbers);
  trace.rounding = static_cast<Rounding>(numbers.next(0, static_cast<int64_t>(Rounding::half_even)));
  trace.overflow = static_cast<Overflow>(numbers.next(0, static_cast<int64_t>(Overflow::wrap)));
  trace.on_host_in_float = numbers.flag();
}

Tensor workload_of(const FusedWorkload& fused) {
  const Workload& workload = fused.workload;
  const ConvolutionShape& s = workload.shape;
  const Pooling pooling = fused.pooling.value_or(Pooling{});
  return tensor_of({static_cast<int64_t>(workload.kind),
                    workload.time_steps,
                    workload.operand_bits,
                    s.batch,
                    s.groups,
                    s.out_channels,
                    s.in_channels,
                    s.in_rows,
                    s.in_columns,
                    s.out_rows,
                    s.out_columns,
                    s.kernel_rows,
                    s.kernel_columns,
                    s.stride_rows,
                    s.stride_columns,
                    s.dilation_rows,
                    s.dilation_columns,
                    s.pad_top,
                    s.pad_left,
                    fused.relu ? 1 : 0,
                    fused.pooling ? 1 : 0,
                    static_cast<int64_t>(pooling.kind),
                    pooling.rows,
                    pooling.columns,
                    pooling.stride_rows,
                    pooling.stride_columns,
                    pooling.pad_top,
                    pooling.pad_left,
                    pooling.pad_bottom,
                    pooling.pad_right,
                    1 /* version */});
}

FusedWorkload read_workload(const Tensor& tensor, const std::string& name) {
  Numbers numbers(tensor, kWorkloadNumbers, "workload");
  FusedWorkload fused;
  fused.name = name;
  Workload& workload = fused.workload;
  ConvolutionShape& s = workload.shape;
  workload.kind =
      static_cast<WorkloadKind>(numbers.next(0, static_cast<int64_t>(WorkloadKind::matrix_product)));
  workload.time_steps = numbers.bound();
  workload.operand_bits = static_cast<int>(numbers.next(1, 64));
  for (int64_t* bound : {&s.batch, &s.groups, &s.out_channels, &s.in_channels, &s.in_rows, &s.in_columns,
                         &s.out_rows, &s.out_columns, &s.kernel_rows, &s.kernel_columns, &s.stride_rows,
                         &s.stride_columns, &s.dilation_rows, &s.dilation_columns}) {
    *bound = numbers.bound();
  }
  for (int64_t* pad : {&s.pad_top, &s.pad_left}) *pad = numbers.pad();
  check_geometry(s);
  fused.relu = numbers.flag();
  const bool has_pooling = numbers.flag();
  Pooling pooling;
  pooling.kind = static_cast<Pooling::Kind>(numbers.next(0, static_cast<int64_t>(Pooling::Kind::average)));
  for (int64_t* bound : {&pooling.rows, &pooling.columns, &pooling.stride_rows, &pooling.stride_columns})
    *bound = numbers.bound();
  for (int64_t* pad : {&pooling.pad_top, &pooling.pad_left, &pooling.pad_bottom, &pooling.pad_right})
    *pad = numbers.pad();
  if (has_pooling) fused.pooling = pooling;
  numbers.next(1, 1);  // version
  return fused;
}

void check(const LayerTrace& trace) {
  check_codes(trace.input, trace.input_format, "input");
  check_codes(trace.weights, trace.weight_format, "weights");
  check_codes(trace.output, trace.output_format, "output");
  if (!trace.workload) {
    if (trace.weights != nullptr || trace.bias != nullptr)
      throw Error("", "there are weights but no workload");
    return;
  }
  const ConvolutionShape& s = trace.workload->workload.shape;
  check_shape(trace.input, {s.batch, s.in_channels, s.in_rows, s.in_columns}, "input");
  check_shape(trace.weights, {s.out_channels, s.in_channels_per_group(), s.kernel_rows, s.kernel_columns},
              "weights");
  if (trace.bias != nullptr) check_shape(trace.bias, {s.out_channels}, "bias");
  int64_t rows = s.out_rows, columns = s.out_columns;
  if (const auto& pooling = trace.workload->pooling) {
    rows = pooled(rows, pooling->rows, pooling->stride_rows, pooling->pad_top + pooling->pad_bottom);
    columns =
        pooled(columns, pooling->columns, pooling->stride_columns, pooling->pad_left + pooling->pad_right);
  }
  check_shape(trace.output, {s.batch, s.out_channels, rows, columns}, "output");
  if (trace.float_output != nullptr && trace.float_output->size() != trace.output->size()) {
    throw Error("", "'float_output' and 'output' differ in size");
  }
}

}  // namespace deltahop::trace_fields
