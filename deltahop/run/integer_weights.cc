// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/integer_weights.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "deltahop/base/parallel.h"
#include "deltahop/kernels/round_codes.h"
#include "deltahop/network/integer_rule.h"

namespace deltahop {
namespace {

// [rows, columns] of codes turned into [columns, rows, 1, 1].
Tensor turned(const Tensor& codes, int threads) {
  const int64_t rows = codes.dim(0), columns = codes.dim(1);
  Tensor result(DataType::int16, {columns, rows, 1, 1});
  const int16_t* const in = codes.values<int16_t>().data();
  int16_t* const out = result.values<int16_t>().data();
  constexpr int64_t kBlock = 32;
  parallel_for(threads, columns, [&](int64_t begin, int64_t end) {
    for (int64_t c0 = begin; c0 < end; c0 += kBlock) {
      for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
        for (int64_t c = c0; c < std::min(c0 + kBlock, end); ++c) {
          for (int64_t r = r0; r < std::min(r0 + kBlock, rows); ++r) out[c * rows + r] = in[r * columns + c];
        }
      }
    }
  });
  return result;
}

// Codes in the operator's layout as the convolution takes them.
Tensor arranged(Tensor codes, const Node& node, const ConvolutionShape& shape, int threads) {
  const std::string_view name = node.layer->operator_name();
  if (name == "Conv") {
    return std::move(codes).reshaped(
        {shape.out_channels, shape.in_channels_per_group(), shape.kernel_rows, shape.kernel_columns});
  }
  const bool has_rows_of_outputs = name == "Gemm" && node.layer->attributes().integer("transB", 0) != 0;
  if (!has_rows_of_outputs) return turned(codes, threads);
  return std::move(codes).reshaped({shape.out_channels, shape.in_channels, 1, 1});
}

}  // namespace

Tensor nearest_codes(const Tensor& values, FixedFormat format, int threads, int64_t* clipped) {
  if (values.type() != DataType::float32) return quantized(values, format, Rounding::half_even, clipped);
  Tensor codes(DataType::int16, values.shape());
  const std::span<const float> in = values.values<float>();
  const std::span<int16_t> out = codes.values<int16_t>();
  const float scale = std::ldexp(1.0f, format.fraction_bits);
  std::atomic<int64_t> outside = 0;
  constexpr int64_t kSmallestPiece = 1 << 16;
  parallel_for(
      threads, values.size(),
      [&](int64_t begin, int64_t end) {
        const auto first = static_cast<size_t>(begin), size = static_cast<size_t>(end - begin);
        const RoundedCodes result =
            round_codes(in.subspan(first, size), scale, static_cast<int16_t>(format.lowest()),
                        static_cast<int16_t>(format.highest()), out.subspan(first, size));
        if (result.has_nan) quantized(std::nan(""), format, Rounding::half_even);  // throws its Error
        outside += result.outside;
      },
      kSmallestPiece);
  if (clipped != nullptr) *clipped += outside;
  return codes;
}

Tensor bias_codes(const Tensor& bias, int fraction_bits, int64_t channels) {
  constexpr double kLargest = 0x1.0p62;
  const Tensor values = bias.converted(DataType::float64);
  const std::span<const double> in = values.values<double>();
  const bool repeats = channels != 0 && in.size() == 1;
  Tensor codes(DataType::int64, repeats || channels != 0 ? Shape{channels} : bias.shape());
  const std::span<int64_t> out = codes.values<int64_t>();
  for (size_t i = 0; i < out.size(); ++i) {
    const double code = std::nearbyint(std::ldexp(in[repeats ? 0 : i], fraction_bits));
    if (std::isnan(code)) throw Error("", "a bias is not a number (NaN)", "look at the network's weights");
    out[i] = static_cast<int64_t>(std::clamp(code, -kLargest, kLargest));
  }
  return codes;
}

std::optional<WeightedStage> prepare_weights(const IntegerModel& model, const Stage& stage, int threads,
                                             int64_t* clipped) {
  const Network& network = model.network;
  const Node& node = network.nodes()[stage.nodes[0]];
  if (!is_weighted_sum(network, node)) return std::nullopt;
  const ConvolutionShape& shape = stage.workload->workload.shape;
  const FixedFormat format = model.formats.at(node.inputs[1]);
  WeightedStage prepared;
  prepared.weight_format = format;
  prepared.weights = arranged(
      nearest_codes(*network.value(node.inputs[1]).constant, format, threads, clipped), node, shape, threads);
  prepared.bias = Tensor(DataType::int64, {0});
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    const int fraction_bits = model.formats.at(node.inputs[0]).fraction_bits + format.fraction_bits;
    prepared.bias = bias_codes(*network.value(node.inputs[2]).constant, fraction_bits, shape.out_channels);
  }
  return prepared;
}

}  // namespace deltahop
