// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/measurement.h"

#include <algorithm>
#include <cmath>

#include "deltahop/tensor/encodings/csc.h"
#include "deltahop/tensor/encodings/encoding.h"
#include "deltahop/tensor/encodings/run_length.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop {

SizeSums& SizeSums::operator+=(const SizeSums& other) {
  dense += other.dense;
  sparsity_map += other.sparsity_map;
  run_length += other.run_length;
  csc += other.csc;
  entropy_bits += other.entropy_bits;
  return *this;
}

namespace {

SizeSums sizes_of(const Tensor& codes, const MapShape& map, int64_t matrix_rows) {
  SizeSums sizes;
  const auto values = codes.values<int16_t>();
  const int64_t nonzeros = count_nonzero(codes);
  sizes.dense = Bits(codes.size() * 16);
  sizes.sparsity_map = sparsity_map_bits(map, nonzeros);
  sizes.run_length = run_length_bits(values);
  sizes.csc = csc_bits(values, matrix_rows, codes.size() / std::max<int64_t>(matrix_rows, 1));
  sizes.entropy_bits = static_cast<double>(entropy_bound_bits(codes.size(), nonzeros).number());
  return sizes;
}

}  // namespace

SizeSums map_sizes(const Tensor& codes) {
  const bool is_map = codes.rank() == 4 && codes.dim(0) == 1;
  const MapShape map =
      is_map ? MapShape{codes.dim(1), codes.dim(2), codes.dim(3)} : MapShape{codes.size(), 1, 1};
  return codes.size() == 0 ? SizeSums{} : sizes_of(codes, map, map.channels);
}

SizeSums weight_sizes(const Tensor& codes, int64_t out_channels) {
  return codes.size() == 0 ? SizeSums{} : sizes_of(codes, {codes.size(), 1, 1}, out_channels);
}

void ErrorSums::add(const Tensor& codes, FixedFormat format, const Tensor& floats) {
  if (codes.size() != floats.size()) return;
  const auto in = codes.values<int16_t>();
  const auto reference = floats.values<float>();
  const double step = format.step();
  for (size_t i = 0; i < in.size(); ++i) {
    const double signal = reference[i];
    const double error = static_cast<double>(in[i]) * step - signal;
    squared_error += error * error;
    squared_signal += signal * signal;
    largest = std::max(largest, std::abs(error));
  }
  values += codes.size();
}

ErrorSums& ErrorSums::operator+=(const ErrorSums& other) {
  values += other.values;
  squared_error += other.squared_error;
  squared_signal += other.squared_signal;
  largest = std::max(largest, other.largest);
  return *this;
}

void StageTotals::add(const StageRecord& record) {
  ++inputs;
  sum.macs.dense += record.macs.dense;
  sum.macs.inside += record.macs.inside;
  sum.macs.nonzero_input += record.macs.nonzero_input;
  sum.macs.nonzero += record.macs.nonzero;
  sum.stats += record.stats;
  sum.input_values += record.input_values;
  sum.input_nonzero += record.input_nonzero;
  sum.output_values += record.output_values;
  sum.output_nonzero += record.output_nonzero;
  sum.input_sizes += record.input_sizes;
  sum.error += record.error;
  if (record.saturated) sum.saturated = sum.saturated.value_or(0) + *record.saturated;
  sum.compared += record.compared;
  sum.mismatches += record.mismatches;
  const auto share = [](int64_t part, int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  if (record.input_values > 0) input_density.push_back(share(record.input_nonzero, record.input_values));
  if (record.output_values > 0) output_density.push_back(share(record.output_nonzero, record.output_values));
}

Tensor zero_pattern(const Tensor& floats) {
  Tensor pattern(DataType::int16, floats.shape());
  const auto in = floats.values<float>();
  std::transform(in.begin(), in.end(), pattern.values<int16_t>().begin(),
                 [](float value) { return static_cast<int16_t>(value != 0.0f); });
  return pattern;
}

}  // namespace deltahop
